//! What is kept in memory: bounded in bytes, shared by all cores.
//!
//! Eviction is `quick_cache`'s S3-FIFO (Yang et al., SOSP 2023): what is asked for once passes through a small queue and
//! never displaces what is asked for often, so a crawler does not empty the cache.

use std::{
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use banyan_httpcache::Names;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter, sync};
use smallvec::SmallVec;

use super::{entry::Entry, key::Key};

/// What an entry is taken to weigh before there is one, in bytes; only the tables' first size goes by it.
const USUAL_WEIGHT: u64 = 4 * 1024;
/// What the store itself needs for each item: key, value, state and its share of empty slots.
const SLOT: u64 = 96;
/// Shards per core, as far as the largest answer fits into one.
const SHARDS_PER_CORE: u64 = 4;
/// The largest answer takes at most this share of a shard, or it would push out all else in it.
const LARGEST_SHARE: u64 = 2;

/// What lies under a key.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    /// An answer.
    Entry(Arc<Entry>),
    /// Answers differ by these fields of the request; each lies under a key of its own (RFC 9111 section 4.1).
    Varies(Arc<Varies>),
}

/// The fields by which the answers to one key differ.
#[derive(Debug)]
pub(crate) struct Varies {
    pub(crate) names: Names,
}

/// All answers in memory.
#[derive(Debug)]
pub(crate) struct Store {
    items: sync::Cache<Key, Stored, Weight, BuildHasherDefault<AlreadyHashed>, Evictions>,
    evictions: AtomicU64,
}

impl Store {
    /// A store of `memory` bytes for answers of at most `largest` bytes, on so many cores.
    pub(crate) fn new(memory: u64, largest: u64, cores: usize) -> Self {
        let fitting = (memory / LARGEST_SHARE / largest.max(1)).max(1);
        let shards = fitting.min(SHARDS_PER_CORE * cores as u64);
        // Only out of range values are refused, and these are not.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(usize::try_from(memory / USUAL_WEIGHT).unwrap_or(1 << 20))
            .weight_capacity(memory)
            .shards(usize::try_from(shards).unwrap_or(1))
            .build()
            .unwrap_or_else(|_| unreachable!("all options are given"));
        let items = sync::Cache::with_options(options, Weight, BuildHasherDefault::default(), Evictions);
        Self { items, evictions: AtomicU64::new(0) }
    }

    /// What lies under a key.
    pub(crate) fn get(&self, key: Key) -> Option<Stored> {
        self.items.get(&key)
    }

    /// Puts something under a key.
    pub(crate) fn insert(&self, key: Key, stored: Stored) {
        let mut gone = Gone::default();
        self.items.insert_with_lifecycle(key, stored, &mut gone);
        for (_, stored) in &gone {
            if let Stored::Entry(entry) = stored {
                entry.is_out();
            }
        }
        // What was there under the same key is replaced, which is no eviction.
        let evicted = gone.iter().filter(|(other, _)| *other != key).count();
        self.evictions.fetch_add(evicted as u64, Relaxed);
    }

    /// Takes an entry away, if it is still the one.
    pub(crate) fn remove(&self, key: Key, entry: &Arc<Entry>) {
        let is_it = |stored: &Stored| matches!(stored, Stored::Entry(known) if Arc::ptr_eq(known, entry));
        if self.items.remove_if(&key, is_it).is_some() {
            entry.is_out();
        }
    }

    /// Keeps the entries that `keep` wants, and says how many went. Walks through all of them: not for the request path.
    pub(crate) fn retain(&self, keep: impl Fn(&Entry) -> bool) -> usize {
        let gone = std::cell::Cell::new(0);
        self.items.retain(|_, stored| {
            let stays = match stored {
                Stored::Entry(entry) => keep(entry),
                Stored::Varies(_) => true,
            };
            if let (Stored::Entry(entry), false) = (stored, stays) {
                entry.is_out();
            }
            gone.set(gone.get() + usize::from(!stays));
            stays
        });
        gone.get()
    }

    /// The entries that `wanted` names, at most `limit`. Walks through all of them.
    pub(crate) fn find(&self, limit: usize, wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<Entry>> {
        let entries = self.items.iter().filter_map(|(_, stored)| match stored {
            Stored::Entry(entry) => Some(entry),
            Stored::Varies(_) => None,
        });
        entries.filter(|entry| wanted(entry)).take(limit).collect()
    }

    /// Items, those that only say by what answers differ among them.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Bytes taken.
    pub(crate) fn weight(&self) -> u64 {
        self.items.weight()
    }

    /// Entries that had to go for others.
    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Relaxed)
    }
}

/// Bytes of an item, with all that belongs to it.
#[derive(Clone, Copy, Debug)]
struct Weight;

impl Weighter<Key, Stored> for Weight {
    fn weight(&self, _: &Key, stored: &Stored) -> u64 {
        SLOT + match stored {
            Stored::Entry(entry) => entry.weight,
            Stored::Varies(varies) => 64 * (1 + varies.names.iter().count() as u64),
        }
    }
}

/// What went to make room: dropped when the shard is no longer locked.
type Gone = SmallVec<[(Key, Stored); 2]>;

/// Hands over what goes.
#[derive(Clone, Copy, Debug)]
struct Evictions;

impl Lifecycle<Key, Stored> for Evictions {
    type RequestState = Gone;

    fn on_evict(&self, gone: &mut Gone, key: Key, stored: Stored) {
        gone.push((key, stored));
    }
}

/// Keys are hashes already, and nobody outside can choose them.
#[derive(Debug, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys write one number; this is for the rest of the trait.
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
