//! What is kept of the answers of a route, and what its requests make wrong.

use std::time::Duration;

use banyan_flags::Percent;
use http::Method;

use super::{
    cache::Caching,
    route_policy::Subject,
    tags,
    text::json_pointer::{DocumentPointer, JsonPointer},
};
use crate::{
    language::duration_text,
    pattern::Pattern,
    plan::{CacheAllow, CacheRules, Effect, Factor, KeyPart, RouteCache, TagTemplate},
    read::{Fields, Switch},
    report::Read,
    source::Spanned,
};

/// Times for which answers are kept beside `ttl`.
const KEEPING: [&str; 4] = ["negative", "degraded", "stale_while_revalidate", "stale_if_error"];

/// What is kept. `pattern` is what the route matches, if that could be read.
pub(super) fn read(
    fields: &Fields<'_>,
    route: Subject<'_>,
    pattern: Option<&Pattern>,
    caching: Caching,
) -> Read<RouteCache> {
    let writes = is_said_to_write(fields, route);
    match fields.switch("cache")? {
        Switch::Off => Ok(RouteCache::Off),
        Switch::Absent => {
            let reads = !writes && route.methods.is_some_and(is_cacheable);
            Ok(if matches!(caching, Caching::On) && reads { RouteCache::Origin } else { RouteCache::Off })
        }
        Switch::On(section) => {
            let wanted = wanted(section, caching);
            let possible = possible(section, route, writes);
            let rules = rules(section, route, pattern);
            wanted?;
            possible?;
            rules.map(RouteCache::Rules)
        }
    }
}

/// The tags of answers that requests of a route make wrong.
pub(super) fn invalidates(
    fields: &Fields<'_>,
    route: Subject<'_>,
    pattern: Option<&Pattern>,
) -> Read<Vec<TagTemplate>> {
    let tags = tags::all(fields, "invalidates", pattern)?;
    let safe =
        route.methods.is_some_and(|methods| !methods.is_empty() && methods.iter().all(Method::is_safe));
    let place = fields.place("invalidates").filter(|_| !tags.is_empty());
    match place {
        Some(span) if safe && route.effect == Some(Effect::Read) => {
            let message = "this route only reads, so its requests make no answer wrong";
            let hint =
                "put 'invalidates' on the route that writes, or write 'effect: write' if this one does";
            Err(fields.problems().add(span, message, Some(hint.to_owned())))
        }
        _ => Ok(tags),
    }
}

/// Whether the config calls every request of the route a write. One that is only taken for a write since it accepts more
/// than safe methods still reads where it is asked by GET or HEAD.
fn is_said_to_write(fields: &Fields<'_>, route: Subject<'_>) -> bool {
    route.effect == Some(Effect::Write) && fields.place("effect").is_some()
}

/// Whether some of the methods are answered from a cache; no methods are all methods.
fn is_cacheable(methods: &[Method]) -> bool {
    methods.is_empty() || methods.iter().any(|method| [Method::GET, Method::HEAD].contains(method))
}

/// Refuses rules for a cache that the top switches off.
fn wanted(section: &Fields<'_>, caching: Caching) -> Read<()> {
    let Caching::Off(off) = caching else { return Ok(()) };
    let message = "this route keeps answers, and 'cache: off' at the top says that none are kept";
    let hint =
        "remove one of them: without 'cache' at the top, only routes with a 'cache' of their own keep any";
    let related = (off, "switched off here");
    Err(section.problems().add_related(section.span(), message, Some(hint.to_owned()), related))
}

/// Refuses rules where there is nothing that may be kept.
fn possible(section: &Fields<'_>, route: Subject<'_>, writes: bool) -> Read<()> {
    let (message, hint) = if route.methods.is_some_and(|methods| !is_cacheable(methods)) {
        (
            "this route matches neither GET nor HEAD, and only their answers are kept",
            "remove 'cache'; which kept answers a write makes wrong is said with 'invalidates'",
        )
    } else if writes {
        (
            "this route writes, and a write is never answered from a cache",
            "give the requests that read a route of their own, such as match: \"GET /users/{id}\", or write 'effect: read' if none of them changes anything",
        )
    } else {
        return Ok(());
    };
    Err(section.problems().add(section.span(), message, Some(hint.to_owned())))
}

fn rules(section: &Fields<'_>, route: Subject<'_>, pattern: Option<&Pattern>) -> Read<CacheRules> {
    let times = times(section);
    let key = key(section, route, pattern);
    let tags = tags::all(section, "tags", pattern);
    let allow = allow(section);
    let empty = section.maybe_text::<DocumentPointer>("empty");
    let (parts, all_parts) = section.texts::<JsonPointer>("parts");
    let Times { ttl, others: [negative, degraded, stale_while_revalidate, stale_if_error] } = times?;
    all_parts?;
    Ok(CacheRules {
        ttl,
        negative,
        degraded,
        stale_while_revalidate,
        stale_if_error,
        early_refresh: section.get::<Factor>("early_refresh")?.ratio(),
        jitter: section.get::<Percent>("jitter")?,
        coalesce: section.get("coalesce")?,
        key: key?,
        tags: tags?,
        allow: allow?,
        empty: empty?.map(|pointer| pointer.value.0),
        parts: parts.into_iter().map(|pointer| pointer.value.0).collect(),
    })
}

/// How long answers are kept.
struct Times {
    ttl: Option<Duration>,
    /// In the order of [`KEEPING`].
    others: [Option<Duration>; 4],
}

fn times(section: &Fields<'_>) -> Read<Times> {
    let ttl = section.maybe::<Duration>("ttl");
    let others = KEEPING.map(|key| section.maybe::<Duration>(key));
    if let Ok(Some(ttl)) = &ttl
        && ttl.value.is_zero()
    {
        KEEPING.iter().zip(&others).for_each(|(key, other)| keeps_none(section, key, other, ttl));
        does_something(section);
    }
    let [negative, degraded, while_revalidate, if_error] = others;
    let value = |time: Option<Spanned<Duration>>| time.map(|time| time.value);
    let others = [value(negative?), value(degraded?), value(while_revalidate?), value(if_error?)];
    Ok(Times { ttl: value(ttl?), others })
}

/// Reports a time that answers are kept for beside a `ttl` of zero.
fn keeps_none(
    section: &Fields<'_>,
    key: &str,
    other: &Read<Option<Spanned<Duration>>>,
    ttl: &Spanned<Duration>,
) {
    let Ok(Some(other)) = other else { return };
    if other.value.is_zero() {
        return;
    }
    let time = duration_text(other.value);
    let message = format!("'{key}' ({time}) is about answers that are kept, and 'ttl: 0s' keeps none");
    let hint = Some(format!("remove '{key}', or raise 'ttl'"));
    section.problems().add_related(other.span, message, hint, (ttl.span, "the ttl"));
}

/// Reports a cache that neither keeps nor shares.
fn does_something(section: &Fields<'_>) {
    if let Ok(Spanned { value: false, span }) = section.placed::<bool>("coalesce") {
        let message = "with 'ttl: 0s' and 'coalesce: false' no answer is kept and none is shared";
        let hint = "write 'cache: off', or remove one of them".to_owned();
        section.problems().add(span, message, Some(hint));
    }
}

/// What makes two requests the same, if that is said.
fn key(section: &Fields<'_>, route: Subject<'_>, pattern: Option<&Pattern>) -> Read<Option<Vec<KeyPart>>> {
    if section.is_absent("key") {
        return Ok(None);
    }
    let (found, mut whole) = section.texts::<KeyPart>("key");
    let mut parts = Vec::<Spanned<KeyPart>>::with_capacity(found.len());
    for part in found {
        match fits(&part, &parts, section, route) {
            Ok(()) => parts.push(part),
            Err(reported) => whole = Err(reported),
        }
    }
    // Of a part that was refused nobody knows whether it was meant to be the path.
    whole?;
    tells_resources_apart(&parts, section, pattern)?;
    Ok(Some(parts.into_iter().map(|part| part.value).collect()))
}

fn fits(
    part: &Spanned<KeyPart>,
    before: &[Spanned<KeyPart>],
    section: &Fields<'_>,
    route: Subject<'_>,
) -> Read<()> {
    let problems = section.problems();
    if part.value == KeyPart::Subject && !route.of_unit {
        let message = "a route outside units knows no subject, so everybody would get the same answer";
        let hint = "name who it is yourself, with header:NAME, cookie:NAME or jwt:CLAIM".to_owned();
        return Err(problems.add(part.span, message, Some(hint)));
    }
    if let Some(first) = before.iter().find(|known| known.value == part.value) {
        let related = (first.span, "first defined here");
        let hint = Some("remove one of them".to_owned());
        return Err(problems.add_related(part.span, "this part of the key stands twice", hint, related));
    }
    Ok(())
}

/// Refuses a key by which different resources are the same.
fn tells_resources_apart(
    parts: &[Spanned<KeyPart>],
    section: &Fields<'_>,
    pattern: Option<&Pattern>,
) -> Read<()> {
    let has_path = parts.iter().any(|part| part.value == KeyPart::Path);
    match (pattern, section.place("key")) {
        (Some(pattern), Some(span)) if !has_path && pattern.params().next().is_some() => {
            let message = format!("without 'path' all of {pattern} would get one answer");
            let hint = "add 'path' to the key".to_owned();
            Err(section.problems().add(span, message, Some(hint)))
        }
        _ => Ok(()),
    }
}

fn allow(section: &Fields<'_>) -> Read<CacheAllow> {
    let (words, whole) = section.values::<&'static str>("allow");
    let has = |word| words.contains(&word);
    whole.map(|()| CacheAllow { set_cookie: has("set-cookie"), authorization: has("authorization") })
}
