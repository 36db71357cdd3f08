//! Whether a request is copied to the other side, and what the copy needs.

use std::time::Duration;

use banyan_config::plan::{Effect, Shadow};
use banyan_state::shadow::DropReason;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use rand::Rng as _;
use tokio::time::Instant;

use super::decide::{Decision, Side};
use crate::{
    exchange::Exchange,
    forward::{Fields, IDEMPOTENCY_KEY},
    judging,
    shadow::{
        coding::codings,
        tap::{Job, Tap},
    },
    wire::answer::Reply,
    worker::{Local, Worker},
};

/// What a copy of a write must not have: what is done with it is done by nobody.
const CREDENTIALS: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, IDEMPOTENCY_KEY];

/// A request that is to be compared, before its answer is known.
pub(crate) struct Copy {
    job: Job,
}

/// What a copy is made from.
pub(crate) struct Original<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a str,
    pub(crate) fields: &'a Fields,
    pub(crate) host: &'a HeaderValue,
    /// `None` when it is too large to be held.
    pub(crate) body: Option<Bytes>,
}

/// Whether this request is in the sample: what was declared safe, and writes where there is somewhere to play them.
pub(crate) fn is_sampled(worker: &Worker, local: &Local, decision: &Decision, effect: Effect) -> bool {
    let unit = &local.compiled.plan.units[decision.unit.0];
    let Some(shadow) = &unit.shadow else { return false };
    let is_drawn = may_be_copied(shadow, decision, effect)
        && shadow.sample.basis_points() > 0
        && worker.rng.borrow_mut().random_range(0..10_000) < shadow.sample.basis_points();
    let paused = local.compiled.units[decision.unit.0].shadow.as_ref().filter(|unit| unit.is_paused());
    if let (true, Some(unit)) = (is_drawn, paused) {
        unit.note_drop(DropReason::Paused);
        return false;
    }
    is_drawn
}

/// Takes in how long a side took to answer: copies are made only while that is as usual.
pub(crate) fn time(local: &Local, exchange: &Exchange, took: Duration, now: Instant) {
    let Some(decision) = &exchange.decision else { return };
    if exchange.generation != local.compiled.generation || exchange.asked.attempts == 0 {
        return;
    }
    if let Some(unit) = &local.compiled.units[decision.unit.0].shadow {
        unit.live_latency.observe(exchange.answered.unwrap_or(took), now);
    }
}

/// What stands for the replacement when a write is played again is isolated, and nothing stands for legacy.
fn may_be_copied(shadow: &Shadow, decision: &Decision, effect: Effect) -> bool {
    match effect {
        Effect::Read => true,
        Effect::Write => shadow.writes_to.is_some() && decision.side == Side::Legacy,
    }
}

/// Copies a sampled request.
pub(crate) fn copy(
    worker: &Worker,
    local: &Local,
    exchange: &Exchange,
    decision: &Decision,
    original: Original<'_>,
) -> Option<Copy> {
    let compiled = &local.compiled;
    let unit = compiled.units[decision.unit.0].shadow.clone()?;
    let (route, config) = (exchange.route?, &compiled.plan.units[decision.unit.0]);
    let (shadow, effect) = (config.shadow.as_ref()?, compiled.plan.routes[route].effect);
    let Some(body) = original.body else {
        unit.note_drop(DropReason::BodyTooLarge);
        return None;
    };
    let mut fields = original.fields.clone();
    let (upstream, again) = match (effect, shadow.writes_to) {
        (Effect::Write, Some(isolated)) => {
            anonymise(&mut fields, worker);
            (isolated, None)
        }
        _ => {
            let other = if decision.side == Side::Legacy { Side::Replacement } else { Side::Legacy };
            let again = shadow.again.then(|| Decision::upstream(config, decision.side));
            (Decision::upstream(config, other), again)
        }
    };
    Some(Copy {
        job: Job {
            unit,
            upstream: compiled.upstreams[upstream.0].clone(),
            again: again.map(|again| compiled.upstreams[again.0].clone()),
            side: decision.side,
            method: original.method.clone(),
            target: original.target.to_owned(),
            fields,
            host: original.host.clone(),
            body,
            label: compiled.labels[route].clone(),
            number: compiled.numbers[route],
            subject: judging::subject(decision),
            trace: exchange.trace.trace_hex(),
            status: 0,
            named: Vec::new(),
            answer: Vec::new(),
            codings: Vec::new(),
        },
    })
}

/// Takes from the copy of a write whatever speaks for a user, and gives it a key of its own.
fn anonymise(fields: &mut Fields, worker: &Worker) {
    CREDENTIALS.into_iter().for_each(|name| fields.leave_out(name));
    let key = format!("banyan-shadow-{:032x}", worker.rng.borrow_mut().random::<u128>());
    if let Ok(key) = HeaderValue::from_str(&key) {
        fields.say(IDEMPOTENCY_KEY, key);
    }
}

/// Lets the copy see the live answer pass. When the answer came by fallback the sides are not what they seem, so there is
/// nothing to compare.
pub(crate) fn attach(worker: &Worker, local: &Local, copy: Copy, response: &mut Reply) {
    let mut job = copy.job;
    job.status = response.status().as_u16();
    job.named = named(response.headers(), job.unit.rules.fields());
    job.codings = codings(response.headers());
    let tap = Tap::new(job, local.compiled.plan.shadow.body, worker.shadow.clone());
    response.body_mut().tap(Box::new(tap));
}

/// The fields of an answer that are compared.
pub(crate) fn named(headers: &HeaderMap, wanted: &[String]) -> Vec<(String, Vec<u8>)> {
    let names = std::iter::once(header::CONTENT_TYPE.as_str()).chain(wanted.iter().map(String::as_str));
    let values = names.flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)));
    values.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
}
