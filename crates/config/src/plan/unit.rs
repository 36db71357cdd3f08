//! Units of migration.

use std::sync::Arc;

use banyan_compare::Rules;
use banyan_flags::Percent;
use banyan_rollout::Authority;
use http::HeaderName;

use super::{Alert, UpstreamId};

/// The smallest part of the business that migrates as one.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its name in the config.
    pub name: Arc<str>,
    /// The old side.
    pub legacy: UpstreamId,
    /// The new side.
    pub replacement: UpstreamId,
    /// Share on the replacement until one is set at run time.
    pub percent: Percent,
    /// Salt of the sticky bucket; the unit's name unless set.
    pub salt: Arc<str>,
    /// Where the subject is looked for, in order.
    pub subject: Vec<SubjectSource>,
    /// Answer failed safe requests of the replacement from legacy.
    pub fallback: bool,
    /// Whether a route of it writes, so that a rollback may lose what was written.
    pub writes: bool,
    /// Where its data is, as people declared it. It contradicts nothing; default: each side its own.
    pub authority: Authority,
    /// Comparison of both sides.
    pub shadow: Option<Shadow>,
    /// How it goes up by itself; `None`: people set its percentage.
    pub rollout: Option<Rollout>,
    /// Say side and reason in the `Banyan-Unit` response field. Default true.
    pub side_header: bool,
}

/// Where a subject may be found in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectSource {
    /// `jwt:CLAIM`: a string or number claim of the bearer token. Not verified: it decides a side, never a right.
    Jwt(String),
    /// `header:NAME`.
    Header(HeaderName),
    /// `cookie:NAME`.
    Cookie(String),
}

/// Comparison of the two sides of a unit.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// Share of requests that are copied.
    pub sample: Percent,
    /// Whether the side that answered is asked a second time, to know its noise. Default true.
    pub again: bool,
    /// How much above the usual the 99th percentile of live answers may be before copies pause, as a share: 0.5 is +50 %.
    pub pause_above: f64,
    /// The upstream that gets copies of writes, always an isolated one; `None`: they are not copied.
    pub writes_to: Option<UpstreamId>,
    /// Header fields that are compared besides `content-type`; distinct. They are a part of `rules` too.
    pub headers: Vec<HeaderName>,
    /// JSON paths that may differ, see `banyan_compare::PathPattern`. They are a part of `rules` too.
    pub ignore: Vec<String>,
    /// How answers are compared: all that the config says of it.
    pub rules: Rules,
    /// Whether sampled values are hidden. Default true.
    pub redact: bool,
}

/// How a unit goes up by itself, once a person starts it.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// Stages, gates, and what takes it back. It knows the unit's authority, and whether it writes.
    pub plan: banyan_rollout::Plan,
    /// Who is told: the rollout's own, else those of the whole config. Distinct.
    pub alerts: Vec<Alert>,
}
