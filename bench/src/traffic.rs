//! What is asked for, and when, drawn from a seed: the same seed asks the same.
//!
//! Requests come as from many callers who know nothing of one another: the gaps between them are exponential (a Poisson
//! process), so that some come together and some come late.

use std::{collections::VecDeque, time::Duration};

use banyan_resilience::Dice;

/// A request that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// When, from the start.
    pub(crate) at: Duration,
    /// Which item.
    pub(crate) item: usize,
}

/// Moments at a mean rate, from the start to an end.
pub(crate) struct Arrivals {
    dice: Dice,
    per_second: f64,
    at: f64,
    end: f64,
}

impl Arrivals {
    /// `per_second` requests on average, for `seconds`.
    pub(crate) fn new(seed: u64, per_second: u32, seconds: u64) -> Self {
        Self { dice: Dice::seeded(seed), per_second: f64::from(per_second), at: 0.0, end: seconds as f64 }
    }

    /// All of them for one item.
    pub(crate) fn of_item(self, item: usize) -> impl Iterator<Item = Due> {
        self.map(move |at| Due { at, item })
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        // `1 - share` is never 0, whose logarithm is infinite.
        self.at -= (1.0 - self.dice.share()).ln() / self.per_second;
        (self.at < self.end).then(|| Duration::from_secs_f64(self.at))
    }
}

/// Zipf's law with exponent 1: item `n` is asked for `n + 1` times less often than item 0.
struct Zipf {
    /// The sum of the weights up to and including each item.
    sums: Vec<f64>,
}

impl Zipf {
    fn new(items: usize) -> Self {
        let weights = (1..=items).map(|rank| 1.0 / rank as f64);
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    fn draw(&self, dice: &Dice) -> usize {
        let point = dice.share() * self.sums.last().copied().unwrap_or_default();
        self.sums.partition_point(|sum| *sum <= point)
    }
}

/// Traffic with many duplicates: a page that many open at once, a client that asks twice.
///
/// Items follow Zipf's law. A request is a *twin* when the same item was asked for at most [`Self::TOGETHER`] before it. As
/// long as fewer than the wanted share are twins, a request repeats one of those that came within that time; else it asks
/// for an item of its own, which may be a twin by chance.
pub(crate) struct Twins {
    arrivals: Arrivals,
    zipf: Zipf,
    dice: Dice,
    share: f64,
    /// Requests of the last moments, the oldest first.
    recent: VecDeque<Due>,
    sent: u64,
    twins: u64,
}

impl Twins {
    /// How close twins are.
    pub(crate) const TOGETHER: Duration = Duration::from_millis(5);

    /// At these moments, `items` items, and this share of twins: at least 0, less than 1.
    pub(crate) fn new(seed: u64, arrivals: Arrivals, items: usize, share: f64) -> Self {
        // Not the arrivals' seed: when requests come and what they ask for must not depend on one another.
        let dice = Dice::seeded(Dice::seeded(seed).number());
        let zipf = Zipf::new(items);
        Self { arrivals, zipf, dice, share, recent: VecDeque::new(), sent: 0, twins: 0 }
    }

    fn choose(&self) -> usize {
        let lacks_twins = (self.twins as f64) < self.share * self.sent as f64;
        // Drawn even when it is not used, so that what is drawn next does not depend on it.
        let nth = self.dice.number().checked_rem(self.recent.len() as u64);
        let nth = nth.and_then(|nth| usize::try_from(nth).ok()).filter(|_| lacks_twins);
        let repeated = nth.and_then(|nth| self.recent.get(nth));
        repeated.map_or_else(|| self.zipf.draw(&self.dice), |due| due.item)
    }
}

impl Iterator for Twins {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        let at = self.arrivals.next()?;
        while self.recent.front().is_some_and(|due| due.at + Self::TOGETHER < at) {
            self.recent.pop_front();
        }
        let due = Due { at, item: self.choose() };
        self.sent += 1;
        self.twins += u64::from(self.recent.iter().any(|other| other.item == due.item));
        self.recent.push_back(due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn twins(seed: u64) -> Vec<Due> {
        Twins::new(seed, Arrivals::new(seed, 2_000, 20), 10_000, 0.6).collect()
    }

    #[test]
    fn arrivals_keep_their_rate_and_their_order() {
        let all: Vec<_> = Arrivals::new(1, 1_000, 30).collect();
        assert!((29_000..31_000).contains(&all.len()), "{}", all.len());
        assert!(all.is_sorted() && all.last().unwrap() < &Duration::from_secs(30));
    }

    #[test]
    fn a_seed_asks_the_same_and_another_does_not() {
        assert_eq!(twins(1), twins(1));
        assert_ne!(twins(1), twins(2));
    }

    #[test]
    fn the_wanted_share_follows_a_twin() {
        let (mut last, mut found) = (BTreeMap::new(), 0_u32);
        let all = twins(3);
        for due in &all {
            let before = last.insert(due.item, due.at);
            found += u32::from(before.is_some_and(|before| due.at - before <= Twins::TOGETHER));
        }
        let share = f64::from(found) / all.len() as f64;
        assert!((0.59..0.61).contains(&share), "{share}");
    }

    #[test]
    fn items_follow_zipfs_law() {
        let (zipf, dice) = (Zipf::new(10_000), Dice::seeded(5));
        let mut counts = vec![0_u32; 10_000];
        (0..200_000).for_each(|_| counts[zipf.draw(&dice)] += 1);
        // The sum of 1/n up to 10,000 is 9.79.
        for (rank, expected) in [(1.0, counts[0]), (2.0, counts[1]), (10.0, counts[9])] {
            let share = f64::from(expected) / 200_000.0 * 9.79 * rank;
            assert!((0.9..1.1).contains(&share), "rank {rank}: {share}");
        }
        assert!(counts[5_000..].iter().any(|count| *count > 0));
    }

    #[test]
    fn twins_leave_the_popular_popular() {
        let all = twins(4);
        let top = all.iter().filter(|due| due.item == 0).count() as f64 / all.len() as f64;
        assert!((0.08..0.13).contains(&top), "{top}");
    }
}
