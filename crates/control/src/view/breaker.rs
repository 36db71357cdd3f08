//! Circuit breakers.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{BreakerStatus, span::seconds, switches::Hand};

/// The circuit breaker of an upstream. Times are seconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BreakerView {
    /// The upstream it protects.
    upstream: String,
    /// What it does with calls: `closed` (they pass), `open` (they are refused) or `half-open` (a few may try).
    #[schema(example = "open")]
    state: &'static str,
    /// The state somebody holds it in; null while it judges by itself.
    forced: Option<ForcedView>,
    /// Calls it judges by: those of its window, or failures in a row. They begin anew with every change of state, so what
    /// opened it stands in `why`.
    calls: u64,
    /// Failures among them.
    failures: u64,
    /// Slow ones among them, failed or not.
    slow: u64,
    /// Failures by cause.
    causes: BTreeMap<&'static str, u64>,
    /// How much longer it refuses; null unless it is open.
    #[schema(example = 3.2)]
    open_remaining: Option<f64>,
    /// Why it changed last; null when it has been closed since the start.
    #[schema(example = "12 of 20 failed in 10 s (9 timeouts, 3 resets)")]
    why: Option<String>,
    /// How long ago that was.
    since: Option<f64>,
}

/// A state that somebody holds a breaker in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ForcedView {
    /// `open` or `closed`.
    #[schema(example = "open")]
    state: &'static str,
    /// For how much longer; then it judges by itself again.
    #[serde(rename = "for")]
    left: f64,
    /// Who.
    by: Option<String>,
    /// Why, in their words.
    why: Option<String>,
}

impl From<(BreakerStatus, Option<Hand>)> for BreakerView {
    fn from((breaker, hand): (BreakerStatus, Option<Hand>)) -> Self {
        let (by, why) = hand.map(|hand| (hand.by, hand.why)).unzip();
        let forced =
            breaker.forced.map(|(to, left)| ForcedView { state: to.as_str(), left: seconds(left), by, why });
        Self {
            upstream: breaker.upstream.to_string(),
            state: breaker.state,
            forced,
            calls: breaker.calls,
            failures: breaker.failures,
            slow: breaker.slow,
            causes: breaker.causes.into_iter().collect(),
            open_remaining: breaker.open_remaining.map(seconds),
            since: breaker.last.as_ref().map(|change| seconds(change.ago)),
            why: breaker.last.map(|change| change.why),
        }
    }
}
