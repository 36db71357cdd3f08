//! What changed lately.

use banyan_telemetry::timeline::Entry;
use serde::Serialize;
use utoipa::ToSchema;

use super::time::rfc3339;

/// Something that changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimelineView {
    /// Counts up from 1 while the process lives.
    number: u64,
    #[schema(format = DateTime)]
    at: String,
    /// What it is about: `reload`, `unit`, `flag`, `rollout`, `node`, `breaker`, `chaos` or `cache`.
    #[schema(example = "unit")]
    kind: &'static str,
    /// In words.
    #[schema(example = "articles: 5% -> 20% by ada: step two")]
    text: String,
}

impl From<Entry> for TimelineView {
    fn from(entry: Entry) -> Self {
        Self { number: entry.number, at: rfc3339(entry.at), kind: entry.kind.as_str(), text: entry.text }
    }
}
