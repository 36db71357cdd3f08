//! What was slow for the control of late.

use std::time::Duration;

use super::sketch::Sketch;
use crate::Millis;

/// Before so many answers nobody knows what one in a hundred is.
const LEAST: u64 = 200;
/// How long a sketch is filled before it becomes the older one.
const TURN: Duration = Duration::from_secs(60);
/// The threshold is looked up again after so many answers.
const REFRESH: u64 = 64;

/// The control's 99th percentile on one route over the last minute or two.
///
/// Only the control's own answers make it, so a candidate that is slow cannot hide behind its own slowness; and only earlier
/// ones, so that under equal latencies one answer is as likely to exceed it as the next, whoever gave it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trailing {
    older: Sketch,
    newer: Sketch,
    turned: Millis,
    threshold: Option<u64>,
    until_refresh: u64,
}

impl Trailing {
    /// Longer than this is slow, in microseconds; `None` until that is known.
    pub(crate) const fn threshold(&self) -> Option<u64> {
        self.threshold
    }

    /// An answer of the control.
    pub(crate) fn add(&mut self, latency_us: u64, now: Millis) {
        if self.newer.is_empty() && self.older.is_empty() {
            self.turned = now;
        }
        if self.newer.count() >= LEAST && now.since(self.turned) >= TURN {
            self.older = std::mem::take(&mut self.newer);
            self.turned = now;
        }
        self.newer.add(latency_us);
        self.until_refresh = self.until_refresh.saturating_sub(1);
        if self.until_refresh == 0 {
            self.refresh();
        }
    }

    fn refresh(&mut self) {
        let known = self.newer.count() + self.older.count();
        if known < LEAST {
            self.until_refresh = LEAST - known;
        } else {
            self.until_refresh = REFRESH;
            self.threshold = self.newer.p99_with(Some(&self.older));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_slow_until_enough_is_known() {
        let mut trailing = Trailing::default();
        (0..199).for_each(|n| trailing.add(1_000 + n, Millis(n)));
        assert_eq!(trailing.threshold(), None);
        trailing.add(1_000, Millis(200));
        assert!(trailing.threshold().is_some_and(|slow| (1_190..1_300).contains(&slow)));
    }

    #[test]
    fn old_answers_are_forgotten() {
        let mut trailing = Trailing::default();
        (0..1_000).for_each(|n| trailing.add(100_000, Millis(n)));
        (0..2_000).for_each(|n| trailing.add(1_000, Millis(61_000 + n * 70)));
        assert!(trailing.threshold().is_some_and(|slow| slow < 1_100), "{:?}", trailing.threshold());
    }

    #[test]
    fn a_clock_that_goes_backwards_forgets_nothing_early() {
        let mut trailing = Trailing::default();
        (0..400).for_each(|n| trailing.add(1_000, Millis(1_000_000 - n * 1_000)));
        assert_eq!(trailing.newer.count(), 400);
    }
}
