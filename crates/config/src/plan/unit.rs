//! Units of migration.

use std::sync::Arc;

use banyan_flags::Percent;
use http::HeaderName;

use super::UpstreamId;

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
    /// Comparison of both sides.
    pub shadow: Option<Shadow>,
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
    /// JSON paths that may differ, see `banyan_compare::PathPattern`.
    pub ignore: Vec<String>,
    /// Whether sampled values are hidden. Default true.
    pub redact: bool,
}
