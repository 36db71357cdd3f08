//! Asking the side that was decided for, and legacy when the replacement fails.

use banyan_config::plan::{Effect, Route, Target, UpstreamId};
use http::{HeaderValue, Method};
use tokio::time::Instant;

use super::decide::{Decision, Reason, Side};
use crate::{
    exchange::Exchange,
    forward::{self, Fields},
    upstream::{
        ask::{Notes, Question, ask, is_failure},
        h1::AttemptLimits,
    },
    wire::body::{Broken, Reply, ReqBody},
    worker::{Local, Worker},
};

/// A request ready to be sent to whichever side.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a str,
    pub(crate) fields: &'a mut Fields,
    pub(crate) host: &'a HeaderValue,
    pub(crate) upgrade: Option<&'a HeaderValue>,
    /// When the call begins.
    pub(crate) now: Instant,
}

/// Asks, and falls back where that is declared and safe.
pub(crate) async fn call(
    worker: &Worker,
    local: &Local,
    exchange: &mut Exchange,
    route: &Route,
    mut call: Call<'_>,
    body: ReqBody,
) -> Result<Reply, Broken> {
    let now = call.now;
    let decision = match (route.target, &exchange.decision) {
        (Target::Unit(_), Some(decision)) => decision.clone(),
        (Target::Unit(_), None) => return Err(crate::outcome::Ending::Internal.into()),
        (Target::Upstream(upstream), _) => {
            return ask_one(worker, local, exchange, upstream, &mut call, body, now).await;
        }
    };
    let unit = &local.compiled.plan.units[decision.unit.0];
    let may_fall_back = unit.fallback && route.effect == Effect::Read && decision.side == Side::Replacement;
    let again = if may_fall_back && call.upgrade.is_none() { body.again() } else { None };
    let upstream = Decision::upstream(unit, decision.side);
    let first = ask_one(worker, local, exchange, upstream, &mut call, body, now).await;
    let failed = match &first {
        Ok(response) => is_failure(response.status()),
        Err(broken) => broken.ending.is_upstream_failure(),
    };
    match again {
        Some(body) if failed && has_time(exchange) => {
            // The failed answer, if there is one, is dropped first: its connection must not be held meanwhile.
            drop(first);
            exchange.decision = Some(Decision { side: Side::Legacy, reason: Reason::Fallback, ..decision });
            ask_one(worker, local, exchange, unit.legacy, &mut call, body, Instant::now()).await
        }
        _ => first,
    }
}

/// Whether the caller still waits.
fn has_time(exchange: &Exchange) -> bool {
    exchange.caller_deadline.is_none_or(|deadline| Instant::now() < deadline)
}

async fn ask_one(
    worker: &Worker,
    local: &Local,
    exchange: &mut Exchange,
    id: UpstreamId,
    call: &mut Call<'_>,
    body: ReqBody,
    now: Instant,
) -> Result<Reply, Broken> {
    let upstream = local.upstreams[id.0].clone();
    let config = &upstream.shared.config;
    let own = now + config.deadline;
    let deadline = exchange.caller_deadline.map_or(own, |theirs| own.min(theirs));
    if exchange.caller_deadline.is_some() {
        forward::pass_deadline(call.fields, deadline, now);
    }
    let limits = AttemptLimits {
        first_byte: config.timeout,
        deadline,
        idle: config.idle,
        whole: config.whole.map(|whole| now + whole),
    };
    exchange.upstream = Some(config.name.clone());
    let question = Question {
        method: call.method,
        target: call.target,
        fields: call.fields,
        host: call.host,
        upgrade: call.upgrade,
        body,
        limits,
    };
    let mut notes = Notes::default();
    let result = ask(&upstream, &worker.rng, question, &mut notes, now).await;
    exchange.attempts += notes.attempts;
    exchange.endpoint = notes.endpoint;
    let outcome = match &result {
        Ok(_) => "ok",
        Err(broken) => broken.ending.row().code,
    };
    worker.meter.attempt(id.0, &config.name, outcome, notes.attempts);
    result
}
