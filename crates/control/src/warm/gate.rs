//! How long a start waits for its cache.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::time::Instant;

/// Keeps the process from being ready while its cache is filled for the first time, and never for longer than it was told:
/// whoever waits for it gives no answer at all meanwhile, which is worse than a slow one. It opens once, and stays open.
#[derive(Debug)]
pub(crate) struct Gate {
    open: AtomicBool,
    /// Opens by itself then, even when nobody looks after it any more.
    until: Instant,
    total: usize,
}

impl Gate {
    /// Closed until then, while `total` URLs are asked for. With none to ask for it is open.
    pub(crate) const fn new(total: usize, until: Instant) -> Self {
        Self { open: AtomicBool::new(total == 0), until, total }
    }

    /// Opens it.
    pub(crate) fn open(&self) {
        self.open.store(true, Relaxed);
    }

    /// How many URLs are asked for while it is closed; `None` once it is open.
    pub(crate) fn holds_back(&self, now: Instant) -> Option<usize> {
        (!self.open.load(Relaxed) && now < self.until).then_some(self.total)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_opens_when_told_or_when_its_time_is_over_and_stays_open() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let gate = Gate::new(3, at(10));
        assert_eq!([0, 9, 10, 11].map(|second| gate.holds_back(at(second))), [Some(3), Some(3), None, None]);
        gate.open();
        assert_eq!(gate.holds_back(now), None);
    }

    #[test]
    fn without_anything_to_ask_for_it_never_holds_back() {
        let now = Instant::now();
        assert_eq!(Gate::new(0, now + Duration::from_secs(10)).holds_back(now), None);
    }
}
