//! What a breaker shows to those who watch it.

use std::time::Duration;

use tokio::time::Instant;

use super::change::{Causes, Change, Forced, State};

/// A breaker as it is at one moment. Looking changes nothing: a breaker whose open time is over is shown as open with
/// nothing remaining until somebody asks to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// What it does with calls.
    pub state: State,
    /// What an operator holds it in, and until when.
    pub forced: Option<(Forced, Instant)>,
    /// Calls in the window that said something about the dependency. Of a breaker that counts failures in a row: those.
    /// The counts begin anew with every change of state.
    pub calls: u64,
    /// Failures among them.
    pub failures: u64,
    /// Slow ones among them, failed or not.
    pub slow: u64,
    /// Failures by cause.
    pub causes: Causes,
    /// How long it refuses still, while it is open.
    pub open_remaining: Option<Duration>,
    /// Probes under way.
    pub probes: u32,
    /// The last change and how long ago it was: what an open breaker saw is in here.
    pub last: Option<(Change, Duration)>,
}
