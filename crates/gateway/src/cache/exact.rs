//! Requests that are the same to the last byte.
//!
//! Machines repeat themselves: a service, a poller or an edge sends one and the same head for a URL, time after time. What
//! such a head comes to need not be found out again as long as nothing changed that it depends on. This is the exact-match
//! cache that Open vSwitch has in front of its classifier (Pfaff et al., "The Design and Implementation of Open vSwitch",
//! NSDI 2015): a worker remembers the bytes of a head and the kept answer that it came to, and the whole pipeline runs only
//! when it does not find them.
//!
//! It holds no answers and decides nothing by itself. What it remembers was decided by the pipeline, and counts only while
//! all of this is as it was:
//!
//! - the plan is the same generation;
//! - the answer is still the one that is kept, was not invalidated, is fresh, and it is not yet time to fetch it anew;
//! - the request is one whose answer depends on its head alone: no unit decides, no cookie is given out, no trace or
//!   condition is in it, the connection is in cleartext and stays open.
//!
//! A head is remembered when it comes the second time, so that heads that never repeat push out nothing.

use std::{
    cell::RefCell,
    hash::{BuildHasher as _, BuildHasherDefault},
    rc::Rc,
    sync::{Arc, Weak},
};

use prometheus_client::metrics::histogram::Histogram;
use rustc_hash::FxHasher;
use tokio::time::Instant;

use super::{entry::Entry, hit::Hit, shared::Cache};

/// Places that a head may be in.
const WAYS: usize = 4;
/// Bytes of the cache's memory for each place.
const BYTES_PER_PLACE: u64 = 16 * 1024;
const FEWEST_PLACES: u64 = 1_024;
const MOST_PLACES: u64 = 65_536;
/// Longer heads are not remembered: machines are brief.
const LONGEST_HEAD: usize = 2 * 1024;

/// What a worker remembers.
#[derive(Debug, Default)]
pub(crate) struct Exact {
    sets: RefCell<Vec<Set>>,
}

/// Places that a head may be in: one line of memory, so that whatever is not the one is never touched.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Set {
    /// Half of the hash of what is in each place.
    tags: [u32; WAYS],
    places: [Option<Rc<Known>>; WAYS],
    /// The same of the head that came last and is not remembered.
    last: u32,
    /// The place that is filled next.
    turn: u8,
}

impl Set {
    /// Where a head with this tag is.
    fn place(&self, tag: u32) -> Option<usize> {
        (0..WAYS).find(|&at| self.tags[at] == tag && self.places[at].is_some())
    }
}

/// A head, and what it came to.
#[derive(Debug)]
pub(crate) struct Known {
    head: Box<[u8]>,
    generation: u64,
    entry: Weak<Entry>,
    pub(crate) counted: Counted,
}

/// How a request is counted, as far as its head decides that.
#[derive(Debug)]
pub(crate) struct Counted {
    /// Where its duration goes.
    pub(crate) durations: Histogram,
    /// What its access line says of the request.
    pub(crate) request: Box<[u8]>,
    /// What it says of the route.
    pub(crate) route: Box<[u8]>,
}

/// The answer to a head that is known.
#[derive(Debug)]
pub(crate) struct Again {
    pub(crate) known: Rc<Known>,
    pub(crate) hit: Hit,
    pub(crate) started: Instant,
}

impl Exact {
    /// The answer to a head, if that is known and still right.
    pub(crate) fn find(&self, head: &[u8], generation: u64, cache: &Cache, now: Instant) -> Option<Again> {
        let (sets, hash) = (self.sets.borrow(), hash(head));
        let set = sets.get(set_of(sets.len(), hash)?)?;
        let known = set.places[set.place(tag(hash))?].as_ref()?;
        if known.generation != generation || *known.head != *head {
            return None;
        }
        let entry = known.entry.upgrade().filter(|entry| is_right(entry, cache, now))?;
        Some(Again { known: known.clone(), hit: Hit::new(entry, now), started: now })
    }

    /// Whether a head is worth to be remembered: it came not long ago, too.
    pub(crate) fn wants(&self, head: &[u8], cache: &Cache) -> bool {
        if head.len() > LONGEST_HEAD {
            return false;
        }
        let mut sets = self.sets.borrow_mut();
        if sets.is_empty() {
            let places = (cache.config.memory / BYTES_PER_PLACE).clamp(FEWEST_PLACES, MOST_PLACES);
            let count = usize::try_from(places).unwrap_or(WAYS) / WAYS;
            sets.resize_with(count.next_power_of_two(), Set::default);
        }
        let hash = hash(head);
        let Some(set) = set_of(sets.len(), hash).and_then(|at| sets.get_mut(at)) else { return false };
        let came = std::mem::replace(&mut set.last, tag(hash)) == tag(hash);
        came || set.place(tag(hash)).is_some()
    }

    /// Remembers what a head came to.
    pub(crate) fn remember(&self, head: &[u8], generation: u64, entry: &Arc<Entry>, counted: Counted) {
        let (mut sets, hash) = (self.sets.borrow_mut(), hash(head));
        let Some(set) = set_of(sets.len(), hash).and_then(|at| sets.get_mut(at)) else { return };
        let known = Known { head: head.into(), generation, entry: Arc::downgrade(entry), counted };
        let free = || set.places.iter().position(Option::is_none);
        let at = set.place(tag(hash)).or_else(free).unwrap_or_else(|| {
            set.turn = set.turn.wrapping_add(1);
            usize::from(set.turn) % WAYS
        });
        set.tags[at] = tag(hash);
        set.places[at] = Some(Rc::new(known));
    }

    /// Forgets everything: what it knows is of a plan that is gone.
    pub(crate) fn forget(&self) {
        self.sets.borrow_mut().clear();
    }
}

/// Whether a kept answer is what the pipeline would give at this moment.
fn is_right(entry: &Entry, cache: &Cache, now: Instant) -> bool {
    !entry.is_gone() && now < entry.early_from && cache.purges.stands(&entry.standing, &entry.tags)
}

/// Whoever builds colliding heads makes the worker forget, and nothing else.
fn hash(head: &[u8]) -> u64 {
    BuildHasherDefault::<FxHasher>::default().hash_one(head)
}

/// The half of a hash that a set does not go by.
#[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
const fn tag(hash: u64) -> u32 {
    hash as u32
}

/// Which of so many sets, a power of two, a hash belongs to.
fn set_of(count: usize, hash: u64) -> Option<usize> {
    Some(usize::try_from(hash >> 32).unwrap_or_default() & count.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use banyan_config::plan;
    use banyan_httpcache::Secret;

    use super::*;
    use crate::cache::{entry::tests::draft, key::Key, purges::Tag};

    const HEAD: &[u8] = b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n";

    fn cache() -> Cache {
        Cache::new(plan::Cache::default(), Secret::new([1; 16]), 1).unwrap()
    }

    fn counted() -> Counted {
        Counted { durations: Histogram::new([1.0]), request: Box::default(), route: Box::default() }
    }

    /// An answer that lies in the cache and is fresh for a minute.
    fn kept(cache: &Cache, now: Instant) -> Arc<Entry> {
        let mut draft = draft(Duration::from_secs(60), now);
        draft.tags.push(Tag(1));
        let entry = Entry::new(draft);
        assert!(cache.keep(Key::numbered(1), &entry, None, cache.purges.now(), now));
        entry
    }

    #[test]
    fn a_head_is_known_from_the_second_time_on() {
        let (exact, cache, now) = (Exact::default(), cache(), Instant::now());
        let entry = kept(&cache, now);
        assert!(!exact.wants(HEAD, &cache) && exact.wants(HEAD, &cache));
        exact.remember(HEAD, 1, &entry, counted());
        assert!(exact.find(HEAD, 1, &cache, now).is_some());
        assert!(exact.find(&HEAD[1..], 1, &cache, now).is_none());
        assert!(exact.find(HEAD, 2, &cache, now).is_none(), "another plan");
        exact.forget();
        assert!(exact.find(HEAD, 1, &cache, now).is_none());
    }

    /// What has to be as it was for a head to be answered again.
    #[test]
    fn it_counts_only_as_long_as_the_pipeline_would_say_the_same() {
        let known = || {
            let (exact, cache, now) = (Exact::default(), cache(), Instant::now());
            let entry = kept(&cache, now);
            assert!(!exact.wants(HEAD, &cache));
            exact.remember(HEAD, 1, &entry, counted());
            assert!(exact.find(HEAD, 1, &cache, now).is_some());
            (exact, cache, entry, now)
        };
        let (exact, cache, entry, _) = known();
        assert!(exact.find(HEAD, 1, &cache, entry.early_from).is_none(), "it may be time to fetch it anew");
        let (exact, cache, _entry, now) = known();
        cache.invalidate(&[Tag(1)]);
        assert!(exact.find(HEAD, 1, &cache, now).is_none(), "invalidated");
        let (exact, cache, entry, now) = known();
        cache.purge(|_| true);
        assert!(exact.find(HEAD, 1, &cache, now).is_none(), "purged, although somebody still reads it");
        drop(entry);
        let (exact, cache, _entry, now) = known();
        kept(&cache, now);
        assert!(exact.find(HEAD, 1, &cache, now).is_none(), "replaced");
    }

    #[test]
    fn heads_that_never_repeat_push_out_nothing() {
        let (exact, cache, now) = (Exact::default(), cache(), Instant::now());
        let entry = kept(&cache, now);
        assert!(!exact.wants(HEAD, &cache));
        exact.remember(HEAD, 1, &entry, counted());
        let passers = (0..20_000).filter(|number| exact.wants(format!("GET /{number}").as_bytes(), &cache));
        assert_eq!(passers.count(), 0);
        assert!(exact.find(HEAD, 1, &cache, now).is_some());
    }
}
