//! Many seeds, on all cores, with the same result however many there are.

use std::{
    num::NonZero,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
};

/// What `play` makes of each of the `runs` seeds from `first` on, in their order.
pub(super) fn play<T: Send>(first: u64, runs: u64, play: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(0);
    let lane = || {
        let mut played = Vec::new();
        loop {
            let run = next.fetch_add(1, Relaxed);
            if run >= runs {
                return played;
            }
            played.push((run, play(first + run)));
        }
    };
    let lanes = thread::available_parallelism().map_or(1, NonZero::get);
    let mut all: Vec<(u64, T)> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap_or_default()).collect()
    });
    all.sort_by_key(|&(run, _)| run);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Middle, 95th percentile and largest of what was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) p95: f64,
    pub(super) max: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| (values.len() * percent).div_ceil(100).saturating_sub(1);
        let at = |percent| values.get(rank(percent)).copied();
        Some(Self { median: at(50)?, p95: at(95)?, max: at(100)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_come_in_their_order_and_once() {
        assert_eq!(play(7, 100, |seed| seed), (7..107).collect::<Vec<_>>());
        assert_eq!(play(1, 0, |seed| seed), [0; 0]);
    }

    #[test]
    fn spread_is_of_ranks() {
        let spread = Spread::of((1..=100).map(f64::from)).unwrap();
        assert_eq!(spread, Spread { median: 50.0, p95: 95.0, max: 100.0 });
        assert_eq!(Spread::of([]), None);
    }
}
