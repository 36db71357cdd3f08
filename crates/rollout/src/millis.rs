//! A moment that is written down.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the epoch (1970-01-01T00:00:00Z), by the clock of whoever says so.
///
/// What is written down outlives the process, and is read by other nodes, whose clocks may differ by minutes. So nothing
/// here decides by the difference of two of these alone: see [`machine::Held`](crate::machine::Held).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// The time since `earlier`; zero if the clock went backwards.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// So much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }
}
