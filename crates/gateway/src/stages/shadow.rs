//! Whether a request is copied to the other side, and what the copy needs.

use banyan_config::plan::Effect;
use banyan_state::shadow::DropReason;
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use rand::Rng as _;

use super::decide::{Decision, Side};
use crate::{
    exchange::Exchange,
    forward::Fields,
    shadow::tap::{Job, Tap},
    wire::body::Reply,
    worker::{Local, Worker},
};

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

/// Whether this request is in the sample. Only what was declared safe ever is.
pub(crate) fn is_sampled(worker: &Worker, local: &Local, decision: &Decision, effect: Effect) -> bool {
    let unit = &local.compiled.plan.units[decision.unit.0];
    let Some(shadow) = &unit.shadow else { return false };
    effect == Effect::Read
        && shadow.sample.basis_points() > 0
        && worker.rng.borrow_mut().random_range(0..10_000) < shadow.sample.basis_points()
}

/// Copies a sampled request.
pub(crate) fn copy(
    local: &Local,
    exchange: &Exchange,
    decision: &Decision,
    original: Original<'_>,
) -> Option<Copy> {
    let compiled = &local.compiled;
    let unit = compiled.units[decision.unit.0].shadow.clone()?;
    let Some(body) = original.body else {
        unit.note_drop(DropReason::BodyTooLarge);
        return None;
    };
    let other = if decision.side == Side::Legacy { Side::Replacement } else { Side::Legacy };
    let upstream = Decision::upstream(&compiled.plan.units[decision.unit.0], other);
    let template = exchange.route.map_or("", |route| &compiled.labels[route]);
    Some(Copy {
        job: Job {
            unit,
            upstream: compiled.upstreams[upstream.0].clone(),
            method: original.method.clone(),
            target: original.target.to_owned(),
            fields: original.fields.clone(),
            host: original.host.clone(),
            body,
            route: format!("{} {template}", original.method),
            trace_id: String::from_utf8_lossy(&exchange.trace.trace_hex()).into_owned(),
            status: 0,
            content_type: None,
            answer: Vec::new(),
        },
    })
}

/// Lets the copy see the live answer pass. When the answer came by fallback the sides are not what they seem, so there is
/// nothing to compare.
pub(crate) fn attach(worker: &Worker, local: &Local, copy: Copy, response: &mut Reply) {
    let mut job = copy.job;
    job.status = response.status().as_u16();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    job.content_type = content_type.and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let tap = Tap::new(job, local.compiled.plan.shadow.body, worker.shadow.clone());
    response.body_mut().tap(Box::new(tap));
}
