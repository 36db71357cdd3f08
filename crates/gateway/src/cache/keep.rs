//! Whether an answer that came is kept, for how long, and under which tags.

use std::{sync::Arc, time::Duration};

use banyan_httpcache::{
    self as httpcache, Answered, AskedWith, Basis, NotStored, Storable, freshen, storable, strip_for_store,
    tags,
};
use banyan_resilience::cache::early;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::{
    ask::Fetch,
    entry::{Draft, Entry, Kind},
    judge,
    key::{tag_of_group, tag_of_name},
    look::Want,
    purges::{Moment, Tag},
    rules::CachedRoute,
    store::Varies,
};

/// Whether an answer with this head may be kept.
pub(super) fn judge_head(
    fetch: &Fetch,
    route: &CachedRoute,
    status: StatusCode,
    headers: &HeaderMap,
    exchange: httpcache::Exchange,
) -> Result<Storable, NotStored> {
    let sent = fetch.fields.sent();
    let request = AskedWith { method: &Method::GET, headers: sent, asked: &fetch.want.asked };
    let storable = storable(request, Answered { status, headers, exchange }, &route.rules)?;
    // Nobody promised anything, and who sends a cookie may well be answered by it.
    if storable.lifetimes.basis == Basis::Heuristic && sent.contains_key(header::COOKIE) {
        return Err(NotStored::NoLifetime);
    }
    Ok(storable)
}

/// How an answer is kept.
struct Keep {
    storable: Storable,
    kind: Kind,
    missing: Option<Arc<str>>,
}

/// Keeps an answer that is complete, for as long as what is in it allows.
pub(super) fn keep(
    fetch: &Fetch,
    begun: Moment,
    route: &CachedRoute,
    mut storable: Storable,
    answer: (StatusCode, HeaderMap, Bytes),
    took: Duration,
    is_marked: bool,
) -> Option<Arc<Entry>> {
    let (status, headers, body) = &answer;
    let judged = judge::body(route, *status, headers, body, is_marked);
    let lifetime = own_lifetime(route, judged.kind, *status, storable.lifetimes.fresh_for);
    storable.lifetimes.fresh_for =
        lifetime.filter(|lifetime| !lifetime.is_zero() || judged.kind == Kind::Complete)?;
    let keep = Keep { storable, kind: judged.kind, missing: judged.missing };
    let (entry, varies) = draft(fetch, begun, route, keep, answer, took);
    let kept = fetch.want.cache.keep(fetch.want.key, &entry, varies, begun, Instant::now());
    kept.then_some(entry)
}

/// Keeps on what still holds, with the fields of the answer that says so. `took` is how long that answer took.
pub(super) fn renew(
    fetch: &Fetch,
    begun: Moment,
    route: &CachedRoute,
    entry: &Entry,
    (update, exchange): (&HeaderMap, httpcache::Exchange),
    took: Duration,
) -> Result<Arc<Entry>, NotStored> {
    let mut headers = entry.headers.clone();
    freshen(&mut headers, update);
    let mut storable = judge_head(fetch, route, entry.status, &headers, exchange)?;
    let lifetime = own_lifetime(route, entry.kind, entry.status, storable.lifetimes.fresh_for);
    storable.lifetimes.fresh_for = lifetime.unwrap_or_default();
    let keep = Keep { storable, kind: entry.kind, missing: entry.missing.clone() };
    let answer = (entry.status, headers, entry.body.clone());
    let (fresh, varies) = draft(fetch, begun, route, keep, answer, took.max(entry.recompute));
    fetch.want.cache.keep(fetch.want.key, &fresh, varies, begun, Instant::now());
    Ok(fresh)
}

/// How long an answer of this kind is fresh that would be for `fresh_for` if it were complete; `None` when it is not kept.
fn own_lifetime(
    route: &CachedRoute,
    kind: Kind,
    status: StatusCode,
    fresh_for: Duration,
) -> Option<Duration> {
    match kind {
        Kind::Complete => Some(fresh_for),
        // Where a status says it the route's rule was looked at already; here an empty list says it.
        Kind::Negative if status.is_success() => Some(route.rules.negative.unwrap_or(fresh_for)),
        Kind::Negative => Some(fresh_for),
        Kind::Degraded => route.degraded,
    }
}

/// The entry, and by what answers differ if they do.
fn draft(
    fetch: &Fetch,
    begun: Moment,
    route: &CachedRoute,
    keep: Keep,
    answer: (StatusCode, HeaderMap, Bytes),
    recompute: Duration,
) -> (Arc<Entry>, Option<Varies>) {
    let (status, mut headers, body) = answer;
    let Keep { storable, kind, missing } = keep;
    let (want, sent, now) = (&fetch.want, fetch.fields.sent(), Instant::now());
    let all_tags = all_tags(want, &headers);
    strip_for_store(&mut headers, &storable.without);
    headers.remove(header::SET_COOKIE);
    if !headers.contains_key(header::DATE) {
        headers.insert(header::DATE, fetch.worker.date(now));
    }
    let said = httpcache::Said::of(&headers);
    let is_for_all =
        said.public || said.s_maxage.is_some() || said.must_revalidate || route.rules.allow_authorization;
    let mut lifetimes = storable.lifetimes;
    if matches!(lifetimes.basis, Basis::Ttl | Basis::Negative) {
        lifetimes.fresh_for = early::jittered(lifetimes.fresh_for, route.jitter, &fetch.worker.dice);
    }
    let variant = storable.vary.variant(sent).unwrap_or_default();
    let entry = Entry::new(Draft {
        status,
        headers,
        body,
        lifetimes,
        stored: now,
        recompute,
        kind,
        missing,
        anonymous: !sent.contains_key(header::AUTHORIZATION) && !is_for_all,
        tags: all_tags,
        begun,
        variant,
        label: want.label.clone(),
        beta: route.early,
    });
    let varies = (!storable.vary.is_empty()).then_some(Varies { names: storable.vary });
    (entry, varies)
}

/// The tags of the request's own, and those that the answer names. One with more than are looked at was found to be not
/// [`storable`] before.
fn all_tags(want: &Want, headers: &HeaderMap) -> SmallVec<[Tag; 4]> {
    let host = want.label.host.to_str().unwrap_or_default();
    let keys = tags::surrogate_keys(headers).unwrap_or_default();
    let groups = tags::groups(headers).unwrap_or_default();
    let keys = keys.iter().map(|key| tag_of_name(key));
    let groups = groups.iter().map(|group| tag_of_group(host, group));
    want.tags.iter().copied().chain(keys).chain(groups).collect()
}
