//! How long calls took of late, in fixed memory and without a lock.
//!
//! Two histograms take turns: while one counts the present half of the window, the other still holds the half before.
//! Whoever comes first in a new half empties the older one. What others count in it in that very instant may be lost with
//! it: a few of thousands of samples, once in half a window, which no quantile notices.

//!
//! ```
//! use std::time::Duration;
//!
//! use banyan_resilience::latency::Recent;
//! use tokio::time::Instant;
//!
//! let (recent, now) = (Recent::over(Duration::from_secs(10)), Instant::now());
//! (1..=100).for_each(|millis| recent.observe(Duration::from_millis(millis), now));
//! let p99 = recent.quantile(0.99, 50, now).ok_or("too few samples")?;
//! assert!((99..=103).contains(&p99.as_millis()));
//! assert_eq!(recent.quantile(0.99, 50, now + Duration::from_secs(10)), None, "they are too old");
//! # Ok::<(), &str>(())
//! ```

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use crate::budget::ring::Ticks;

/// Histograms, and so the halves of a window.
pub(crate) const HALVES: usize = 2;
/// log2 of the buckets to each doubling. 32 buckets make the widest a 32nd of its value.
const FINENESS: u32 = 5;
const PER_OCTAVE: u32 = 1 << FINENESS;
/// Times from 2^27 microseconds on (134 s) count as the longest below.
const LONGEST_BITS: u32 = 27;
const LONGEST: u32 = (1 << LONGEST_BITS) - 1;
/// One bucket for each value below 32, then 32 for each doubling.
const BUCKETS: usize = ((LONGEST_BITS - FINENESS + 1) * PER_OCTAVE) as usize;

/// Times of the calls of a window: of its present half, and of the one before.
#[derive(Debug)]
pub struct Recent {
    ticks: Ticks,
    latency: Latency,
}

impl Recent {
    /// Knows the times of the last half to whole `window`, which is at least 0.2 seconds.
    #[must_use]
    pub fn over(window: Duration) -> Self {
        Self { ticks: Ticks::dividing(window, HALVES), latency: Latency::new() }
    }

    /// Takes in how long a call took.
    pub fn observe(&self, took: Duration, now: Instant) {
        self.latency.observe(took, self.ticks.at(now));
    }

    /// The time within which so large a share of the calls was answered, 0 to 1: never less than the true quantile of what
    /// was counted, and at most 1/32 and a microsecond more. Times over 134 s count as 134 s. `None` with fewer samples than
    /// `fewest`.
    #[must_use]
    pub fn quantile(&self, quantile: f64, fewest: u32, now: Instant) -> Option<Duration> {
        let micros = self.latency.quantile(quantile, fewest, self.ticks.at(now))?;
        Some(Duration::from_micros(micros.into()))
    }
}

/// The same by the number of a half, which whoever uses it counts.
#[derive(Debug)]
pub(crate) struct Latency([Half; HALVES]);

#[derive(Debug)]
struct Half {
    /// The half of the window that it counts, from 1. 0 before its first.
    tick: AtomicU32,
    samples: AtomicU32,
    /// By time, see [`bucket`]. On the heap: a histogram is 3 KB.
    counts: Box<[AtomicU32]>,
}

impl Latency {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Half::new()))
    }

    /// Counts a time, and says how many there are now.
    pub(crate) fn observe(&self, took: Duration, tick: u32) -> u32 {
        let Some(half) = self.0.get(usize::from(!tick.is_multiple_of(2))) else { return 0 };
        half.begin(tick);
        half.count(took);
        self.valid(tick).map(|half| half.samples.load(Relaxed)).fold(0, u32::saturating_add)
    }

    /// The time within which so large a share of calls was answered, in microseconds, at least 1. `None` with fewer samples
    /// than asked for.
    pub(crate) fn quantile(&self, quantile: f64, fewest: u32, tick: u32) -> Option<u32> {
        // Copied first: others go on counting, and a sum and a search over two different states would not fit together.
        let counts: [u32; BUCKETS] = std::array::from_fn(|index| self.in_bucket(index, tick));
        let total: u64 = counts.iter().copied().map(u64::from).sum();
        if total < u64::from(fewest.max(1)) {
            return None;
        }
        let rank = rank(quantile, total);
        let mut below = 0;
        let index = counts.iter().position(|count| {
            below += u64::from(*count);
            below >= rank
        })?;
        Some(upper_end(index).max(1))
    }

    fn in_bucket(&self, index: usize, tick: u32) -> u32 {
        let cells = self.valid(tick).filter_map(|half| half.counts.get(index));
        cells.map(|count| count.load(Relaxed)).fold(0, u32::saturating_add)
    }

    /// The histograms of the present half and the one before.
    fn valid(&self, tick: u32) -> impl Iterator<Item = &Half> {
        self.0.iter().filter(move |half| half.tick.load(Relaxed).saturating_add(1) >= tick)
    }
}

impl Half {
    fn new() -> Self {
        let counts = (0..BUCKETS).map(|_| AtomicU32::new(0)).collect();
        Self { tick: AtomicU32::new(0), samples: AtomicU32::new(0), counts }
    }

    /// Makes sure that it counts for `tick` and holds nothing older.
    fn begin(&self, tick: u32) {
        let of = self.tick.load(Relaxed);
        if of >= tick {
            return;
        }
        if self.tick.compare_exchange(of, tick, Relaxed, Relaxed).is_ok() {
            self.samples.store(0, Relaxed);
            self.counts.iter().for_each(|count| count.store(0, Relaxed));
        }
    }

    fn count(&self, took: Duration) {
        let micros = took.as_nanos().div_ceil(1_000);
        let micros = u32::try_from(micros).unwrap_or(LONGEST).min(LONGEST);
        if let Some(count) = self.counts.get(bucket(micros)) {
            count.fetch_add(1, Relaxed);
            self.samples.fetch_add(1, Relaxed);
        }
    }
}

/// The place of the quantile among `total` sorted samples, from 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a quantile is below 1, and a count of samples far below 2^53"
)]
fn rank(quantile: f64, total: u64) -> u64 {
    ((quantile * total as f64).ceil() as u64).clamp(1, total.max(1))
}

/// Bucket of a time of at most [`LONGEST`] microseconds.
const fn bucket(micros: u32) -> usize {
    if micros < PER_OCTAVE {
        return micros as usize;
    }
    // The leading bit and the five after it: the first says which doubling, the others which part of it.
    let shift = u32::BITS - 1 - micros.leading_zeros() - FINENESS;
    (shift * PER_OCTAVE + (micros >> shift)) as usize
}

/// The largest time of a bucket, in microseconds.
fn upper_end(bucket: usize) -> u32 {
    let bucket = u32::try_from(bucket).unwrap_or(u32::MAX);
    if bucket < PER_OCTAVE {
        return bucket;
    }
    let shift = (bucket / PER_OCTAVE - 1).min(LONGEST_BITS);
    let leading = PER_OCTAVE + bucket % PER_OCTAVE;
    ((leading + 1) << shift).saturating_sub(1).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gap_or_overlap() {
        assert_eq!((bucket(0), upper_end(0)), (0, 0));
        for index in 1..BUCKETS {
            let first = upper_end(index - 1) + 1;
            assert_eq!((bucket(first), bucket(upper_end(index))), (index, index));
        }
        assert_eq!(upper_end(BUCKETS - 1), LONGEST);
    }

    #[test]
    fn racing_threads_lose_no_sample_within_a_half() {
        let latency = Latency::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..5_000).for_each(|micros| {
                        latency.observe(Duration::from_micros(micros), 2);
                    });
                });
            }
        });
        assert_eq!(latency.observe(Duration::ZERO, 2), 20_001);
    }

    #[test]
    fn racing_threads_that_change_halves_leave_it_in_order() {
        let latency = Latency::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for step in 0..20_000 {
                        let tick = 1 + step / 100;
                        latency.observe(Duration::from_micros(100), tick);
                        if step % 20 == 0 {
                            assert!(matches!(latency.quantile(0.95, 1, tick), None | Some(100..=103)));
                        }
                    }
                });
            }
        });
        assert_eq!(latency.observe(Duration::ZERO, 1_000), 1, "and it goes on from there");
    }

    proptest! {
        #[test]
        fn the_upper_end_is_never_below_and_at_most_a_32nd_above(micros in 0..=LONGEST) {
            let end = upper_end(bucket(micros));
            prop_assert!(micros <= end && end - micros <= micros / 32);
        }
    }
}
