//! What has been invalidated, so that an entry can be asked whether it still stands.
//!
//! Removing every entry that carries a tag would mean an index from tags to entries that is as large as the cache, or a
//! walk through a million entries for each write. So nothing is removed: a tag notes the moment it was invalidated, and an
//! entry that was *asked for* before that moment counts no more. This also settles the race in which an answer is on its
//! way while what it says is being changed: it was asked for before, so it is never served (NSDI'13 memcache, section 3.2).
//!
//! The table is bounded. Every now and then a sweep looks at all entries, drops those that do not stand, and forgets what it
//! has applied; what was asked for before the last sweep's moment and was not looked at by it counts as invalid.

use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use rustc_hash::FxHashMap;

/// Tags that may be noted between two sweeps. With more, everything asked for before this moment is given up: too much is
/// forgotten then, never too little.
const MAX_TAGS: usize = 65_536;
/// From how many noted tags on a sweep is worth its while.
const SWEEP_AT: usize = 1_024;

/// A moment in the order of invalidations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    /// The moment of this number.
    pub(crate) const fn at(number: u64) -> Self {
        Self(number)
    }

    /// Its place in the order.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// A tag, as a hash that is the same on every node. Two tags that collide are invalidated together, which costs a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tag(pub(crate) u64);

/// Until when an entry is known to stand: set when it was asked for, moved on whenever it is looked at.
#[derive(Debug)]
pub(crate) struct Standing(AtomicU64);

impl Standing {
    /// Of what was asked for at `moment`.
    pub(crate) fn since(moment: Moment) -> Self {
        Self(AtomicU64::new(moment.0))
    }
}

/// All invalidations that matter.
#[derive(Debug, Default)]
pub(crate) struct Purges {
    now: AtomicU64,
    /// What was not known to stand at this moment does not.
    floor: AtomicU64,
    tags: RwLock<FxHashMap<Tag, u64>>,
}

impl Purges {
    /// The present moment; taken before something is asked for.
    pub(crate) fn now(&self) -> Moment {
        Moment(self.now.load(Relaxed))
    }

    /// Invalidates everything that carries one of `tags` and was asked for until now.
    pub(crate) fn invalidate(&self, tags: impl IntoIterator<Item = Tag>) {
        let mut known = self.tags.write().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: whoever sees the new moment finds the tags too.
        let moment = self.now.load(Relaxed) + 1;
        known.extend(tags.into_iter().map(|tag| (tag, moment)));
        if known.len() > MAX_TAGS {
            known.clear();
            self.floor.store(moment, Relaxed);
        }
        self.now.store(moment, Relaxed);
    }

    /// Invalidates everything that was asked for until now.
    pub(crate) fn invalidate_all(&self) {
        let mut known = self.tags.write().unwrap_or_else(PoisonError::into_inner);
        known.clear();
        let moment = self.now.load(Relaxed) + 1;
        self.floor.store(moment, Relaxed);
        self.now.store(moment, Relaxed);
    }

    /// Whether what carries `tags` still stands. While nothing is invalidated this is one comparison.
    pub(crate) fn stands(&self, standing: &Standing, tags: &[Tag]) -> bool {
        let (known, now) = (standing.0.load(Relaxed), self.now.load(Relaxed));
        if known >= now {
            return true;
        }
        if !self.stood(Moment(known), tags) {
            return false;
        }
        standing.0.fetch_max(now, Relaxed);
        true
    }

    /// Whether nothing of `tags` was invalidated after `moment`.
    pub(crate) fn stood(&self, moment: Moment, tags: &[Tag]) -> bool {
        let known = self.tags.read().unwrap_or_else(PoisonError::into_inner);
        moment.0 >= self.floor.load(Relaxed)
            && tags.iter().all(|tag| known.get(tag).is_none_or(|invalidated| *invalidated <= moment.0))
    }

    /// Whether a sweep is due.
    pub(crate) fn wants_sweep(&self) -> bool {
        self.tags.read().unwrap_or_else(PoisonError::into_inner).len() >= SWEEP_AT
    }

    /// Forgets what was invalidated until `moment`, after all entries were asked whether they stand.
    pub(crate) fn swept(&self, moment: Moment) {
        let mut known = self.tags.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, invalidated| *invalidated > moment.0);
        self.floor.fetch_max(moment.0, Relaxed);
    }

    /// Tags noted.
    pub(crate) fn len(&self) -> usize {
        self.tags.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ARTICLE: Tag = Tag(1);
    const USER: Tag = Tag(2);

    #[test]
    fn what_was_asked_for_before_does_not_stand_and_what_comes_after_does() {
        let purges = Purges::default();
        let before = Standing::since(purges.now());
        purges.invalidate([ARTICLE]);
        let after = Standing::since(purges.now());
        assert!(!purges.stands(&before, &[USER, ARTICLE]));
        assert!(purges.stands(&before, &[USER]));
        assert!(purges.stands(&after, &[ARTICLE]));
    }

    #[test]
    fn a_sweep_forgets_tags_and_gives_up_what_it_has_not_seen() {
        let purges = Purges::default();
        let (seen, unseen) = (Standing::since(purges.now()), Standing::since(purges.now()));
        purges.invalidate([ARTICLE]);
        let moment = purges.now();
        assert!(purges.stands(&seen, &[USER]));
        purges.swept(moment);
        assert_eq!(purges.len(), 0);
        assert!(purges.stands(&seen, &[USER]));
        purges.invalidate([USER]);
        assert!(!purges.stands(&seen, &[USER]));
        assert!(!purges.stands(&unseen, &[Tag(3)]));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_too_much_rather_than_too_little() {
        let purges = Purges::default();
        let old = Standing::since(purges.now());
        for tag in 0..=MAX_TAGS as u64 {
            purges.invalidate([Tag(tag)]);
        }
        assert!(purges.len() <= MAX_TAGS);
        assert!(!purges.stands(&old, &[Tag(u64::MAX)]));
        assert!(purges.stands(&Standing::since(purges.now()), &[Tag(7)]));
    }

    proptest! {
        /// Against a list of everything that ever happened: what stands here stood there.
        #[test]
        fn nothing_invalid_ever_stands(steps in proptest::collection::vec((0..4_u8, 0..4_u64), 1..60)) {
            let purges = Purges::default();
            let mut entries: Vec<(Standing, Tag, usize)> = Vec::new();
            let mut history: Vec<Option<Tag>> = Vec::new();
            for (kind, tag) in steps {
                match kind {
                    0 => entries.push((Standing::since(purges.now()), Tag(tag), history.len())),
                    1 => {
                        purges.invalidate([Tag(tag)]);
                        history.push(Some(Tag(tag)));
                    }
                    2 => {
                        let moment = purges.now();
                        entries.retain(|(standing, tag, _)| purges.stands(standing, &[*tag]));
                        purges.swept(moment);
                    }
                    _ if tag == 0 => {
                        purges.invalidate_all();
                        history.push(None);
                    }
                    _ => {}
                }
                for (standing, tag, from) in &entries {
                    let stood = history[*from..].iter().all(|past| past.is_some_and(|past| past != *tag));
                    prop_assert_eq!(purges.stands(standing, &[*tag]), stood);
                }
            }
        }
    }
}
