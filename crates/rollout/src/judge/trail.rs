//! The money of all the bets on one metric in one stratum.

use serde::{Deserialize, Serialize};

use super::{bets::Logs, periods};

/// Most pieces before those that need not be told apart any more are put together.
const MOST_PIECES: usize = 24;

/// What was won and lost, by the period in which it happened.
///
/// A bet that began in period k has won what was won in k and later. So the pieces are kept and not the bets: an event is
/// added to one of them, and the money of a bet is a sum. Pieces between which no living bet begins are put together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Trail(Vec<(u32, Logs)>);

impl Trail {
    /// Something happened in `period`, which is not before anything that happened already.
    pub(crate) fn add(&mut self, period: u32, won: Logs) {
        match self.0.last_mut() {
            Some((last, logs)) if *last >= period => logs.add(won),
            _ => self.0.push((period, won)),
        }
        if self.0.len() > MOST_PIECES {
            self.fold(&periods::alive(period));
        }
    }

    /// Puts together what need not be told apart, `living` being the periods of the living bets, from the oldest on.
    pub(crate) fn fold(&mut self, living: &[u32]) {
        let mut folded: Vec<(u32, Logs)> = Vec::with_capacity(living.len());
        for &(period, won) in &self.0 {
            let after = living.partition_point(|&k| k <= period);
            let home = after.checked_sub(1).map_or(period, |index| living[index]);
            match folded.last_mut() {
                Some((last, logs)) if *last == home => logs.add(won),
                _ => folded.push((home, won)),
            }
        }
        self.0 = folded;
    }

    /// Multiplies with what another node saw, which is independent of it. What need not be told apart is then still to be
    /// folded, by the list of the later period of the two.
    pub(crate) fn merge(&mut self, other: &Self) {
        for &(period, won) in &other.0 {
            match self.0.binary_search_by_key(&period, |&(own, _)| own) {
                Ok(index) => self.0[index].1.add(won),
                Err(index) => self.0.insert(index, (period, won)),
            }
        }
    }

    /// The logarithms of the money of the bets that began in period `k`.
    pub(crate) fn since(&self, k: u32) -> Logs {
        let first = self.0.partition_point(|&(period, _)| period < k);
        let mut sum = Logs::default();
        self.0[first..].iter().for_each(|&(_, won)| sum.add(won));
        sum
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn won(candidate: bool) -> Logs {
        Logs::of_failure(candidate, 0.01)
    }

    proptest! {
        /// What is folded away is never missing from a bet that lives.
        #[test]
        fn living_bets_have_all_that_they_won(
            steps in prop::collection::vec((0u32..5, any::<bool>()), 1..200),
            rest in 0u32..300,
        ) {
            let mut trail = Trail::default();
            let (mut all, mut period) = (Vec::new(), 1);
            for (step, candidate) in steps {
                period += step;
                trail.add(period, won(candidate));
                all.push((period, won(candidate)));
            }
            let living = periods::alive(period + rest);
            trail.fold(&living);
            prop_assert!(trail.0.len() <= living.len());
            for k in living {
                let mut expected = Logs::default();
                all.iter().filter(|(period, _)| *period >= k).for_each(|(_, won)| expected.add(*won));
                prop_assert_eq!(trail.since(k), expected);
            }
        }

        #[test]
        fn merging_multiplies(a in prop::collection::vec(1u32..40, 0..40), b in prop::collection::vec(1u32..40, 0..40)) {
            let trail = |periods: &[u32]| {
                let mut sorted = periods.to_vec();
                sorted.sort_unstable();
                let mut trail = Trail::default();
                sorted.iter().for_each(|&period| trail.add(period, won(period % 2 == 0)));
                trail.fold(&periods::alive(40));
                trail
            };
            let both: Vec<u32> = a.iter().chain(&b).copied().collect();
            let mut merged = trail(&a);
            merged.merge(&trail(&b));
            prop_assert_eq!(merged, trail(&both));
        }
    }
}
