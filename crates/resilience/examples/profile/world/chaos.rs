//! What goes wrong, decided by a seed.

use std::time::Duration;

use banyan_resilience::Dice;

use super::question::Question;

/// The share of questions that fail.
const FAILED: f64 = 0.1;
/// The share of questions that are answered late.
const SLOW: f64 = 0.2;
/// An answer that is not late takes this long, and at most as long again.
const USUAL: Duration = Duration::from_millis(8);
/// A late answer takes this long at least...
const LATE: Duration = Duration::from_secs(2);
/// ...and at most this much longer.
const LATER: Duration = Duration::from_secs(3);

/// Decides what becomes of questions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chaos {
    /// The same seed, the same faults.
    pub(crate) seed: u64,
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    /// How long it takes.
    pub(crate) takes: Duration,
    /// What comes of it then.
    pub(crate) ends: Ends,
}

/// What comes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// The answer.
    Well,
    /// A 500.
    Error,
    /// A connection that breaks within the answer.
    Reset,
    /// A 200 with half of the JSON, and a length that says that this is all.
    Half,
}

impl Chaos {
    /// What becomes of a question to the dependency of this number: of ten, one fails and two are answered late.
    ///
    /// It is drawn from what the question is and not from a stream of numbers, which would make every fault depend on the
    /// order in which questions happen to arrive.
    pub(crate) fn fate(self, dependency: u64, question: Question) -> Fate {
        let keys = [dependency, question.request, u64::from(question.leg)];
        // The seed is mixed before anything is added to it: else one seed's first dependency is its neighbour's second.
        let seed = Dice::seeded(self.seed).number();
        let dice = Dice::seeded(keys.into_iter().fold(seed, |mixed, key| Dice::seeded(mixed ^ key).number()));
        let (share, usual) = (dice.share(), USUAL + dice.up_to(USUAL));
        if share < FAILED {
            let ends = match dice.number() % 3 {
                0 => Ends::Error,
                1 => Ends::Reset,
                _ => Ends::Half,
            };
            Fate { takes: usual, ends }
        } else if share < FAILED + SLOW {
            Fate { takes: LATE + dice.up_to(LATER), ends: Ends::Well }
        } else {
            Fate { takes: usual, ends: Ends::Well }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_ten_fails_in_three_ways_and_two_in_ten_are_late() {
        let chaos = Chaos { seed: 7 };
        let fates: Vec<_> = (0..30_000).map(|request| chaos.fate(0, Question::first(request))).collect();
        let count = |of: &dyn Fn(&Fate) -> bool| fates.iter().filter(|fate| of(fate)).count();
        // Five standard deviations of a share of 10 % are 260, of 20 % are 346, of a thirtieth are 155.
        for ends in [Ends::Error, Ends::Reset, Ends::Half] {
            let ended = count(&|fate| fate.ends == ends);
            assert!(ended.abs_diff(1_000) < 155, "{ends:?}: {ended}");
        }
        let failed = count(&|fate| fate.ends != Ends::Well);
        let late = count(&|fate| fate.takes >= LATE);
        assert!(failed.abs_diff(3_000) < 260, "{failed}");
        assert!(late.abs_diff(6_000) < 346, "{late}");
        assert_eq!(count(&|fate| fate.takes > LATE + LATER), 0);
    }

    /// Of 10,000 requests, how many have two late questions.
    fn both_late(one: impl Fn(u64) -> Fate, other: impl Fn(u64) -> Fate) -> usize {
        let is_late = |fate: Fate| fate.takes >= LATE;
        (0..10_000).filter(|&request| is_late(one(request)) && is_late(other(request))).count()
    }

    #[test]
    fn every_leg_every_dependency_and_every_seed_has_a_fate_of_its_own() {
        let fate =
            |seed, dependency, leg| move |request| Chaos { seed }.fate(dependency, Question { request, leg });
        let one = fate(42, 1, 1);
        // Questions with one fate would both be late for 20 % of the requests, and not for 4 %.
        assert!(both_late(one, one).abs_diff(2_000) < 200);
        for other in [fate(42, 1, 2), fate(42, 2, 1), fate(43, 1, 1), fate(43, 0, 1), fate(42, 0, 1)] {
            let both = both_late(one, other);
            assert!(both.abs_diff(400) < 100, "{both}");
        }
    }
}
