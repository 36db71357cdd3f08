//! The time that steps are decided by.

use std::time::{Duration, SystemTime};

use banyan_rollout::Millis;
use tokio::time::Instant;

/// The calendar as of the start, and the time that has passed since. So within a process time never jumps, whatever is
/// done to the machine's clock meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    base: SystemTime,
    since: Instant,
}

impl Clock {
    /// Beginning now.
    pub(crate) fn start() -> Self {
        Self { base: SystemTime::now(), since: Instant::now() }
    }

    /// Now.
    pub(crate) fn now(&self) -> Millis {
        millis(self.time())
    }

    /// The same, for the store.
    pub(crate) fn time(&self) -> SystemTime {
        self.base + self.since.elapsed()
    }
}

/// A moment as rollouts have it.
pub(crate) fn millis(at: SystemTime) -> Millis {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A moment as the calendar has it.
pub(crate) fn calendar(at: Millis) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_the_same_in_both_forms() {
        assert_eq!(millis(calendar(Millis(1_795_000_000_123))), Millis(1_795_000_000_123));
        assert_eq!(millis(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), Millis(0));
    }
}
