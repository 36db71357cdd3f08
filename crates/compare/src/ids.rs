//! Which id of one system stands for which id of the other.
//!
//! A replacement often numbers things anew. That the ids differ then says nothing; that the same old id meets two new
//! ones says that something is wrong. So ids are compared by whether there is *one* pairing, both ways, that explains
//! all answers.
//!
//! Pairings are learned from the answers themselves, so a wrong answer may teach a wrong one. Each pairing has votes:
//! every confirmation adds one, every contradiction takes one, and at zero what contradicted takes its place. A
//! pairing that traffic confirms stands against the wrong answers of a faulty candidate, and one that was learned from
//! a wrong answer is gone after the next right one.

use std::collections::HashMap;

/// Pairings an [`Ids`] remembers unless told otherwise; about 10 MB at most.
pub const DEFAULT_IDS: usize = 100_000;
/// Votes a pairing can gather: enough to stand firm, few enough that a system whose ids were all made anew is learned
/// again soon.
const MOST_VOTES: u8 = 8;

/// Which of the two systems of a unit answered as the control; the roles swap, the systems do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// The old one.
    Legacy,
    /// The new one.
    Replacement,
}

/// Learned pairings of ids, bounded; what was not seen for longest is forgotten first. Ids are kept as hashes.
#[derive(Clone, Debug)]
pub struct Ids {
    by_old: Recent<Vote>,
    by_new: Recent<u64>,
}

/// An id in its class.
type Key = (u64, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Vote {
    new: u64,
    votes: u8,
}

impl Ids {
    /// Remembers at least `pairings / 2` and at most `pairings` pairings of all classes together.
    #[must_use]
    pub fn new(pairings: usize) -> Self {
        let half = (pairings / 2).max(1);
        Self { by_old: Recent::new(half), by_new: Recent::new(half) }
    }

    /// Pairings remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_old.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an old and a new id stand for the same thing as far as is known; learns from it.
    fn agree(&mut self, class: u64, old: u64, new: u64) -> bool {
        let known_new = self.by_old.touch((class, old));
        let known_old = self.by_new.touch((class, new));
        let fits = known_new.is_none_or(|vote| vote.new == new) && known_old.is_none_or(|known| known == old);
        if fits {
            let votes = known_new.map_or(1, |vote| vote.votes.saturating_add(1).min(MOST_VOTES));
            self.pair(class, old, Vote { new, votes });
            return true;
        }
        // Both contradicted pairings lose a vote, so that two wrong ones cannot protect each other.
        let old_is_free = known_new.is_none() || self.doubt(class, old);
        let new_is_free = known_old.is_none_or(|known| self.doubt(class, known));
        if old_is_free && new_is_free {
            self.pair(class, old, Vote { new, votes: 1 });
        }
        false
    }

    fn pair(&mut self, class: u64, old: u64, vote: Vote) {
        self.by_old.put((class, old), vote);
        self.by_new.put((class, vote.new), old);
    }

    /// Takes a vote from a pairing; whether that was its last.
    fn doubt(&mut self, class: u64, old: u64) -> bool {
        let Some(vote) = self.by_old.touch((class, old)) else { return true };
        if vote.votes > 1 {
            self.by_old.put((class, old), Vote { votes: vote.votes - 1, ..vote });
            return false;
        }
        self.by_old.remove((class, old));
        if self.by_new.touch((class, vote.new)) == Some(old) {
            self.by_new.remove((class, vote.new));
        }
        true
    }
}

impl Default for Ids {
    fn default() -> Self {
        Self::new(DEFAULT_IDS)
    }
}

/// Which of two answers a value is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Control,
    Candidate,
}

/// How the ids of two answers relate.
#[derive(Debug)]
pub(crate) enum Pairing<'i> {
    /// Both come from one system: an id is itself.
    Same,
    /// They come from two systems, of which this one is the control.
    Across(&'i mut Ids, System),
}

impl Pairing<'_> {
    /// Whether equal ids may be a contradiction.
    pub(crate) const fn is_across(&self) -> bool {
        matches!(self, Self::Across(..))
    }

    /// Whether two ids stand for the same thing.
    pub(crate) fn agree(&mut self, class: u64, control: u64, candidate: u64) -> bool {
        match self {
            Self::Same => control == candidate,
            Self::Across(ids, System::Legacy) => ids.agree(class, control, candidate),
            Self::Across(ids, System::Replacement) => ids.agree(class, candidate, control),
        }
    }

    /// The old id that an id stands for, if that is known. Learns nothing.
    pub(crate) fn meaning(&self, class: u64, id: u64, side: Side) -> Option<u64> {
        let Self::Across(ids, control) = self else { return Some(id) };
        let is_old = (*control == System::Legacy) == (side == Side::Control);
        match is_old {
            true => ids.by_old.get((class, id)).map(|_| id),
            false => ids.by_new.get((class, id)),
        }
    }
}

/// A map that forgets what was not used for longest, in halves: when the young half is full it becomes the old one,
/// and what was in the old one is gone. Every use makes an entry young again.
#[derive(Clone, Debug)]
struct Recent<V> {
    young: HashMap<Key, V>,
    old: HashMap<Key, V>,
    half: usize,
}

impl<V: Copy> Recent<V> {
    fn new(half: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half }
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    fn get(&self, key: Key) -> Option<V> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    /// The value, made young.
    fn touch(&mut self, key: Key) -> Option<V> {
        let value = self.get(key)?;
        self.put(key, value);
        Some(value)
    }

    fn put(&mut self, key: Key, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    fn remove(&mut self, key: Key) {
        self.young.remove(&key);
        self.old.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLASS: u64 = 1;

    #[test]
    fn one_pairing_explains_all_answers() {
        let mut ids = Ids::default();
        assert!(ids.agree(CLASS, 1, 100));
        assert!(ids.agree(CLASS, 2, 200));
        assert!(ids.agree(CLASS, 1, 100));
        assert!(!ids.agree(CLASS, 1, 200), "two pairings are contradicted");
        assert!(ids.agree(2, 1, 200), "another class is another matter");
    }

    #[test]
    fn a_confirmed_pairing_stands_against_wrong_answers() {
        let mut ids = Ids::default();
        (0..10).for_each(|_| assert!(ids.agree(CLASS, 1, 100)));
        for wrong in 0..7 {
            assert!(!ids.agree(CLASS, 1, 200 + wrong));
            assert!(ids.agree(CLASS, 1, 100));
        }
    }

    #[test]
    fn a_pairing_learned_from_a_wrong_answer_is_gone_after_the_next_right_one() {
        let mut ids = Ids::default();
        assert!(ids.agree(CLASS, 1, 999), "nobody can know better");
        assert!(!ids.agree(CLASS, 1, 100));
        assert!(ids.agree(CLASS, 1, 100));
        assert!(ids.agree(CLASS, 9, 999), "the wrong id is free for whoever it belongs to");
    }

    #[test]
    fn roles_swap_and_systems_do_not() {
        let mut ids = Ids::default();
        assert!(Pairing::Across(&mut ids, System::Legacy).agree(CLASS, 1, 100));
        let mut swapped = Pairing::Across(&mut ids, System::Replacement);
        assert!(swapped.agree(CLASS, 100, 1));
        assert_eq!(swapped.meaning(CLASS, 100, Side::Control), Some(1));
        assert_eq!(swapped.meaning(CLASS, 1, Side::Candidate), Some(1));
        assert_eq!(swapped.meaning(CLASS, 2, Side::Candidate), None);
        assert!(!swapped.agree(CLASS, 200, 1));
    }

    proptest! {
        #[test]
        fn a_true_bijection_is_never_contradicted_and_memory_is_bounded(
            seen in prop::collection::vec(0_u64..1000, 0..400),
            room in 2_usize..50,
        ) {
            let mut ids = Ids::new(room);
            for old in seen {
                prop_assert!(ids.agree(CLASS, old, old + 5000));
                prop_assert!(ids.len() <= room + 1 && ids.by_new.len() <= room + 1);
            }
        }

        #[test]
        fn any_stream_of_pairs_keeps_both_directions_alike(
            seen in prop::collection::vec((0_u64..6, 0_u64..6), 0..200),
        ) {
            let mut ids = Ids::default();
            for (old, new) in seen {
                ids.agree(CLASS, old, new);
                for old in 0..6 {
                    if let Some(vote) = ids.by_old.get((CLASS, old)) {
                        prop_assert_eq!(ids.by_new.get((CLASS, vote.new)), Some(old));
                    }
                }
            }
        }
    }
}
