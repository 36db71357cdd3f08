//! Who failed on the candidate.

use serde::{Deserialize, Serialize};

use crate::plan::MOST_SUBJECTS;

const MOST: usize = MOST_SUBJECTS as usize;

/// Hashes of subjects that failed on the candidate, each with the last period in which it did; those of the latest periods.
///
/// The period matters: one user who fails again and again is no reason to roll back, and three that failed once in the course
/// of a night do not make it one. A bet counts only with the subjects that failed since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Subjects(Vec<(u64, u32)>);

impl Subjects {
    pub(crate) fn note(&mut self, subject: u64, period: u32) {
        if let Some((_, last)) = self.0.iter_mut().find(|(known, _)| *known == subject) {
            *last = period.max(*last);
            return;
        }
        self.0.push((subject, period));
        if self.0.len() > MOST {
            self.trim();
        }
    }

    /// Of each subject the last period, and of all subjects those that failed last: it does not matter who is merged with
    /// whom first.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
        self.0.sort_unstable_by_key(|&(subject, period)| (subject, std::cmp::Reverse(period)));
        self.0.dedup_by_key(|&mut (subject, _)| subject);
        self.trim();
    }

    fn trim(&mut self) {
        self.0.sort_unstable_by_key(|&(subject, period)| (std::cmp::Reverse(period), subject));
        self.0.truncate(MOST);
    }

    /// How many failed in period `k` or later, counted up to 64.
    pub(crate) fn since(&self, k: u32) -> u32 {
        let count = self.0.iter().filter(|&&(_, period)| period >= k).count();
        u32::try_from(count).unwrap_or(MOST_SUBJECTS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn subjects(noted: &[(u64, u32)]) -> Subjects {
        let mut subjects = Subjects::default();
        noted.iter().for_each(|&(subject, period)| subjects.note(subject, period));
        subjects
    }

    #[test]
    fn one_subject_counts_once_however_often_it_fails() {
        let one = subjects(&[(7, 1); 100]);
        assert_eq!((one.since(1), one.since(2)), (1, 0));
    }

    proptest! {
        #[test]
        fn merging_does_not_depend_on_the_order(
            parts in prop::collection::vec(prop::collection::vec((0u64..200, 0u32..20), 0..100), 3),
        ) {
            let [a, b, c] = [0, 1, 2].map(|index| subjects(&parts[index]));
            let merged = |first: &Subjects, second: &Subjects| {
                let mut merged = first.clone();
                merged.merge(second);
                merged
            };
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert!(merged(&a, &b).0.len() <= MOST);
        }
    }
}
