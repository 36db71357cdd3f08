//! A unit: where it stands, who put it there, what was counted.

use std::{collections::BTreeMap, sync::atomic::Ordering::Relaxed};

use banyan_config::plan::{Plan, Unit};
use banyan_state::{
    Record,
    live::UnitLive,
    shadow::{DropReason, ShadowReport},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::time::rfc3339;

/// A unit of migration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnitView {
    name: String,
    /// Upstream of the old side.
    legacy: String,
    /// Upstream of the new side.
    replacement: String,
    /// Share of subjects on the replacement now.
    #[schema(example = "5%")]
    percent: String,
    /// Share that the config names.
    #[schema(example = "5%")]
    configured: String,
    /// Whose share is in effect.
    decided_by: DecidedBy,
    /// While true, the share can only be set back to 0 %.
    held: bool,
    /// Counts up with each change at run time; 0 while the config decides. Also the `ETag`.
    version: u64,
    /// Who made the latest change at run time.
    by: Option<String>,
    /// Why, in their words.
    why: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    at: Option<String>,
    counts: CountsView,
}

/// Whose share is in effect.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DecidedBy {
    /// `percent` of the config.
    Config,
    /// A change at run time.
    Runtime,
}

/// What was counted since the process started.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountsView {
    /// Requests decided for legacy.
    legacy: u64,
    /// Requests decided for the replacement.
    replacement: u64,
    /// Requests that failed on the replacement and were answered by legacy.
    fallback: u64,
    /// Shadow pairs without a difference.
    matched: u64,
    /// Shadow pairs with a difference.
    mismatched: u64,
    /// Copies that were not compared, by reason.
    dropped: BTreeMap<&'static str, u64>,
    /// `matched` over all compared pairs, 0 to 1; null before the first.
    match_rate: Option<f64>,
}

impl UnitView {
    /// `live` is `None` only before the unit was ever live.
    pub(crate) fn new(plan: &Plan, unit: &Unit, record: Option<Record>, live: Option<&UnitLive>) -> Self {
        let upstream =
            |index: usize| plan.upstreams.get(index).map_or("", |upstream| &*upstream.name).to_owned();
        let percent = live.map_or(unit.percent, UnitLive::percent);
        let decided_by = if record.is_some() { DecidedBy::Runtime } else { DecidedBy::Config };
        Self {
            name: unit.name.to_string(),
            legacy: upstream(unit.legacy.0),
            replacement: upstream(unit.replacement.0),
            percent: percent.to_string(),
            configured: unit.percent.to_string(),
            decided_by,
            held: record.as_ref().is_some_and(|record| record.held),
            version: record.as_ref().map_or(0, |record| record.version),
            at: record.as_ref().map(|record| rfc3339(record.at)),
            counts: CountsView::new(live),
            by: record.as_ref().map(|record| record.by.clone()),
            why: record.map(|record| record.why),
        }
    }

    /// The version, for the `ETag`.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

impl CountsView {
    fn new(live: Option<&UnitLive>) -> Self {
        let count = |of: fn(&UnitLive) -> u64| live.map_or(0, of);
        let shadow = |of: fn(&mut ShadowReport) -> u64| live.map_or(0, |live| live.with_shadow(of));
        Self {
            legacy: count(|live| live.counts.legacy.load(Relaxed)),
            replacement: count(|live| live.counts.replacement.load(Relaxed)),
            fallback: count(|live| live.counts.fallback.load(Relaxed)),
            matched: shadow(|report| report.matched),
            mismatched: shadow(|report| report.mismatched),
            dropped: live
                .map_or_else(|| dropped(&ShadowReport::default()), |live| live.with_shadow(|r| dropped(r))),
            match_rate: live.and_then(|live| live.with_shadow(|report| match_rate(report))),
        }
    }
}

/// Every reason, zeros included.
pub(super) fn dropped(report: &ShadowReport) -> BTreeMap<&'static str, u64> {
    let count = |reason: &DropReason| report.dropped.get(reason).copied().unwrap_or_default();
    DropReason::ALL.iter().map(|reason| (reason.as_str(), count(reason))).collect()
}

/// Share of compared pairs that matched; `None` before the first.
pub(super) fn match_rate(report: &ShadowReport) -> Option<f64> {
    let compared = report.matched + report.mismatched;
    #[allow(clippy::cast_precision_loss, reason = "a rate for people; 53 bits of it are plenty")]
    (compared > 0).then(|| report.matched as f64 / compared as f64)
}
