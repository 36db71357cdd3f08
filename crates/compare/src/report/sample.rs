//! One difference, to look at.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Moment, Request, curl, redact_target, request::cut};
use crate::{Difference, redact, shown};

/// Samples kept per spot: the first ones.
pub const MAX_SAMPLES: usize = 3;
/// Bytes of a target, a route or a trace id that are kept.
const MAX_TEXT_BYTES: usize = 512;

/// One time that a candidate differed, and the request to see it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub at: u64,
    /// The replacement's percentage, in steps of 0.01 %.
    pub stage: u32,
    /// Method of the request.
    pub method: String,
    /// Its path and query, secrets replaced.
    pub target: String,
    /// Method and template of its route.
    pub route: String,
    /// Trace id of the live request, to find it in the logs.
    pub trace_id: String,
    /// What the control said: type and size, or the value where redacting is off.
    pub control: String,
    /// What the candidate said.
    pub candidate: String,
    /// A command that asks again, secrets replaced.
    pub curl: String,
}

impl Sample {
    pub(super) fn of(difference: &Difference, request: &Request<'_>, moment: Moment) -> Self {
        let show = |value: Option<&Value>| if moment.redact { redact(value) } else { shown(value) };
        Self {
            at: moment.at,
            stage: moment.stage,
            method: cut(request.method, MAX_TEXT_BYTES),
            target: cut(&redact_target(request.target), MAX_TEXT_BYTES),
            route: cut(request.route, MAX_TEXT_BYTES),
            trace_id: cut(request.trace_id, MAX_TEXT_BYTES),
            control: show(difference.control.as_ref()),
            candidate: show(difference.candidate.as_ref()),
            curl: curl(request),
        }
    }
}
