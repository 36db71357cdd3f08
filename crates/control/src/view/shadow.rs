//! What comparing the two sides of a unit has found.

use std::{cmp::Reverse, collections::BTreeMap};

use banyan_state::shadow::{PathReport, Sample, ShadowReport};
use serde::Serialize;
use utoipa::ToSchema;

use super::unit::{dropped, match_rate};

/// The comparison of a unit's sides since the process started.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShadowView {
    /// Pairs without a difference.
    matched: u64,
    /// Pairs with a difference.
    mismatched: u64,
    /// `matched` over all compared pairs, 0 to 1; null before the first.
    match_rate: Option<f64>,
    /// Copies that were not compared, by reason.
    dropped: BTreeMap<&'static str, u64>,
    /// What differs, most often first.
    paths: Vec<PathView>,
}

/// One differing path.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PathView {
    /// JSON Pointer with array indexes as `*`, or `(status)`, `(content-type)`, `(body)`, `(other)`.
    #[schema(example = "/items/*/title")]
    path: String,
    /// Pairs in which it differed.
    count: u64,
    /// The latest differences.
    samples: Vec<SampleView>,
}

/// One difference; values are redacted unless the unit says otherwise.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SampleView {
    /// Method and template of the route.
    route: String,
    /// Trace of the live request, to find it in the logs.
    trace_id: String,
    /// What the answering side said.
    #[schema(example = "string(12)")]
    control: String,
    /// What the other side said.
    #[schema(example = "absent")]
    candidate: String,
}

impl From<&ShadowReport> for ShadowView {
    fn from(report: &ShadowReport) -> Self {
        let mut paths: Vec<_> = report.paths.iter().map(PathView::from).collect();
        // Stable, so paths of equal count stay in the order of their names.
        paths.sort_by_key(|path| Reverse(path.count));
        Self {
            matched: report.matched,
            mismatched: report.mismatched,
            match_rate: match_rate(report),
            dropped: dropped(report),
            paths,
        }
    }
}

impl From<(&String, &PathReport)> for PathView {
    fn from((path, report): (&String, &PathReport)) -> Self {
        let samples = report.samples.iter().map(SampleView::from).collect();
        Self { path: path.clone(), count: report.count, samples }
    }
}

impl From<&Sample> for SampleView {
    fn from(sample: &Sample) -> Self {
        let Sample { route, trace_id, control, candidate } = sample.clone();
        Self { route, trace_id, control, candidate }
    }
}
