//! Asking the side that was decided for, legacy when the replacement fails, and what the route has to offer instead.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use banyan_config::plan::{Chaos, Effect, Environment, Route, RouteFallback, Target, UpstreamId};
use banyan_flags::Bucket;
use banyan_resilience::{CallError, Failed, Refuser, Request};
use http::{HeaderValue, Method};
use rand::Rng as _;
use tokio::time::Instant;

use super::{
    decide::{Decision, Reason, Side},
    substitute,
};
use crate::{
    cache::{
        fetch::fetch,
        look::{Look, Question, Want, look},
    },
    dependency::{Patterns, asking::Asking},
    exchange::{Asked, Degraded, Exchange, Lack},
    forward::Fields,
    outcome::Ending,
    upstream::ask::Trail,
    wire::{
        answer::Reply,
        body::{Broken, ReqBody},
    },
    worker::{Local, Worker},
};

/// Spreads small numbers over all bits (the golden ratio's fraction of 2^64).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// On whose behalf upstreams are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behalf {
    /// Index into the plan's routes.
    pub(crate) route: usize,
    /// Of the subject, where a side was decided.
    pub(crate) bucket: Option<Bucket>,
    /// When nobody waits any more, if that is known.
    pub(crate) deadline: Option<Instant>,
}

impl Behalf {
    /// On behalf of a request whose route was found.
    pub(crate) fn of(exchange: &Exchange) -> Option<Self> {
        Some(Self {
            route: exchange.route?,
            bucket: exchange.decision.as_ref().map(|decision| decision.bucket),
            deadline: exchange.caller_deadline,
        })
    }
}

/// Who is asked, for what, and on whose behalf.
#[derive(Clone, Copy)]
pub(crate) struct Inquiry<'a> {
    pub(crate) behalf: Behalf,
    pub(crate) upstream: UpstreamId,
    pub(crate) call: Call<'a>,
}

/// A request ready to be sent to whichever side.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a str,
    pub(crate) fields: &'a Fields,
    pub(crate) host: &'a HeaderValue,
    pub(crate) upgrade: Option<&'a HeaderValue>,
    /// Whether it may run more than once.
    pub(crate) repeatable: bool,
    /// When the call begins.
    pub(crate) now: Instant,
}

/// Asks; falls back where that is declared and safe. `want` is what the cache knows about the first one that is asked.
pub(crate) async fn call(
    worker: &Rc<Worker>,
    local: &Rc<Local>,
    exchange: &mut Exchange,
    route: &Route,
    call: Call<'_>,
    body: ReqBody,
    want: Option<Box<Want>>,
) -> Result<Reply, Broken> {
    let spare = body.again();
    let decision = exchange.decision.clone();
    let upstream = match (route.target, &decision) {
        (Target::Unit(id), Some(decision)) => {
            Decision::upstream(&local.compiled.plan.units[id.0], decision.side)
        }
        (Target::Unit(_), None) => return Err(Ending::Internal.into()),
        (Target::Upstream(upstream), _) => upstream,
    };
    let behalf = Behalf::of(exchange).ok_or(Ending::Internal)?;
    let inquiry = Inquiry { behalf, upstream, call };
    let mut result = reach(worker, local, exchange, inquiry, body, want).await;
    if let Some(decision) = decision
        && let Some(body) = spare.as_ref().and_then(ReqBody::again)
        && may_ask_legacy(local, route, &decision, &call)
        && has_failed(&result)
        && has_time(exchange)
    {
        exchange.gave_up = Some(match &result {
            Ok(reply) => (reply.status().as_u16(), Ending::Ok),
            Err(broken) => (broken.ending.row().status, broken.ending),
        });
        // The failed answer, if there is one, is dropped first: its connection must not be held meanwhile.
        drop(result);
        let legacy = local.compiled.plan.units[decision.unit.0].legacy;
        exchange.decision = Some(Decision { side: Side::Legacy, reason: Reason::Fallback, ..decision });
        let call = Call { now: Instant::now(), ..call };
        let inquiry = Inquiry { behalf, upstream: legacy, call };
        // Boxed: most calls need no other side, and need not carry the room for asking one.
        result = Box::pin(again(worker, local, exchange, inquiry, body)).await;
    }
    for fallback in &route.policy.fallback {
        if call.upgrade.is_some() || !has_failed(&result) {
            break;
        }
        let missing = local.compiled.plan.upstreams[upstream.0].name.clone();
        let substituted = match fallback {
            RouteFallback::Answer(answer) => Ok(substitute::answer(answer, call.method)),
            RouteFallback::Upstream(other) => {
                let Some(body) = spare.as_ref().and_then(ReqBody::again).filter(|_| has_time(exchange))
                else {
                    continue;
                };
                drop(result);
                let call = Call { now: Instant::now(), ..call };
                let inquiry = Inquiry { behalf, upstream: *other, call };
                Box::pin(again(worker, local, exchange, inquiry, body)).await
            }
        };
        exchange.degraded = Some(Degraded { missing, why: Lack::Call(exchange.asked.trouble) });
        result = substituted;
    }
    result
}

/// Asks an upstream, or for what others are asking it for.
async fn reach(
    worker: &Rc<Worker>,
    local: &Rc<Local>,
    exchange: &mut Exchange,
    inquiry: Inquiry<'_>,
    body: ReqBody,
    want: Option<Box<Want>>,
) -> Result<Reply, Broken> {
    match want {
        // Boxed: the requests that never miss need not carry the room for it.
        Some(want) => Box::pin(fetch(worker, local, exchange, inquiry, body, want)).await,
        None => ask(worker, local, &mut exchange.asked, inquiry, body).await,
    }
}

/// Asks another upstream than the first: the answers of that one are kept apart.
async fn again(
    worker: &Rc<Worker>,
    local: &Rc<Local>,
    exchange: &mut Exchange,
    inquiry: Inquiry<'_>,
    body: ReqBody,
) -> Result<Reply, Broken> {
    let Inquiry { upstream, call, .. } = inquiry;
    let target = exchange.target.clone();
    let question = target.as_ref().filter(|_| call.upgrade.is_none()).map(|target| Question {
        method: call.method,
        target,
        headers: call.fields.sent(),
        host: call.host,
        side: &local.compiled.plan.upstreams[upstream.0].name,
        secure: exchange.secure,
        is_particular: exchange.seen.for_caches,
        now: call.now,
    });
    let looked = question.map_or(Look::Off, |question| look(worker, local, exchange, &question));
    let want = match looked {
        Look::Hit(reply, _) => return Ok(reply),
        Look::Miss(want) => Some(want),
        Look::Off | Look::Unavailable => None,
    };
    reach(worker, local, exchange, inquiry, body, want).await
}

/// Whether legacy may answer for the replacement.
fn may_ask_legacy(local: &Local, route: &Route, decision: &Decision, call: &Call<'_>) -> bool {
    local.compiled.plan.units[decision.unit.0].fallback
        && route.effect == Effect::Read
        && decision.side == Side::Replacement
        && call.upgrade.is_none()
}

/// Whether an answer should be taken as a failure of the side that gave it.
fn has_failed(result: &Result<Reply, Broken>) -> bool {
    match result {
        Ok(reply) => reply.status().is_server_error(),
        Err(broken) => broken.ending.is_upstream_failure(),
    }
}

/// Whether the caller still waits.
fn has_time(exchange: &Exchange) -> bool {
    exchange.caller_deadline.is_none_or(|deadline| Instant::now() < deadline)
}

/// One call to one upstream, under the policy that the route has for it.
pub(crate) async fn ask(
    worker: &Worker,
    local: &Local,
    asked: &mut Asked,
    inquiry: Inquiry<'_>,
    body: ReqBody,
) -> Result<Reply, Broken> {
    let Inquiry { behalf, upstream: id, call } = inquiry;
    let upstream = local.upstreams[id.0].clone();
    let policy = local.compiled.policies.of(Some(behalf.route), id);
    let patterns = &upstream.shared.patterns;
    asked.upstream = Some(upstream.shared.config.name.clone());
    admit(worker, local, &behalf, asked, patterns, call.now)?;
    let mut request = Request::new().beginning(call.now);
    if let Some(deadline) = behalf.deadline {
        request = request.until(deadline);
    }
    let spare = body.again();
    if spare.is_none() {
        request = request.unrepeatable();
    } else if !call.repeatable {
        request = request.once();
    }
    let asking = Asking {
        worker,
        upstream: upstream.clone(),
        policy,
        call,
        pass_deadline: behalf.deadline.is_some(),
        body: RefCell::new(Some(body)),
        spare,
        trail: Trail::default(),
        chaos: chaos(local, behalf.route, id, call.now),
        bucket: behalf.bucket,
        waited: Cell::new(None),
        made: RefCell::default(),
    };
    let nothing_else = |_: &_| None::<std::future::Ready<_>>;
    let result = patterns
        .caller
        .call_or(&policy.calls, request, |attempt| asking.attempt(attempt), nothing_else)
        .await;
    if let Some(wait) = asking.waited.get() {
        patterns.waited(Some(wait), call.now);
    } else if matches!(&result, Err(Failed { error: CallError::Refused(refused), .. }) if refused.by == Refuser::Limit)
    {
        patterns.waited(None, call.now);
    }
    asked.attempts += asking.trail.attempts.get();
    asked.endpoint = asking.trail.endpoint.get();
    asked.chaos.extend(asking.made.take());
    let (result, outcome) = match result {
        Ok(answer) => (Ok(answer.value), "ok"),
        Err(failed) => {
            let broken = broken(failed, asked);
            (Err(broken), broken.ending.row().code)
        }
    };
    asked.trouble = result.as_ref().err().map_or(Ending::Ok, |broken| broken.ending);
    worker.meter.attempt(id.0, &upstream.shared.config.name, outcome, asking.trail.attempts.get());
    result
}

/// Refuses what matters less when calls have been waiting.
fn admit(
    worker: &Worker,
    local: &Local,
    behalf: &Behalf,
    asked: &mut Asked,
    patterns: &Patterns,
    now: Instant,
) -> Result<(), Broken> {
    if patterns.sheds().is_none() {
        return Ok(());
    }
    let criticality = local.compiled.plan.routes[behalf.route].policy.criticality;
    // A user is admitted or shed as a whole, as far as we know who it is.
    let user = match behalf.bucket {
        Some(bucket) => u64::from(bucket.index()).wrapping_mul(SPREAD),
        None => worker.rng.borrow_mut().random(),
    };
    patterns.admit(criticality, user, now).map_err(|shed| {
        asked.retry_after = Some(shed.retry_after);
        asked.trouble = Ending::Shed;
        Ending::Shed.into()
    })
}

/// The faults that calls of this route to this upstream are to have.
fn chaos(local: &Local, route: usize, id: UpstreamId, now: Instant) -> Option<Chaos> {
    let plan = &local.compiled.plan;
    if plan.environment == Environment::Production {
        return None;
    }
    let upstream = &plan.upstreams[id.0];
    let (label, own) = (&local.compiled.labels[route], &plan.routes[route].policy.chaos);
    local.compiled.switchboard.in_force((&upstream.name, upstream.chaos.as_ref()), (label, own), now)
}

/// What a failed call is to the exchange.
fn broken(failed: Failed<Broken>, asked: &mut Asked) -> Broken {
    match failed.error {
        CallError::Inner(broken) => broken,
        CallError::Timeout => Ending::FirstByteTimeout.into(),
        CallError::Deadline => Ending::Deadline.into(),
        CallError::Refused(refused) => {
            asked.retry_after = Some(refused.retry_after);
            match refused.by {
                Refuser::Breaker => Ending::BreakerOpen.into(),
                Refuser::Throttle => Ending::Throttled.into(),
                Refuser::Limit => Ending::Saturated.into(),
            }
        }
    }
}
