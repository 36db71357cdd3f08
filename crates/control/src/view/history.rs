//! What was done to a unit, newest first.

use banyan_state::{Entry, Step};
use serde::Serialize;
use utoipa::ToSchema;

use super::time::rfc3339;

/// One step in the history of a unit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryView {
    version: u64,
    step: StepView,
    /// Share on the replacement afterwards; null after `reset`.
    percent: Option<String>,
    /// Whether it was held afterwards.
    held: bool,
    by: String,
    why: String,
    #[schema(format = DateTime)]
    at: String,
}

/// What was done.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StepView {
    /// The share or the hold was set.
    Set,
    /// The config decides since then.
    Reset,
}

impl From<Entry> for HistoryView {
    fn from(entry: Entry) -> Self {
        let (step, percent, held) = match entry.step {
            Step::Set { percent, held } => (StepView::Set, Some(percent.to_string()), held),
            Step::Forget => (StepView::Reset, None, false),
        };
        let (version, by, why, at) = (entry.version, entry.by, entry.why, rfc3339(entry.at));
        Self { version, step, percent, held, by, why, at }
    }
}
