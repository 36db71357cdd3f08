//! Counts that slide with time, without a lock.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// Time in steps of equal width, numbered from 1. The first moment that is asked for begins step 1; what lies before it
/// belongs to it too.
#[derive(Debug)]
pub(crate) struct Ticks {
    start: OnceLock<Instant>,
    /// In nanoseconds, never zero.
    width: u128,
}

/// Counts in the last `N` steps.
///
/// A cell holds the number of its step in the upper half and the count in the lower: one exchange both empties a cell of a
/// step long past and counts in it, so that nothing is lost or counted twice however many threads race for it.
#[derive(Debug)]
pub(crate) struct Ring<const N: usize>([AtomicU64; N]);

impl Ticks {
    pub(crate) fn dividing(window: Duration, steps: usize) -> Self {
        let steps = u128::try_from(steps).unwrap_or(1).max(1);
        Self { start: OnceLock::new(), width: (window.as_nanos() / steps).max(1) }
    }

    /// The step that `now` lies in. Steps are at least a tenth of a second wide, so they last for 13 years; after that
    /// all time is one step.
    pub(crate) fn at(&self, now: Instant) -> u32 {
        let start = *self.start.get_or_init(|| now);
        let past = now.saturating_duration_since(start).as_nanos() / self.width;
        u32::try_from(past).unwrap_or(u32::MAX).saturating_add(1)
    }
}

impl<const N: usize> Ring<N> {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    /// Counts `by` in a step. A step that has left the ring by now counts nothing any more.
    pub(crate) fn add(&self, tick: u32, by: u32) {
        let Some(cell) = self.cell(tick) else { return };
        // An error means that the cell belongs to a later step already: nothing to do.
        let _late = cell.fetch_update(Relaxed, Relaxed, |old| {
            let (of, count) = unpack(old);
            match of.cmp(&tick) {
                std::cmp::Ordering::Less => Some(pack(tick, by)),
                std::cmp::Ordering::Equal => Some(pack(tick, count.saturating_add(by))),
                std::cmp::Ordering::Greater => None,
            }
        });
    }

    /// The count over the `N` steps up to `tick`. What other threads counted in steps that begin just after is included.
    pub(crate) fn sum(&self, tick: u32) -> u64 {
        let cells = self.0.iter().map(|cell| unpack(cell.load(Relaxed)));
        cells.filter(|(of, _)| self.reaches(*of, tick)).map(|(_, count)| u64::from(count)).sum()
    }

    /// Whether a step is still in the ring at `tick`.
    fn reaches(&self, of: u32, tick: u32) -> bool {
        u64::from(of) + N as u64 > u64::from(tick)
    }

    fn cell(&self, tick: u32) -> Option<&AtomicU64> {
        let index = u64::from(tick).checked_rem(N as u64)?;
        self.0.get(usize::try_from(index).ok()?)
    }
}

pub(crate) fn pack(tick: u32, count: u32) -> u64 {
    u64::from(tick) << 32 | u64::from(count)
}

#[expect(clippy::cast_possible_truncation, reason = "each half is 32 bits")]
pub(crate) const fn unpack(cell: u64) -> (u32, u32) {
    ((cell >> 32) as u32, cell as u32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_numbered_from_the_first_moment_seen() {
        let ticks = Ticks::dividing(Duration::from_secs(10), 10);
        let start = Instant::now();
        let after = |millis| ticks.at(start + Duration::from_millis(millis));
        assert_eq!((after(0), after(999), after(1_000), after(10_000)), (1, 1, 2, 11));
        assert_eq!(ticks.at(start.checked_sub(Duration::from_secs(5)).unwrap()), 1);
        assert_eq!(ticks.at(start + Duration::from_secs(1 << 40)), u32::MAX);
    }

    #[test]
    fn racing_threads_lose_no_count_while_a_cell_changes_its_step() {
        let ring = Ring::<4>::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (1..=10_000).for_each(|tick| ring.add(tick, 1)));
            }
        });
        // A slow thread may have come too late for the last steps; nobody is counted twice.
        assert!(ring.sum(10_000) <= 16);
        let ring = Ring::<4>::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| ring.add(7, 1)));
            }
        });
        assert_eq!(ring.sum(7), 40_000);
    }

    proptest! {
        #[test]
        fn it_counts_what_a_naive_list_counts(steps in proptest::collection::vec((0_u32..30, 1_u32..5), 1..80)) {
            let (ring, mut tick) = (Ring::<10>::new(), 1);
            let mut naive = BTreeMap::<u32, u64>::new();
            for (forward, by) in steps {
                tick += forward;
                ring.add(tick, by);
                *naive.entry(tick).or_default() += u64::from(by);
                let expected: u64 = naive.range(tick.saturating_sub(9)..=tick).map(|(_, count)| count).sum();
                prop_assert_eq!(ring.sum(tick), expected);
            }
        }
    }
}
