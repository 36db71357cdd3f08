//! Whether a request is answered from what is kept: the fast path.

use std::sync::Arc;

use banyan_config::plan::Target;
use banyan_httpcache::{
    Asked, Conditions, Forwarded, KeyBuilder, Miss, Reuse, is_for_origin_only, miss, reuse,
};
use banyan_resilience::cache::early;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use rand::Rng as _;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::{
    entry::{Entry, Label},
    hit::{self, Wanted},
    key::{Key, tag_of_url},
    outcome::Outcome,
    purges::Tag,
    rules::{self, CachedRoute},
    shared::Cache,
    store::Stored,
};
use crate::{
    exchange::{Degraded, Exchange, Lack},
    router::normalize,
    subject,
    wire::answer::Reply,
    worker::{Local, Worker},
};

/// A request as the cache sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) host: &'a HeaderValue,
    /// Who would be asked: the name of the side, in units.
    pub(crate) side: &'a Arc<str>,
    pub(crate) secure: bool,
    /// Whether it has fields that matter to caches.
    pub(crate) is_particular: bool,
    pub(crate) now: Instant,
}

/// What looking gave.
#[derive(Debug)]
pub(crate) enum Look {
    /// Not the cache's business.
    Off,
    /// The answer; and what should be fetched anew besides.
    Hit(Reply, Option<Box<Want>>),
    /// The client wants what is kept and nothing else, and nothing is.
    Unavailable,
    /// Whoever is asked now should know this.
    Miss(Box<Want>),
}

/// What is to be done about a miss.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    pub(crate) cache: Arc<Cache>,
    pub(crate) route: usize,
    /// Whether the answer is for this request only.
    pub(crate) passes: bool,
    /// What all answers to it lie under.
    pub(crate) key: Key,
    /// What the one for this request would lie under, as far as is known.
    pub(crate) place: Key,
    pub(crate) parts: KeyBuilder,
    pub(crate) asked: Asked,
    pub(crate) conditions: Conditions,
    /// What is kept, but may not be given without asking.
    pub(crate) stored: Option<Arc<Entry>>,
    pub(crate) why: Forwarded,
    pub(crate) tags: SmallVec<[Tag; 4]>,
    pub(crate) label: Arc<Label>,
}

/// What is there for a request.
struct Found {
    place: Key,
    entry: Option<Arc<Entry>>,
    why: Forwarded,
    /// More fields decide the answer than can be told apart.
    is_beyond: bool,
}

/// Looks whether a request can be answered from what is kept.
pub(crate) fn look(worker: &Worker, local: &Local, exchange: &mut Exchange, question: &Question<'_>) -> Look {
    let compiled = &local.compiled;
    let Some(cache) = &compiled.cache else { return Look::Off };
    let Some(index) = exchange.route else { return Look::Off };
    let Some(route) = &compiled.cached[index] else { return Look::Off };
    if !matches!(*question.method, Method::GET | Method::HEAD) {
        return Look::Off;
    }
    let parts = parts(worker, local, index, route, question);
    let key = Key::of(&parts, &cache.secret);
    let found = find(cache, key, question);
    let (age, now) = (found.entry.as_ref().map(|entry| entry.age(question.now)), question.now);
    if let (Some(entry), false) = (&found.entry, question.is_particular)
        && entry.is_fresh(now)
    {
        exchange.cache = Some(Outcome::Hit);
        note_degraded(exchange, entry);
        worker.samples.note(&entry.label);
        let refresh = is_due(worker, route, entry, now);
        let reply = hit::plain(entry.clone(), now, None);
        let refresh = refresh.then(|| want(cache, index, route, question, key, parts, found, Asked::NOTHING));
        return Look::Hit(reply, refresh);
    }
    let asked = Asked::of(question.headers);
    let decided = match (&found.entry, age) {
        (Some(entry), Some(age)) => reuse(&entry.lifetimes, age, &asked),
        _ => match miss(&asked) {
            Miss::Fetch => Reuse::Revalidate,
            Miss::Bypass => Reuse::Bypass,
            Miss::Unavailable => Reuse::Unavailable,
        },
    };
    let is_beyond = found.is_beyond || is_for_origin_only(question.headers);
    match decided {
        Reuse::Unavailable => {
            exchange.cache = Some(Outcome::OnlyIfCached);
            Look::Unavailable
        }
        Reuse::Fresh | Reuse::Stale | Reuse::WhileRevalidating if !is_beyond => {
            let Some(entry) = found.entry.clone() else { return Look::Off };
            let (outcome, refresh) = match decided {
                Reuse::Fresh => (Outcome::Hit, is_due(worker, route, &entry, now)),
                Reuse::Stale => (Outcome::Stale, false),
                _ => (Outcome::Stale, true),
            };
            exchange.cache = Some(outcome);
            note_degraded(exchange, &entry);
            worker.samples.note(&entry.label);
            let want = want(cache, index, route, question, key, parts, found, asked);
            let reply = give(worker, entry, now, question.method, &want.conditions);
            Look::Hit(reply, refresh.then_some(want))
        }
        decided => {
            let mut want = want(cache, index, route, question, key, parts, found, asked);
            let asks_for_part = want.conditions.range.is_some() && want.stored.is_none();
            want.passes =
                is_beyond || decided == Reuse::Bypass || asks_for_part || question.method == Method::HEAD;
            if !want.passes {
                worker.samples.note(&want.label);
            }
            if want.stored.as_ref().is_some_and(|entry| entry.is_fresh(now)) {
                want.why = Forwarded::Request;
            }
            Look::Miss(want)
        }
    }
}

/// A kept answer as this request wants it.
pub(crate) fn give(
    worker: &Worker,
    entry: Arc<Entry>,
    now: Instant,
    method: &Method,
    conditions: &Conditions,
) -> Reply {
    let wanted = Wanted {
        method,
        conditions,
        answered_at: worker.wall_clock(entry.stored),
        random: worker.rng.borrow_mut().random(),
    };
    hit::fitting(entry, now, None, &wanted)
}

/// A degraded answer says so each time it is given.
pub(crate) fn note_degraded(exchange: &mut Exchange, entry: &Entry) {
    if let Some(part) = &entry.missing {
        exchange.degraded = Some(Degraded { missing: part.clone(), why: Lack::Part });
    }
}

fn is_due(worker: &Worker, route: &CachedRoute, entry: &Entry, now: Instant) -> bool {
    let is_near = now >= entry.early_from;
    is_near && early::is_due(now, entry.fresh_until, entry.recompute, route.early, early::draw(&worker.dice))
}

/// What decides the answer: the side and the host always, the rest as the route says.
fn parts(
    worker: &Worker,
    local: &Local,
    index: usize,
    route: &CachedRoute,
    question: &Question<'_>,
) -> KeyBuilder {
    let compiled = &local.compiled;
    let host = question.host.to_str().unwrap_or_default();
    let parts = KeyBuilder::new().host(host).extra("side", Some(question.side.as_bytes()));
    let parts = if question.secure { parts.extra("secure", None) } else { parts };
    let subject = match compiled.plan.routes[index].target {
        Target::Unit(id) if route.wants_subject() => {
            subject::find(&compiled.plan.units[id.0].subject, &worker.signer, question.headers)
        }
        _ => None,
    };
    let asked = rules::Asked {
        path: question.target.path(),
        query: question.target.query(),
        headers: question.headers,
        subject: subject.as_deref(),
    };
    route.key(parts, &asked)
}

fn find(cache: &Cache, key: Key, question: &Question<'_>) -> Found {
    let miss = |place, why, is_beyond| Found { place, entry: None, why, is_beyond };
    let (place, entry) = match cache.store.get(key) {
        None => return miss(key, Forwarded::UriMiss, false),
        Some(Stored::Entry(entry)) => (key, entry),
        Some(Stored::Varies(varies)) => {
            let Some(variant) = varies.names.variant(question.headers) else {
                return miss(key, Forwarded::VaryMiss, true);
            };
            let place = key.of_variant(&variant, &cache.secret);
            match cache.store.get(place) {
                Some(Stored::Entry(entry)) => (place, entry),
                _ => return miss(place, Forwarded::VaryMiss, false),
            }
        }
    };
    let Some(entry) = cache.standing(place, entry) else { return miss(place, Forwarded::UriMiss, false) };
    if entry.anonymous && question.is_particular && question.headers.contains_key(header::AUTHORIZATION) {
        // It was given to somebody unknown; who says who they are may get something else.
        return miss(place, Forwarded::Request, false);
    }
    Found { place, entry: Some(entry), why: Forwarded::Stale, is_beyond: false }
}

#[expect(clippy::too_many_arguments, reason = "it only puts together what was found out")]
fn want(
    cache: &Arc<Cache>,
    index: usize,
    route: &CachedRoute,
    question: &Question<'_>,
    key: Key,
    parts: KeyBuilder,
    found: Found,
    asked: Asked,
) -> Box<Want> {
    let (path, query) = (normalize(question.target.path()), question.target.query());
    let host = question.host.to_str().unwrap_or_default();
    let mut tags: SmallVec<[Tag; 4]> = SmallVec::new();
    tags.push(tag_of_url(host, &path, query.filter(|_| !route.shares_among_queries())));
    tags.extend(route.tags(&path));
    let target = question.target.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    Box::new(Want {
        cache: cache.clone(),
        route: index,
        passes: false,
        key,
        place: found.place,
        parts,
        asked,
        conditions: Conditions::of(question.headers),
        stored: found.entry,
        why: found.why,
        tags,
        label: Arc::new(Label {
            host: question.host.clone(),
            target: target.into(),
            upstream: question.side.clone(),
            secure: question.secure,
        }),
    })
}
