//! What comparing the two sides of a unit has found.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use banyan_compare::{Row, Sample};
use banyan_flags::Percent;
use banyan_state::shadow::ShadowReport;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    time::rfc3339,
    unit::{dropped, match_rate},
};

/// The comparison of a unit's sides since the process started.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShadowView {
    /// Comparisons in which the other side said the same, or differed only where the answering side differs from itself.
    matched: u64,
    /// Comparisons in which it differed otherwise.
    mismatched: u64,
    /// `matched` over all comparisons, 0 to 1; null before the first.
    match_rate: Option<f64>,
    /// Comparisons in which the answering side was asked a second time, so that its noise is known.
    triples: u64,
    /// Copies that were not compared, by reason.
    dropped: BTreeMap<&'static str, u64>,
    /// Why nothing is copied at present; null while copies are made.
    paused: Option<String>,
    /// What differs: sure differences first, then by evidence.
    paths: Vec<PathView>,
}

/// One place where answers differ, and in which way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PathView {
    /// JSON Pointer with array indexes as `*`, or `(status)`, `(content-type)`, `(header NAME)`, `(body)`.
    #[schema(example = "/items/*/title")]
    path: String,
    /// In which way: `value`, `type`, `missing`, `extra`, `length`, `order`.
    #[schema(example = "value")]
    kind: &'static str,
    /// Whether it surely differs: of places where the sides behave alike, at most 1 in 1,000 is ever said to.
    differs: bool,
    /// Comparisons in which it differed and nothing explains it: only the other side, or nobody asked a second time.
    count: u64,
    /// Triples in which it was looked at.
    compared: u64,
    /// Triples in which only the answering side differed from itself.
    only_control: u64,
    /// Triples in which both did: noise.
    both: u64,
    /// In which share of answers the other side is wrong, noise subtracted, 0 to 1.
    rate: f64,
    /// How much better 'they differ' explains it than noise: 1,000 and more is sure.
    e_value: f64,
    /// When it was first seen, RFC 3339 in UTC.
    since: Option<String>,
    /// When it was last seen, RFC 3339 in UTC.
    last: Option<String>,
    /// How often, by the percentage that the unit had.
    stages: BTreeMap<String, u64>,
    /// The first differences.
    samples: Vec<SampleView>,
}

/// One difference; values are redacted unless the unit says otherwise.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SampleView {
    /// When, RFC 3339 in UTC.
    at: String,
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
    /// A command that asks the other side again, secrets replaced.
    curl: String,
}

impl From<&ShadowReport> for ShadowView {
    fn from(report: &ShadowReport) -> Self {
        Self {
            matched: report.matched,
            mismatched: report.mismatched,
            match_rate: match_rate(report),
            triples: report.found.noise().triples(),
            dropped: dropped(report),
            paused: report.paused.clone(),
            paths: report.found.rows().into_iter().map(PathView::from).collect(),
        }
    }
}

impl From<Row> for PathView {
    fn from(row: Row) -> Self {
        let percent = |points: u32| {
            u16::try_from(points).ok().and_then(|points| Percent::from_basis_points(points).ok())
        };
        let stage = |(points, count)| (percent(points).unwrap_or(Percent::FULL).to_string(), count);
        Self {
            path: row.spot.path,
            kind: row.spot.kind.as_str(),
            differs: row.differs,
            count: row.only_candidate + row.unjudged,
            compared: row.compared,
            only_control: row.only_control,
            both: row.both,
            rate: row.rate,
            e_value: row.e_value,
            since: row.since.map(time),
            last: row.last.map(time),
            stages: row.stages.into_iter().map(stage).collect(),
            samples: row.samples.into_iter().map(SampleView::from).collect(),
        }
    }
}

impl From<Sample> for SampleView {
    fn from(sample: Sample) -> Self {
        let Sample { at, route, trace_id, control, candidate, curl, .. } = sample;
        Self { at: time(at), route, trace_id, control, candidate, curl }
    }
}

/// From milliseconds since 1970.
fn time(millis: u64) -> String {
    rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
}
