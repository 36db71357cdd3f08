//! Alerts that wait to be sent.
//!
//! An alert is written in the transaction of the step that it tells about, and sent afterwards by whoever leads. So a
//! process that dies between the two has not forgotten it, and a step that was refused never told anybody.

use std::time::SystemTime;

/// Most alerts that a store keeps. Those that were sent go first, the oldest before the others; they are kept at all so
/// that nothing is told twice.
pub const MAX_ALERTS: usize = 10_000;

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What it is about: for each target, only the first alert of a key is kept.
    pub key: String,
    /// Where it goes, in words that the sender understands. May hold what is secret, so it belongs in no log.
    pub target: String,
    /// What to send.
    pub body: String,
}

/// An alert that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRecord {
    /// What [`crate::Store::alert_sent`] and [`crate::Store::alert_failed`] know it by.
    pub id: u64,
    /// The unit whose rollout it tells about.
    pub unit: String,
    /// What it is about.
    pub key: String,
    /// What to send.
    pub body: String,
    /// Where.
    pub target: String,
    /// How often sending it has failed.
    pub tries: u32,
    /// When it should be tried again.
    pub next_at: SystemTime,
    /// Why it failed last; empty if it has not been tried.
    pub failure: String,
}
