//! How latencies are spread, in 528 numbers.
//!
//! A log-linear histogram: sixteen steps for each doubling, so a value is known to a sixteenth. Merging adds whole
//! numbers, so it does not matter who is merged with whom first.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Steps per doubling, as a power of two.
const STEPS: u32 = 4;
/// Longest latency that is told apart: 2^36 us, some 19 hours.
const LONGEST: u64 = (1 << 36) - 1;
const BINS: usize = 528;

/// Counts of latencies in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sketch {
    /// Empty until something was added.
    bins: Vec<u32>,
    count: u64,
}

/// The bin of a latency.
fn bin(latency_us: u64) -> usize {
    let value = latency_us.min(LONGEST);
    let doublings = value.max(1).ilog2().saturating_sub(STEPS);
    usize::try_from((u64::from(doublings) << STEPS) + (value >> doublings)).unwrap_or(BINS - 1).min(BINS - 1)
}

/// The longest latency of a bin.
fn longest(bin: usize) -> u64 {
    let bin = bin as u64;
    let doublings = (bin >> STEPS).saturating_sub(1);
    ((bin - (doublings << STEPS) + 1) << doublings) - 1
}

impl Sketch {
    pub(crate) fn add(&mut self, latency_us: u64) {
        self.add_many(bin(latency_us), 1);
    }

    fn add_many(&mut self, bin: usize, count: u32) {
        if self.bins.is_empty() {
            self.bins.resize(BINS, 0);
        }
        if let Some(held) = self.bins.get_mut(bin) {
            *held = held.saturating_add(count);
            self.count = self.count.saturating_add(u64::from(count));
        }
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        other.filled().for_each(|(bin, count)| self.add_many(bin, count));
    }

    fn filled(&self) -> impl Iterator<Item = (usize, u32)> {
        self.bins.iter().copied().enumerate().filter(|&(_, count)| count > 0)
    }

    /// A latency that at most 1 % exceed, together with `other`: the upper end of the bin in which the 99th percentile is, in
    /// microseconds.
    pub(crate) fn p99_with(&self, other: Option<&Self>) -> Option<u64> {
        let total = self.count + other.map_or(0, Self::count);
        let rank = total.saturating_mul(99).div_ceil(100);
        let empty: &[u32] = &[];
        let others = other.map_or(empty, |other| &other.bins);
        let mut below = 0;
        (0..BINS)
            .find(|&bin| {
                let at = |bins: &[u32]| u64::from(bins.get(bin).copied().unwrap_or(0));
                below += at(&self.bins) + at(others);
                below >= rank && rank > 0
            })
            .map(longest)
    }

    /// The same of this one alone.
    pub(crate) fn p99(&self) -> Option<u64> {
        self.p99_with(None)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Serialize for Sketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.filled())
    }
}

impl<'de> Deserialize<'de> for Sketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut sketch = Self::default();
        for (bin, count) in Vec::<(usize, u32)>::deserialize(deserializer)? {
            if bin >= BINS {
                return Err(D::Error::custom("a bin of latencies that does not exist"));
            }
            sketch.add_many(bin, count);
        }
        Ok(sketch)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bins_follow_each_other_without_gaps() {
        for bin_index in 0..BINS {
            let end = longest(bin_index);
            assert_eq!(bin(end), bin_index);
            assert_eq!(bin(end + 1), (bin_index + 1).min(BINS - 1));
        }
        assert_eq!(longest(BINS - 1), LONGEST);
    }

    #[test]
    fn one_in_a_hundred_is_slower() {
        let mut sketch = Sketch::default();
        assert_eq!(sketch.p99(), None);
        (1..=1_000).for_each(|latency| sketch.add(latency * 100));
        let p99 = sketch.p99().unwrap();
        assert!((99_000..106_000).contains(&p99), "{p99}");
    }

    proptest! {
        #[test]
        fn a_latency_is_known_to_a_sixteenth(latency in 0u64..LONGEST) {
            let end = longest(bin(latency));
            prop_assert!(end >= latency && end - latency <= latency / 16, "{latency} {end}");
        }

        #[test]
        fn merging_is_adding_and_survives_being_written(
            a in prop::collection::vec(any::<u64>(), 0..50),
            b in prop::collection::vec(0u64..1_000_000, 0..50),
        ) {
            let sketch = |values: &[u64]| {
                let mut sketch = Sketch::default();
                values.iter().for_each(|&value| sketch.add(value));
                sketch
            };
            let both: Vec<u64> = a.iter().chain(&b).copied().collect();
            let (mut merged, other) = (sketch(&a), sketch(&b));
            prop_assert_eq!(merged.p99_with(Some(&other)), sketch(&both).p99());
            merged.merge(&other);
            prop_assert_eq!(&merged, &sketch(&both));
            let text = serde_json::to_string(&merged).unwrap();
            prop_assert_eq!(serde_json::from_str::<Sketch>(&text).unwrap(), merged);
        }
    }
}
