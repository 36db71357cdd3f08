//! Which bucket of the ring a moment falls in, and which buckets the window holds.
//!
//! Ten buckets make a lap. A bucket is known by its slot (0 to 9) and its lap, and whoever counts writes the lap beside
//! the count: what an earlier lap left in a slot is overwritten by the next one that comes by and is never read, so
//! nothing has to sweep the ring and an idle gap costs nothing.
//!
//! Each epoch of the breaker moves on by [`LAPS_PER_EPOCH`] laps besides. So counts of an earlier epoch lie outside every
//! later window, even one that a thread writes after it was held up for as long as one likes, and a breaker that closes
//! starts from nothing without anybody clearing anything.

use std::time::Duration;

use tokio::time::Instant;

/// Buckets of the window, which are also the steps in which it slides.
pub(super) const BUCKETS: usize = 10;
/// Laps by which epochs lie apart. Two are enough while everybody reads the same clock; four also bear clocks that are
/// apart by more than a whole window.
const LAPS_PER_EPOCH: u64 = 4;
/// Laps are 32 bits wide: 13 years of the shortest window.
const LAP: u64 = 0xFFFF_FFFF;

/// Nanoseconds since the breaker was first used. Saturates: a moment before that is that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(pub(super) u64);

/// A bucket, and so the window that ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// 32 bits; compared with care for going round.
    pub(super) lap: u64,
    /// Less than [`BUCKETS`].
    pub(super) slot: usize,
}

impl Tick {
    /// Nothing has to be done at any time, or: at once.
    pub(super) const ZERO: Self = Self(0);

    /// How long `now` is after `start`.
    pub(super) fn since(start: Instant, now: Instant) -> Self {
        let passed = now.saturating_duration_since(start);
        Self(passed.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(passed.subsec_nanos())))
    }

    /// This moment and so much more.
    pub(super) fn after(self, more: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(more.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long this moment is ahead of another; zero when it is not.
    pub(super) const fn ahead_of(self, other: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(other.0))
    }

    /// This moment on the caller's clock; `None` when that cannot express it.
    pub(super) fn on_clock(self, start: Instant) -> Option<Instant> {
        start.checked_add(Duration::from_nanos(self.0))
    }
}

impl Place {
    /// The only place where there is no ring.
    pub(super) const NONE: Self = Self { lap: 0, slot: 0 };

    /// Where a moment of an epoch lies when buckets are so long (at least 1).
    pub(super) fn of(tick: Tick, epoch: u64, bucket_nanos: u64) -> Self {
        let number = tick.0 / bucket_nanos.max(1);
        let (laps, slot) = (number / BUCKETS as u64, number % BUCKETS as u64);
        Self {
            lap: laps.wrapping_add(epoch.wrapping_mul(LAPS_PER_EPOCH)) & LAP,
            slot: usize::try_from(slot).unwrap_or(0),
        }
    }

    /// Whether what was written in `slot` in `lap` is in the window that ends here.
    pub(super) const fn covers(self, slot: usize, lap: u64) -> bool {
        // Slots up to this one were passed in this lap, those after it in the lap before.
        lap == if slot <= self.slot { self.lap } else { self.lap.wrapping_sub(1) & LAP }
    }

    /// Whether `lap` came before this one.
    pub(super) const fn is_after(self, lap: u64) -> bool {
        let ahead = self.lap.wrapping_sub(lap) & LAP;
        ahead != 0 && ahead <= LAP / 2
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_window_holds_this_bucket_and_the_nine_before_it() {
        for now in 0..35_u64 {
            let window = Place::of(Tick(now * SECOND), 7, SECOND);
            for then in 0..=now {
                let place = Place::of(Tick(then * SECOND), 7, SECOND);
                assert_eq!(window.covers(place.slot, place.lap), now - then < 10, "{then} at {now}");
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_of_an_earlier_epoch_is_in_a_window(
            now in 0..10_000 * SECOND, late in 0..10 * SECOND, epoch in 1..1_000_000_000_000_u64, later in 1..1_000_u64,
        ) {
            let window = Place::of(Tick(now), epoch + later, SECOND);
            let place = Place::of(Tick(now + late), epoch, SECOND);
            prop_assert!(!window.covers(place.slot, place.lap));
        }

        #[test]
        fn laps_go_on_when_their_numbers_begin_again(lap in 0..=LAP, ahead in 1..1_000_000_u64) {
            let (earlier, later) = (Place { lap, slot: 0 }, Place { lap: (lap + ahead) & LAP, slot: 0 });
            prop_assert!(later.is_after(earlier.lap));
            prop_assert!(!earlier.is_after(later.lap));
            prop_assert!(!earlier.is_after(earlier.lap));
        }
    }
}
