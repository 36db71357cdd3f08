//! A miss, from the request's side: join a fetch or begin one, and wait for what comes of it.

use std::{cell::RefCell, future::poll_fn, rc::Rc};

use banyan_httpcache::{CacheStatus, Condition, NotStored, Variant, not_modified_head};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::{Instant, timeout_at};

use super::{
    ask::Fetch,
    flight::{Found, Head, Verdict, Waiter},
    flights::{Joined, Leader},
    head,
    hit::{self, CACHE_STATUS, NAME, Wanted},
    key::Key,
    lead::lead,
    look::{Want, note_degraded},
    outcome::Outcome,
};
use crate::{
    exchange::{Asked, Exchange},
    outcome::Ending,
    stages::call::{self, Behalf, Call, Inquiry},
    wire::{
        answer::{Answer, Reply},
        body::{Broken, ReqBody, ResBody, Source},
    },
    worker::{Local, Worker},
};
use rand::Rng as _;

/// How often a request joins another fetch when the one that it joined turned out to be for other values of what the
/// answer varies by.
const MAX_JOINS: usize = 2;

/// Where the first one of those who wait finds an answer that is for nobody else.
pub(crate) type Own = Rc<RefCell<Option<(Reply, Asked, NotStored)>>>;

/// Asks for what is not kept, together with others who want the same.
pub(crate) async fn fetch(
    worker: &Rc<Worker>,
    local: &Rc<Local>,
    exchange: &mut Exchange,
    inquiry: Inquiry<'_>,
    body: ReqBody,
    mut want: Box<Want>,
) -> Result<Reply, Broken> {
    let Inquiry { behalf, call, .. } = &inquiry;
    if want.passes || !matches!(body, ReqBody::Empty) {
        return pass(worker, local, exchange, inquiry, body, &want).await;
    }
    for _ in 0..MAX_JOINS {
        let Some((leader, waiter)) = join(local, &want, call) else {
            return pass(worker, local, exchange, inquiry, body, &want).await;
        };
        let leads = leader.is_some();
        let own = Own::default();
        if let Some(leader) = leader {
            let fetch = Fetch::new(worker, local, &inquiry, &want);
            worker.spawn(lead(fetch, leader, own.clone()));
        }
        let until = until(behalf, &want, leads);
        let settled = poll_fn(|cx| waiter.poll_settled(cx));
        let verdict = match until {
            None => settled.await,
            Some(until) => match timeout_at(until, settled).await {
                Ok(verdict) => verdict,
                Err(_) if behalf.deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
                    return Err(Ending::Deadline.into());
                }
                Err(_) => Verdict::Alone,
            },
        };
        match verdict {
            Verdict::Shared(head) if !leads && !head.is_for(call.fields.sent()) => {
                // Somebody else's answer: they asked for another language, say. The next round knows by what it differs.
                want.place = head.place(&want, call.fields.sent()).unwrap_or(want.place);
            }
            Verdict::Shared(head) => return Ok(shared(worker, exchange, &want, &head, waiter, leads)),
            Verdict::Entry(entry, found) => {
                exchange.cache = Some(outcome(found, leads));
                note_degraded(exchange, &entry);
                let status = status(found, leads, &want);
                let wanted = Wanted {
                    method: call.method,
                    conditions: &want.conditions,
                    answered_at: worker.wall_clock(entry.stored),
                    random: worker.rng.borrow_mut().random(),
                };
                return Ok(hit::fitting(entry, Instant::now(), Some(status), &wanted));
            }
            Verdict::Failed(broken, asked) => {
                exchange.cache = Some(if leads { Outcome::Miss } else { Outcome::Coalesced });
                let attempts = if leads { asked.attempts } else { 0 };
                exchange.asked = Asked { attempts, ..(*asked).clone() };
                return Err(broken);
            }
            Verdict::Alone => {
                exchange.cache = Some(Outcome::Miss);
                let Some((reply, asked, why)) = own.take() else { break };
                exchange.asked = asked;
                return Ok(own_answer(worker, &want, reply, why));
            }
        }
    }
    // The others' fetch is nothing for this one, or is gone: it asks for itself, and keeps nothing.
    exchange.cache = Some(Outcome::Miss);
    let mut reply = call::ask(worker, local, &mut exchange.asked, inquiry, body).await?;
    note(&mut reply, CacheStatus { forwarded: Some(want.why), ..CacheStatus::default() });
    Ok(reply)
}

/// Joins a fetch, or begins one: then with the duty to lead it. `None` where each asks for itself anyway and a client has
/// conditions: the upstream can answer them for less than the whole.
fn join(local: &Local, want: &Want, call: &Call<'_>) -> Option<(Option<Leader>, Waiter)> {
    let cache = &want.cache;
    let authorization = call.fields.sent().get(header::AUTHORIZATION);
    let key = want.place.of_fetch(authorization, &cache.secret);
    let coalesces = local.compiled.cached[want.route].as_ref().is_some_and(|route| route.coalesce);
    let joined =
        if coalesces { cache.flights.join(key, &want.tags, &cache.purges, call.now) } else { Joined::Alone };
    match joined {
        Joined::Lead(leader, waiter) => Some((Some(leader), waiter)),
        Joined::Follow(waiter) => Some((None, waiter)),
        Joined::Alone if coalesces && !want.conditions.is_empty() => None,
        Joined::Alone => {
            let (leader, waiter) = cache.flights.by_itself(key, &cache.purges);
            Some((Some(leader), waiter))
        }
    }
}

/// The answer to the one who leads, when it is for nobody else.
fn own_answer(worker: &Worker, want: &Want, mut reply: Reply, why: NotStored) -> Reply {
    if reply.status() == StatusCode::OK && has_it(worker, want, reply.headers()) {
        let head = not_modified_head(reply.headers());
        (*reply.status_mut(), *reply.headers_mut()) = (StatusCode::NOT_MODIFIED, head);
        *reply.body_mut() = ResBody::empty();
    }
    let detail = why.to_string();
    let status = CacheStatus { forwarded: Some(want.why), detail: Some(&detail), ..CacheStatus::default() };
    note(&mut reply, status);
    reply
}

/// How long a verdict is waited for. Who leads waits for its own call, which has a time of its own.
fn until(behalf: &Behalf, want: &Want, leads: bool) -> Option<Instant> {
    if leads {
        return behalf.deadline;
    }
    let patience = Instant::now() + want.cache.config.wait;
    Some(behalf.deadline.map_or(patience, |deadline| deadline.min(patience)))
}

/// An answer that is on its way to all who wait.
fn shared(
    worker: &Worker,
    exchange: &mut Exchange,
    want: &Want,
    head: &Head,
    waiter: Waiter,
    leads: bool,
) -> Reply {
    exchange.cache = Some(if leads { Outcome::Miss } else { Outcome::Coalesced });
    exchange.kept = head.stored;
    let attempts = if leads { head.asked.attempts } else { 0 };
    exchange.asked = Asked { attempts, ..head.asked.clone() };
    let has_it = head.status == StatusCode::OK && has_it(worker, want, &head.headers);
    let mut response = if has_it {
        let mut response = Answer::new(ResBody::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.headers_mut() = not_modified_head(&head.headers);
        response
    } else {
        let mut response = Answer::new(ResBody::new(Source::Flight(waiter)));
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers.clone();
        response
    };
    let forwarded_status = (want.stored.is_some() || has_it).then_some(head.status.as_u16());
    let status = CacheStatus {
        forwarded: Some(want.why),
        forwarded_status,
        stored: head.stored && leads,
        collapsed: !leads,
        ..CacheStatus::default()
    };
    response.headers_mut().append(CACHE_STATUS, status.member(NAME));
    response
}

/// Whether the client has what has come, and says so.
fn has_it(worker: &Worker, want: &Want, headers: &HeaderMap) -> bool {
    let answered_at = worker.wall_clock(Instant::now());
    want.conditions.evaluate(headers, answered_at) == Condition::NotModified
}

const fn outcome(found: Found, leads: bool) -> Outcome {
    match found {
        Found::InsteadOf(_) => Outcome::StaleIfError,
        Found::Landed => Outcome::Hit,
        _ if !leads => Outcome::Coalesced,
        Found::SharedLevel => Outcome::SecondLevel,
        Found::Validated => Outcome::Validated,
    }
}

/// What `Cache-Status` says of an answer that was kept after all.
fn status(found: Found, leads: bool, want: &Want) -> HeaderValue {
    let (forwarded_status, detail) = match found {
        Found::Landed => (None, None),
        Found::SharedLevel => (None, Some("second-level")),
        Found::Validated => (Some(304), Some("validated")),
        Found::InsteadOf(status) => (status, Some("served-stale")),
    };
    let hit = matches!(found, Found::Landed | Found::SharedLevel);
    CacheStatus {
        hit,
        forwarded: (!hit).then_some(want.why),
        forwarded_status,
        collapsed: !leads,
        detail,
        ..CacheStatus::default()
    }
    .member(NAME)
}

fn note(reply: &mut Reply, status: CacheStatus<'_>) {
    reply.headers_mut().append(CACHE_STATUS, status.member(NAME));
}

/// Asks for this request only.
async fn pass(
    worker: &Rc<Worker>,
    local: &Rc<Local>,
    exchange: &mut Exchange,
    inquiry: Inquiry<'_>,
    body: ReqBody,
    want: &Want,
) -> Result<Reply, Broken> {
    exchange.cache = Some(Outcome::Bypass);
    let check = head::Check::begin(worker, local, &inquiry, want);
    let mut reply = call::ask(worker, local, &mut exchange.asked, inquiry, body).await?;
    if let Some(check) = check {
        check.end(&reply, &exchange.asked);
    }
    note(&mut reply, CacheStatus { forwarded: Some(want.why), ..CacheStatus::default() });
    Ok(reply)
}

/// Fetches anew what was just given, with nobody who waits for it.
pub(crate) fn refresh(worker: &Rc<Worker>, local: &Rc<Local>, inquiry: &Inquiry<'_>, want: &Want) {
    let (cache, call) = (&want.cache, &inquiry.call);
    let authorization = call.fields.sent().get(header::AUTHORIZATION);
    let key = want.place.of_fetch(authorization, &cache.secret);
    if let Some(leader) = cache.flights.refresh(key, &cache.purges, call.now) {
        let fetch = Fetch::new(worker, local, inquiry, want);
        worker.spawn(lead(fetch, leader, Own::default()));
    }
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
