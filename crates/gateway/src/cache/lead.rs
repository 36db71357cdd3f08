//! A fetch, from the inside: ask the level that nodes share, ask the upstream, keep what may be kept, and let everybody who
//! waits have it as it comes.

use std::{
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use banyan_config::plan::UpstreamId;
use banyan_httpcache::{
    self as httpcache, Answered, AskedWith, Basis, Forwarded, Names, NotStored, Storable, Validators,
    Variant, freshen, is_for, may_serve_on_error, storable, strip_for_store, tags,
};
use banyan_resilience::cache::early;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::{
    entry::{Draft, Entry, Kind},
    fetch::Own,
    flight::{Found, Head, Verdict},
    flights::Leader,
    hit, judge,
    key::{Key, tag_of_group, tag_of_name},
    look::Want,
    purges::Tag,
    rules::CachedRoute,
    second::{self, Lease, Second},
    store::Varies,
};
use crate::{
    exchange::Asked,
    forward::{self, Fields},
    stages::{
        call::{self, Behalf, Call, Inquiry},
        respond,
    },
    wire::body::{Broken, Reply, ReqBody},
    worker::{Local, Worker},
};

/// Fields by which some frameworks let a client ask for another path or method than it says. What is kept for all must not
/// be decided by them (RFC 9111 section 7.1).
const OVERRIDES: [HeaderName; 5] = [
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];

/// What is to be fetched, with all that is needed for it: nobody who waits has to stay.
pub(crate) struct Fetch {
    pub(crate) worker: Rc<Worker>,
    pub(crate) local: Rc<Local>,
    behalf: Behalf,
    upstream: UpstreamId,
    target: String,
    pub(crate) fields: Fields,
    host: HeaderValue,
    pub(crate) want: Want,
}

/// An answer of an upstream, when it was asked for and when it came.
struct Came {
    reply: Reply,
    asked: Asked,
    exchange: httpcache::Exchange,
    /// When it was asked for.
    since: Instant,
}

impl Fetch {
    pub(crate) fn new(worker: &Rc<Worker>, local: &Rc<Local>, inquiry: &Inquiry<'_>, want: &Want) -> Self {
        let Inquiry { behalf, upstream, call } = inquiry;
        let mut fields = call.fields.clone();
        // A client's conditions are for what comes of the fetch, and not for the fetch.
        for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_RANGE, header::RANGE] {
            fields.leave_out(name);
        }
        let route = local.compiled.cached[want.route].as_ref();
        for name in OVERRIDES {
            if !route.is_some_and(|route| route.has_in_key(&name)) {
                fields.leave_out(name);
            }
        }
        Self {
            worker: worker.clone(),
            local: local.clone(),
            // It has the time that its upstream's policy gives, however little the first one who waits has left.
            behalf: Behalf { deadline: None, ..*behalf },
            upstream: *upstream,
            target: call.target.to_owned(),
            fields,
            host: call.host.clone(),
            want: want.clone(),
        }
    }

    fn route(&self) -> Option<&CachedRoute> {
        self.local.compiled.cached[self.want.route].as_ref()
    }

    /// Asks the upstream; with `validators`, only whether what is kept still holds.
    async fn ask(&self, validators: Option<Validators>) -> Result<Came, (Broken, Asked)> {
        let since = Instant::now();
        let mut fields = self.fields.clone();
        if let Some(validators) = validators {
            let mut said = HeaderMap::new();
            validators.put_on(&mut said);
            said.iter().for_each(|(name, value)| fields.say(name.clone(), value.clone()));
        }
        let call = Call {
            method: &Method::GET,
            target: &self.target,
            fields: &fields,
            host: &self.host,
            upgrade: None,
            repeatable: true,
            now: since,
        };
        let mut asked = Asked::default();
        let (worker, local) = (&self.worker, &self.local);
        let inquiry = Inquiry { behalf: self.behalf, upstream: self.upstream, call };
        let result = call::ask(worker, local, &mut asked, inquiry, ReqBody::Empty).await;
        let exchange = httpcache::Exchange {
            asked_at: worker.wall_clock(since),
            answered_at: worker.wall_clock(Instant::now()),
        };
        match result {
            Ok(mut reply) => {
                forward::strip_hop_by_hop(reply.headers_mut());
                Ok(Came { reply, asked, exchange, since })
            }
            Err(broken) => Err((broken, asked)),
        }
    }
}

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
    let mut headers = entry.headers.clone();
    freshen(&mut headers, came.reply.headers());
    let judged = judge_head(fetch, route, entry.status, &headers, came.exchange);
    let now = Instant::now();
    match judged {
        Ok(mut storable) => {
            let own = own_lifetime(route, entry.kind, entry.status, storable.lifetimes.fresh_for);
            storable.lifetimes.fresh_for = own.unwrap_or_default();
            let keep = Keep { storable, kind: entry.kind, missing: entry.missing.clone() };
            let took = now.saturating_duration_since(came.since).max(entry.recompute);
            let draft = draft(fetch, leader, route, keep, (entry.status, headers, entry.body.clone()), took);
            let (fresh, varies) = draft;
            fetch.want.cache.keep(fetch.want.key, &fresh, varies, leader.begun, now);
            leader.forget();
            leader.flight.settle(Verdict::Entry(fresh.clone(), Found::Validated));
            second::fill(fetch, &fresh, lease).await;
        }
        Err(why) => {
            // It holds, but must not be kept any more: it is for the one who asked.
            fetch.want.cache.store.remove(fetch.want.place, entry);
            let status = httpcache::CacheStatus::default().member(hit::NAME);
            let mut reply = hit::plain(entry.clone(), now, Some(status));
            reply.extensions_mut().insert(came.asked);
            alone(leader, own, reply, why);
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
    respond::strip_ours(came.reply.headers_mut());
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
            came.reply.extensions_mut().insert(came.asked);
            leader.is_for_one_only(now);
            return alone(leader, own, came.reply, why);
        }
    };
    if came.reply.body().held_length().is_none() && declared(came.reply.headers()) > Some(largest(fetch)) {
        // It would not be kept, and the slowest of those who share it would hold up the others.
        came.reply.extensions_mut().insert(came.asked);
        leader.forget();
        return alone(leader, own, came.reply, NotStored::TooLarge);
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

fn alone(leader: &Leader, own: &Own, reply: Reply, why: NotStored) {
    // First the answer, then the word that it is there.
    *own.borrow_mut() = Some((reply, why));
    leader.flight.settle(Verdict::Alone);
}

/// Whether an answer with this head may be kept.
fn judge_head(
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
    let (parts, mut body) = (*reply).into_parts();
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
            keep(fetch, leader, route, storable, (parts.status, parts.headers, body), took, is_marked)
        }
        _ => None,
    };
    leader.forget();
    flight.end(Ok(trailers));
    if let Some(entry) = kept {
        second::fill(fetch, &entry, lease).await;
    }
}

/// Keeps an answer that is complete, for as long as what is in it allows.
fn keep(
    fetch: &Fetch,
    leader: &Leader,
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
    let (entry, varies) = draft(fetch, leader, route, keep, answer, took);
    let kept = fetch.want.cache.keep(fetch.want.key, &entry, varies, leader.begun, Instant::now());
    kept.then_some(entry)
}

/// The entry, and by what answers differ if they do.
fn draft(
    fetch: &Fetch,
    leader: &Leader,
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
        begun: leader.begun,
        variant,
        label: want.label.clone(),
        beta: route.early,
    });
    let varies = (!storable.vary.is_empty()).then_some(Varies { names: storable.vary });
    (entry, varies)
}

/// The tags of the request's own, and those that the answer names. An answer with more than may be is not to be found by
/// any of the others, so it is tied to the path alone; see [`tags`].
fn all_tags(want: &Want, headers: &HeaderMap) -> SmallVec<[Tag; 4]> {
    let host = want.label.host.to_str().unwrap_or_default();
    let keys = tags::surrogate_keys(headers).unwrap_or_default();
    let groups = tags::groups(headers).unwrap_or_default();
    let keys = keys.iter().map(|key| tag_of_name(key));
    let groups = groups.iter().map(|group| tag_of_group(host, group));
    want.tags.iter().copied().chain(keys).chain(groups).collect()
}

/// The wall clock now.
pub(crate) fn wall_clock(fetch: &Fetch) -> SystemTime {
    fetch.worker.wall_clock(Instant::now())
}

impl Head {
    /// Whether it answers a request with these fields.
    pub(crate) fn is_for(&self, sent: &HeaderMap) -> bool {
        self.vary.matches(&self.variant, sent)
    }

    /// Where the answer to a request with these fields lies.
    pub(crate) fn place(&self, want: &Want, sent: &HeaderMap) -> Option<Key> {
        let variant: Variant = self.vary.variant(sent)?;
        Some(want.key.of_variant(&variant, &want.cache.secret))
    }
}
