//! Invalidations that Redis does not know yet.
//!
//! An invalidation is a promise: after it, the old value is not served. Redis may be away at that moment, so what could
//! not be delivered is kept here until it is. Meanwhile this node does not believe what it finds under such a tag or key.
//! The queue is bounded; when it overflows, everything is invalidated in its place, which is more than was asked for
//! and never less.

use std::collections::HashMap;

use crate::{invalidation::Invalidation, names::Key};

/// The most that is queued one by one.
const MOST: usize = 10_000;

/// What is one entry of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Item {
    All,
    Tag(u64),
    Key(Key),
}

/// The queue. Each entry carries the turn in which it came last: when that is asked for again while a delivery is
/// under way, the delivery does not settle it, since Redis may have done it before the second time.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    items: HashMap<Item, u64>,
    turn: u64,
}

/// Some of the queue, to be delivered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    items: Vec<(Item, u64)>,
}

impl Pending {
    /// Takes in an invalidation. True when the queue overflowed by it.
    pub(crate) fn add(&mut self, invalidation: &Invalidation) -> bool {
        self.turn = self.turn.saturating_add(1);
        let had_all = self.items.contains_key(&Item::All);
        if invalidation.all {
            self.everything();
        } else if had_all {
            // Everything is to go anyway, and a new turn keeps it queued for what came after.
            self.everything();
        } else {
            let tags = invalidation.tags.iter().copied().map(Item::Tag);
            let keys = invalidation.keys.iter().copied().map(Item::Key);
            for item in tags.chain(keys) {
                self.items.insert(item, self.turn);
                if self.items.len() > MOST {
                    self.everything();
                    return true;
                }
            }
        }
        false
    }

    fn everything(&mut self) {
        self.items.clear();
        self.items.insert(Item::All, self.turn);
    }

    /// Whether a value under this key with these tags is not to be believed.
    pub(crate) fn covers(&self, key: &Key, tags: &[u64]) -> bool {
        let has = |item| self.items.contains_key(&item);
        !self.items.is_empty()
            && (has(Item::All) || has(Item::Key(*key)) || tags.iter().any(|&tag| has(Item::Tag(tag))))
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// At most so many entries, those that wait longest first; `None` when there are none.
    pub(crate) fn batch(&self, most: usize) -> Option<Batch> {
        let mut items: Vec<_> = self.items.iter().map(|(&item, &turn)| (item, turn)).collect();
        // Lookups wait for the lock meanwhile, so only what goes is put in order.
        let order = |&(item, turn): &(Item, u64)| (turn, item);
        if most < items.len() {
            items.select_nth_unstable_by_key(most, order);
            items.truncate(most);
        }
        items.sort_unstable_by_key(order);
        (!items.is_empty()).then_some(Batch { items })
    }

    /// Takes out what was delivered, unless it was asked for again meanwhile.
    pub(crate) fn delivered(&mut self, batch: &Batch) {
        for (item, turn) in &batch.items {
            if self.items.get(item) == Some(turn) {
                self.items.remove(item);
            }
        }
    }
}

impl Batch {
    /// As what is sent.
    pub(crate) fn invalidation(&self) -> Invalidation {
        let mut invalidation = Invalidation::default();
        for &(item, _) in &self.items {
            match item {
                Item::All => invalidation.all = true,
                Item::Tag(tag) => invalidation.tags.push(tag),
                Item::Key(key) => invalidation.keys.push(key),
            }
        }
        invalidation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(tags: impl IntoIterator<Item = u64>) -> Invalidation {
        Invalidation { tags: tags.into_iter().collect(), ..Invalidation::default() }
    }

    #[test]
    fn what_is_pending_is_not_believed_until_it_is_delivered() {
        let mut pending = Pending::default();
        assert!(!pending.covers(&[1; 16], &[7]));
        pending.add(&tags([7]));
        pending.add(&Invalidation { keys: vec![[2; 16]], ..Invalidation::default() });
        assert!(pending.covers(&[1; 16], &[6, 7]));
        assert!(pending.covers(&[2; 16], &[]));
        assert!(!pending.covers(&[1; 16], &[6]));
        let batch = pending.batch(10).unwrap();
        assert_eq!(batch.invalidation(), Invalidation { tags: vec![7], keys: vec![[2; 16]], all: false });
        pending.delivered(&batch);
        assert!(!pending.covers(&[2; 16], &[7]));
        assert_eq!(pending.batch(10), None);
    }

    #[test]
    fn asked_again_during_a_delivery_it_is_delivered_again() {
        let mut pending = Pending::default();
        pending.add(&tags([1, 2]));
        let batch = pending.batch(10).unwrap();
        pending.add(&tags([2]));
        pending.delivered(&batch);
        assert_eq!(pending.batch(10).unwrap().invalidation(), tags([2]));
    }

    #[test]
    fn asked_for_after_everything_it_is_delivered_after_everything() {
        let mut pending = Pending::default();
        pending.add(&Invalidation { all: true, ..Invalidation::default() });
        let batch = pending.batch(10).unwrap();
        pending.add(&tags([2]));
        pending.delivered(&batch);
        assert!(pending.covers(&[0; 16], &[2]));
    }

    #[test]
    fn too_many_become_everything() {
        let mut pending = Pending::default();
        let most = u64::try_from(MOST).unwrap();
        assert!(!pending.add(&tags(0..most)));
        assert!(!pending.covers(&[0; 16], &[most]));
        assert!(!pending.add(&tags([0])), "what is there already takes no place");
        assert!(pending.add(&tags([most])));
        assert!(pending.covers(&[9; 16], &[]));
        assert_eq!(pending.len(), 1);
        assert!(pending.batch(1).unwrap().invalidation().all);
    }

    #[test]
    fn batches_are_bounded_and_the_oldest_go_first() {
        let mut pending = Pending::default();
        pending.add(&tags([9]));
        pending.add(&tags([1, 2, 3]));
        assert_eq!(pending.batch(2).unwrap().invalidation(), tags([9, 1]));
    }
}
