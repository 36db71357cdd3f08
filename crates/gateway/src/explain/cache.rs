//! What would be kept of an answer, under which key, for how long, and why not.

use std::time::Duration;

use banyan_config::plan::{
    Cache, CacheRules, KeyPart, Plan, Route, RouteCache, TagSegment, TagTemplate, Upstream,
};
use banyan_httpcache::{Asked, is_for_origin_only, is_unsafe};
use http::{Method, header};

use super::{Ask, Step};
use crate::{
    router::{captures, normalize},
    subject,
};

/// What the cache would do with a request.
pub(super) fn look(plan: &Plan, route: &Route, upstream: &Upstream, ask: &Ask<'_>) -> Vec<Step> {
    let step = |says| Step { name: "cache", says };
    let Some(cache) = &plan.cache else { return Vec::new() };
    if is_unsafe(ask.method) || !route.invalidates.is_empty() {
        return vec![step(invalidates(route, ask))];
    }
    let rules = match &route.cache {
        RouteCache::Off => return vec![step("off: nothing of this route's answers is kept".to_owned())],
        RouteCache::Origin => &CacheRules::default(),
        RouteCache::Rules(rules) => rules,
    };
    if !matches!(*ask.method, Method::GET | Method::HEAD) {
        return vec![step(format!("only GET and HEAD are answered from it, not {}", ask.method))];
    }
    let mut steps = vec![step(format!("key: {}", key(rules, upstream, ask)))];
    steps.push(step(format!("kept: {}", kept(rules, cache))));
    if !rules.tags.is_empty() {
        steps.push(step(format!("tags: {}", filled(&rules.tags, route, ask))));
    }
    steps.extend(why_not(rules, ask).map(|why| step(format!("this request: {why}"))));
    steps
}

/// Whether identical requests wait for one another.
pub(super) fn coalesces(plan: &Plan, route: &Route) -> String {
    match (&plan.cache, &route.cache) {
        (None, _) | (_, RouteCache::Off) => super::calls::NONE.to_owned(),
        (_, RouteCache::Rules(rules)) if !rules.coalesce => "off: each request asks for itself".to_owned(),
        (Some(cache), _) => {
            format!("identical requests wait for one call, at most {:?}, then ask for themselves", cache.wait)
        }
    }
}

/// Where answers are kept.
pub(super) fn levels(plan: &Plan, route: &Route) -> String {
    match (&plan.cache, &route.cache) {
        (None, _) | (_, RouteCache::Off) => super::calls::NONE.to_owned(),
        (Some(Cache { redis: Some(redis), .. }), _) => {
            format!("memory, then {} (at most {:?} each time)", redis.url, redis.deadline)
        }
        (Some(_), _) => "memory".to_owned(),
    }
}

fn key(rules: &CacheRules, upstream: &Upstream, ask: &Ask<'_>) -> String {
    let (path, query) =
        ask.path.split_once('?').map_or((ask.path, None), |(path, query)| (path, Some(query)));
    let mut parts = vec![format!("host '{}'", ask.host), format!("side '{}'", upstream.name)];
    let whole = [KeyPart::Path, KeyPart::Query];
    for part in rules.key.as_deref().unwrap_or(&whole) {
        parts.push(match part {
            KeyPart::Path => format!("path {path}"),
            KeyPart::Query => query.map_or_else(|| "no query".to_owned(), |query| format!("query {query}")),
            KeyPart::QueryParam(name) => {
                format!("query:{name} {}", parameter(query, name).unwrap_or("(absent)"))
            }
            // A value may be somebody's; that it is there is all there is to know.
            KeyPart::Header(name) => format!("header:{name} {}", presence(ask.headers.contains_key(name))),
            KeyPart::Cookie(name) => {
                format!("cookie:{name} {}", presence(subject::cookie(ask.headers, name).is_some()))
            }
            KeyPart::Subject => "the subject".to_owned(),
            KeyPart::Jwt(claim) => {
                format!("jwt:{claim} {}", presence(subject::jwt_claim(ask.headers, claim).is_some()))
            }
        });
    }
    parts.push("and what the answer's Vary names".to_owned());
    parts.join(", ")
}

fn presence(is_there: bool) -> &'static str {
    if is_there { "(its value)" } else { "(absent)" }
}

fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let pairs = query?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.into_iter().find_map(|(key, value)| (key == name).then_some(value))
}

fn kept(rules: &CacheRules, cache: &Cache) -> String {
    let own = "as the answer says (RFC 9111)";
    let for_time = |time: Option<Duration>, otherwise: &str| match time {
        Some(Duration::ZERO) => "not at all".to_owned(),
        Some(time) => format!("{time:?}"),
        None => otherwise.to_owned(),
    };
    let jitter = match rules.ttl {
        Some(ttl) if !ttl.is_zero() => format!(" (up to {} less)", rules.jitter),
        _ => String::new(),
    };
    format!(
        "good answers {}{jitter}, 'not found' {}, degraded ones {}, stale while a new one is fetched {}, instead of an error {}; up to {} bytes each",
        for_time(rules.ttl, own),
        for_time(rules.negative, own),
        for_time(rules.degraded, "not at all"),
        for_time(rules.stale_while_revalidate, own),
        for_time(rules.stale_if_error, own),
        cache.max_object,
    )
}

/// Why the answer to this request would not be kept, or would not come from what is kept, as far as that is known before
/// there is one.
fn why_not(rules: &CacheRules, ask: &Ask<'_>) -> Option<&'static str> {
    let asked = Asked::of(ask.headers);
    let has = |name| ask.headers.contains_key(name);
    if asked.no_store {
        Some("it says no-store, so nothing of it is kept")
    } else if asked.only_if_cached {
        Some("it says only-if-cached: 504, code NC, where nothing is kept")
    } else if is_for_origin_only(ask.headers) {
        Some("it has conditions that only the upstream can judge, so it goes past the cache")
    } else if asked.no_cache {
        Some("it says no-cache: the upstream is asked whether what is kept still holds")
    } else if has(header::AUTHORIZATION) && !rules.allow.authorization {
        Some(
            "it has Authorization: its answer is kept only if it says public, s-maxage or must-revalidate (or the route has allow: [authorization])",
        )
    } else if *ask.method == Method::HEAD {
        Some("HEAD is answered from what GET has left, and leaves nothing itself")
    } else if has(header::RANGE) {
        Some(
            "a part is cut out of what is kept; where nothing is, the upstream is asked for the part and it is not kept",
        )
    } else {
        None
    }
}

fn invalidates(route: &Route, ask: &Ask<'_>) -> String {
    let tags = if route.invalidates.is_empty() {
        String::new()
    } else {
        format!("; tags {}", filled(&route.invalidates, route, ask))
    };
    format!(
        "a 2xx or 3xx answer makes untrue: the answers to {}, to what Location and Content-Location name, and to the groups of Cache-Group-Invalidation{tags}",
        ask.path
    )
}

fn filled(tags: &[TagTemplate], route: &Route, ask: &Ask<'_>) -> String {
    let path = normalize(ask.path.split('?').next().unwrap_or_default());
    let values: Vec<_> = route.pattern.params().zip(captures(&route.pattern, &path)).collect();
    let fill = |tag: &TagTemplate| -> String {
        let text = |segment: &TagSegment| match segment {
            TagSegment::Literal(text) => text.clone(),
            TagSegment::Param(name) => values
                .iter()
                .find(|(known, _)| known == name)
                .map_or_else(String::new, |(_, value)| (*value).to_owned()),
        };
        tag.segments().iter().map(text).collect()
    };
    tags.iter().map(fill).collect::<Vec<_>>().join(", ")
}
