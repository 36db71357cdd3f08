//! A fetch, from the inside: ask the level that nodes share, ask the upstream, keep what may be kept, and let everybody who
//! waits have it as it comes.

use std::{future::poll_fn, sync::Arc};

use banyan_httpcache::{
    self as httpcache, Forwarded, Names, NotStored, Storable, Validators, is_for, may_serve_on_error,
};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use super::{
    ask::{Came, Fetch},
    entry::Entry,
    fetch::Own,
    flight::{Found, Head, Verdict},
    flights::Leader,
    hit,
    keep::{judge_head, keep, renew},
    rules::CachedRoute,
    second::{self, Lease, Second},
};
use crate::{
    exchange::Asked,
    stages::respond,
    wire::{answer::Reply, body::Broken},
};

/// Carries out a fetch, for as long as somebody waits for it.
pub(crate) async fn lead(fetch: Fetch, leader: Leader, own: Own) {
    let flight = leader.flight.clone();
    tokio::select! {
        biased;
        () = run(&fetch, &leader, &own) => {}
        () = poll_fn(|cx| flight.poll_deserted(cx)) => {}
    }
}

async fn run(fetch: &Fetch, leader: &Leader, own: &Own) {
    if let Some(entry) = landed(fetch) {
        return leader.flight.settle(Verdict::Entry(entry, Found::Landed));
    }
    let lease = match second::find(fetch, leader).await {
        Second::Found(entry) => return leader.flight.settle(Verdict::Entry(entry, Found::SharedLevel)),
        Second::Fetch(lease) => lease,
    };
    let stored = fetch.want.stored.clone().filter(|entry| entry.has_validator());
    let validators = stored.as_ref().map(|entry| Validators::of(&entry.headers));
    let mut came = match fetch.ask(validators).await {
        Ok(came) => came,
        Err((broken, asked)) => return failed(fetch, leader, broken, asked),
    };
    if let (Some(entry), StatusCode::NOT_MODIFIED) = (&stored, came.reply.status()) {
        if is_for(came.reply.headers(), &entry.headers) {
            return validated(fetch, leader, own, entry, came, lease).await;
        }
        // It speaks of another version than the one that is kept.
        came = match fetch.ask(None).await {
            Ok(came) => came,
            Err((broken, asked)) => return failed(fetch, leader, broken, asked),
        };
    }
    answered(fetch, leader, own, came, lease).await;
}

/// What another fetch has brought since this one's request looked. That one was over before this one began, and an answer
/// is kept before its fetch is forgotten, so what is asked for here would be the same once more.
fn landed(fetch: &Fetch) -> Option<Arc<Entry>> {
    let want = &fetch.want;
    if want.asked != httpcache::Asked::NOTHING || want.why == Forwarded::Request {
        return None;
    }
    let entry = want.cache.entry(want.place)?;
    let is_known = want.stored.as_ref().is_some_and(|known| Arc::ptr_eq(known, &entry));
    let is_for_others = entry.anonymous && fetch.fields.sent().contains_key(header::AUTHORIZATION);
    (!is_known && !is_for_others && entry.is_fresh(Instant::now())).then_some(entry)
}

/// The upstream failed: what is kept is better than nothing, if it may be given.
fn failed(fetch: &Fetch, leader: &Leader, broken: Broken, asked: Asked) {
    match instead(fetch, None).filter(|_| broken.ending.is_upstream_failure()) {
        Some(verdict) => leader.flight.settle(verdict),
        None => leader.flight.settle(Verdict::Failed(broken, Arc::new(asked))),
    }
}

/// What is kept, if it may be given in place of a failure.
fn instead(fetch: &Fetch, status: Option<u16>) -> Option<Verdict> {
    let entry = fetch.want.stored.clone()?;
    let age = entry.age(Instant::now());
    may_serve_on_error(&entry.lifetimes, age, &fetch.want.asked)
        .then_some(Verdict::Entry(entry, Found::InsteadOf(status)))
}

/// The upstream says that what is kept still holds.
async fn validated(
    fetch: &Fetch,
    leader: &Leader,
    own: &Own,
    entry: &Arc<Entry>,
    came: Came,
    lease: Option<Lease>,
) {
    let Some(route) = fetch.route() else { return };
    let now = Instant::now();
    let took = now.saturating_duration_since(came.since);
    match renew(fetch, leader.begun, route, entry, (came.reply.headers(), came.exchange), took) {
        Ok(fresh) => {
            leader.forget();
            leader.flight.settle(Verdict::Entry(fresh.clone(), Found::Validated));
            second::fill(fetch, &fresh, lease).await;
        }
        Err(why) => {
            // It holds, but must not be kept any more: it is for the one who asked.
            fetch.want.cache.store.remove(fetch.want.place, entry);
            let status = httpcache::CacheStatus::default().member(hit::NAME);
            alone(leader, own, hit::plain(entry.clone(), now, Some(status)), came.asked, why);
        }
    }
}

/// An answer came.
async fn answered(fetch: &Fetch, leader: &Leader, own: &Own, mut came: Came, lease: Option<Lease>) {
    let Some(route) = fetch.route() else { return };
    let status = came.reply.status();
    if is_failure(status)
        && let Some(verdict) = instead(fetch, Some(status.as_u16()))
    {
        return leader.flight.settle(verdict);
    }
    let is_marked = respond::is_marked_degraded(came.reply.headers());
    respond::strip_ours(came.reply.head_mut());
    let judged = if came.asked.chaos.is_empty() {
        judge_head(fetch, route, status, came.reply.headers(), came.exchange)
    } else {
        // A fault made on purpose is for those who are to see it.
        Err(NotStored::NoStore)
    };
    let now = Instant::now();
    let storable = match judged {
        Ok(storable) => Some(storable),
        Err(why) if may_be_shared(why, status) => {
            forget_what_is_kept(fetch, status);
            None
        }
        Err(why) => {
            forget_what_is_kept(fetch, status);
            leader.is_for_one_only(now);
            return alone(leader, own, came.reply, came.asked, why);
        }
    };
    if came.reply.body().held_length().is_none() && declared(came.reply.headers()) > Some(largest(fetch)) {
        // It would not be kept, and the slowest of those who share it would hold up the others.
        leader.forget();
        return alone(leader, own, came.reply, came.asked, NotStored::TooLarge);
    }
    leader.is_for_all();
    stream(fetch, leader, route, came, storable, is_marked, lease).await;
}

/// The largest body that is kept, in bytes.
fn largest(fetch: &Fetch) -> u64 {
    fetch.want.cache.config.max_object
}

/// How long a body says that it will be.
fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What is kept was true until now, and this answer, which may not be kept, takes its place.
fn forget_what_is_kept(fetch: &Fetch, status: StatusCode) {
    if let Some(entry) = fetch.want.stored.as_ref().filter(|_| !status.is_server_error()) {
        fetch.want.cache.store.remove(fetch.want.place, entry);
    }
}

/// Statuses in place of which an older answer may be given (RFC 5861 section 4).
fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// Whether an answer that is not kept may still be given to those who wait for it: the route says so, or it is a failure,
/// which is nobody's.
fn may_be_shared(why: NotStored, status: StatusCode) -> bool {
    why == NotStored::ZeroTtl || (why.may_be_shared() && status.is_server_error())
}

fn alone(leader: &Leader, own: &Own, reply: Reply, asked: Asked, why: NotStored) {
    // First the answer, then the word that it is there.
    *own.borrow_mut() = Some((reply, asked, why));
    leader.flight.settle(Verdict::Alone);
}

/// Lets everybody have the answer as it comes, and keeps it if it is to be kept.
async fn stream(
    fetch: &Fetch,
    leader: &Leader,
    route: &CachedRoute,
    came: Came,
    storable: Option<Storable>,
    is_marked: bool,
    lease: Option<Lease>,
) {
    let Came { reply, asked, since, .. } = came;
    let (parts, mut body) = reply.into_http().into_parts();
    let flight = &leader.flight;
    if storable.is_some() {
        // From here on it is completed even if nobody waits any more: the next one will want it.
        flight.go_on_alone();
    }
    // What is not kept has one too. An answer whose `Vary` no request can be said to match is shared with nobody, and was
    // given to the one who asked for it before this.
    let vary = Names::of(&parts.headers).unwrap_or_default();
    flight.settle(Verdict::Shared(Arc::new(Head {
        status: parts.status,
        headers: parts.headers.clone(),
        stored: storable.is_some(),
        variant: vary.variant(fetch.fields.sent()).unwrap_or_default(),
        vary,
        asked,
    })));
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => {
                let mut data = Some(data);
                poll_fn(|cx| flight.poll_push(cx, &mut data)).await;
            }
            Ok(Err(frame)) => trailers = frame.into_trailers().ok(),
            Err(broken) => return flight.end(Err(broken)),
        }
    }
    // What has trailers is incomplete without them, and they are not kept.
    let whole = if trailers.is_none() { flight.whole() } else { None };
    let kept = match (storable, whole) {
        (Some(storable), Some(body)) => {
            let took = Instant::now().saturating_duration_since(since);
            keep(fetch, leader.begun, route, storable, (parts.status, parts.headers, body), took, is_marked)
        }
        _ => None,
    };
    leader.forget();
    flight.end(Ok(trailers));
    if let Some(entry) = kept {
        second::fill(fetch, &entry, lease).await;
    }
}
