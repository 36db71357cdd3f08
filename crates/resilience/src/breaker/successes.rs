//! Counts what goes well, which is nearly everything, without making cores wait for one another.
//!
//! Every thread counts in a shard of its own, as far as there are enough of them. A cell holds the lap of its bucket and
//! the count in one word, so that one compare-and-swap both turns the ring and counts: no success is lost and none is
//! counted in a bucket that is not its own, however many threads share a cell.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use super::ring::{BUCKETS, Place};
use crate::sync::AtomicU64;

/// The low half of a cell.
const COUNT: u64 = 0xFFFF_FFFF;
/// More shards cost memory (128 bytes each) and time to sum, and only help machines with more cores than this.
const MOST_SHARDS: usize = 64;
/// How many cores there are is asked once, by a thread that may have been put on one of them and then sees no others.
const LEAST_SHARDS: usize = 8;

/// One per core, as a power of two, so that a thread finds its own by a mask.
static SHARDS: LazyLock<usize> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    cores.next_power_of_two().clamp(LEAST_SHARDS, MOST_SHARDS)
});

/// Threads that have counted anything. Not of `crate::sync`: who counts where is no matter of correctness.
static SEATS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Seats are given in turn, so that as many threads as there are shards never share one.
    static SEAT: usize = SEATS.fetch_add(1, Relaxed);
}

/// One thread's counts, on cache lines of their own. Two lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard([AtomicU64; BUCKETS]);

/// Successes by bucket.
#[derive(Debug)]
pub(super) struct Successes(Box<[Shard]>);

impl Successes {
    pub(super) fn new() -> Self {
        Self((0..*SHARDS).map(|_| Shard::default()).collect())
    }

    /// Counts one. What lies before everything that the cell still knows is dropped: it is out of the window already.
    pub(super) fn add(&self, place: Place) {
        let shard = SEAT.with(|seat| seat & (self.0.len() - 1));
        let cell = &self.0[shard].0[place.slot];
        let mut seen = cell.load(Relaxed);
        while let Some(counted) = counted(seen, place) {
            match cell.compare_exchange_weak(seen, counted, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    /// How many there are in the window.
    pub(super) fn sum(&self, window: Place) -> u64 {
        self.0.iter().map(|shard| shard.sum(window)).sum()
    }
}

impl Shard {
    fn sum(&self, window: Place) -> u64 {
        let cells = self.0.iter().map(|cell| cell.load(Relaxed)).enumerate();
        cells.filter(|(slot, cell)| window.covers(*slot, cell >> 32)).map(|(_, cell)| cell & COUNT).sum()
    }
}

/// The cell with one more at `place`; `None` when it stays as it is.
const fn counted(cell: u64, place: Place) -> Option<u64> {
    let lap = cell >> 32;
    if lap == place.lap {
        if cell & COUNT == COUNT { None } else { Some(cell + 1) }
    } else if place.is_after(lap) {
        Some((place.lap << 32) | 1)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_counts_turns_over_and_takes_no_notice_of_the_past() {
        let place = |lap| Place { lap, slot: 3 };
        let once = counted(0, place(7)).unwrap();
        let twice = counted(once, place(7)).unwrap();
        assert_eq!((twice >> 32, twice & COUNT), (7, 2));
        assert_eq!(counted(twice, place(8)), Some((8 << 32) | 1));
        assert_eq!(counted(twice, place(6)), None);
    }

    #[test]
    fn a_full_cell_stays_full() {
        let full = (7 << 32) | COUNT;
        assert_eq!(counted(full, Place { lap: 7, slot: 0 }), None);
    }
}
