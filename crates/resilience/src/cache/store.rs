//! Where values are kept: in memory, bounded in bytes.
//!
//! Eviction is `quick_cache`'s S3-FIFO (Yang et al.: "FIFO queues are all you need for cache eviction", SOSP 2023): what is
//! asked for once passes through a small queue and never displaces what is asked for often. Freshness is ours: that store
//! knows nothing of time.
//!
//! Two rules hold whatever order things happen in:
//! - A value that was asked for before an invalidation is not kept after it: it may be what the invalidation was about.
//!   So whoever fetches takes a [`Fill`] first, and [`put`](Store::put) refuses one that is out of date.
//! - Something degraded never takes the place of something complete and fresh. Errors are no values, and cannot be put.
//!
//! Both need that nothing happens between looking and writing. So writers of a key take turns, by a lock that they share
//! with a few other keys; readers take none of them.

use std::{
    fmt,
    hash::{BuildHasher, Hash},
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter, sync};
use tokio::time::Instant;

use super::{Entry, Kind, Lookup, early};
use crate::dice::Dice;

const CAPACITIES: RangeInclusive<u64> = 1_024..=1 << 44;
/// What the store needs for an entry beside key and value: slot, state, times, its share of empty slots.
const OVERHEAD: u64 = 192;
/// What an entry is taken to weigh before there is one; the first size of tables goes by it.
const USUAL: u64 = 1_024;
/// The largest entry takes this share of a shard at most, or it would push out all else in it.
const SHARE_OF_SHARD: u64 = 2;
/// Shards, as far as the largest entry fits into one.
const MOST_SHARDS: u64 = 32;
/// Locks of writers. More than threads, so that two of them seldom meet.
const STRIPES: usize = 64;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    capacity: u64,
    largest: u64,
}

/// Why so much cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// Less than a kilobyte, or more than 16 terabytes.
    Capacity(u64),
    /// A largest entry of nothing, or of more than half of all.
    Largest {
        /// The largest entry.
        largest: u64,
        /// All of it.
        capacity: u64,
    },
}

/// Values in memory. It is shared by whoever reads and writes, and clones nothing but what it hands out: values should be
/// cheap to clone, such as an `Arc`.
pub struct Store<K, V> {
    items: sync::Cache<K, Item<V>, OwnWeight>,
    stripes: Box<[Mutex<u64>]>,
    hasher: DefaultHashBuilder,
    weigh: Arc<Weigh<K, V>>,
    largest: u64,
}

/// What a key and a value take, in bytes.
type Weigh<K, V> = dyn Fn(&K, &V) -> u64 + Send + Sync;

#[derive(Clone)]
struct Item<V> {
    entry: Entry<V>,
    weight: u64,
}

#[derive(Clone)]
struct OwnWeight;

/// When a fetch began, with regard to invalidations. To be had before anything is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a value is put with the fill that its fetch began with"]
pub struct Fill(u64);

/// What became of a value that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is kept, as far as there is room.
    Stored,
    /// There is something better.
    Outranked,
    /// The key was invalidated after its fetch had begun.
    Outdated,
    /// It is larger than what one entry may take.
    TooLarge,
}

impl Settings {
    /// At most so many bytes, 1 KiB to 16 TiB, and an eighth of them for one entry.
    ///
    /// # Errors
    /// [`SettingsError`], when it lies outside this range.
    pub fn new(capacity: u64) -> Result<Self, SettingsError> {
        if !CAPACITIES.contains(&capacity) {
            return Err(SettingsError::Capacity(capacity));
        }
        Ok(Self { capacity, largest: capacity / 8 })
    }

    /// At most so many bytes for one entry: 1 to half of all.
    ///
    /// # Errors
    /// [`SettingsError`], when it lies outside this range.
    pub const fn with_largest(mut self, largest: u64) -> Result<Self, SettingsError> {
        if largest == 0 || largest > self.capacity / SHARE_OF_SHARD {
            return Err(SettingsError::Largest { largest, capacity: self.capacity });
        }
        self.largest = largest;
        Ok(self)
    }

    fn shards(&self) -> u64 {
        let fitting = self.capacity / SHARE_OF_SHARD / self.largest.max(1);
        // The store below rounds up to a power of two, and shards must not become smaller than meant.
        let fitting = fitting.clamp(1, MOST_SHARDS);
        1 << fitting.ilog2()
    }
}

impl<K, V> Store<K, V>
where
    K: Clone + Eq + Hash,
    V: Clone,
{
    /// An empty store. `weigh` says what a key and a value take in bytes, with all they point to; what the store needs
    /// besides is added.
    pub fn new(settings: Settings, weigh: impl Fn(&K, &V) -> u64 + Send + Sync + 'static) -> Self {
        let to_usize = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(to_usize((settings.capacity / USUAL).max(32)))
            .weight_capacity(settings.capacity)
            .shards(to_usize(settings.shards()))
            .build();
        let hasher = DefaultHashBuilder::default();
        let items = match options {
            Ok(options) => sync::Cache::with_options(options, OwnWeight, hasher.clone(), Default::default()),
            // Refused are only options that lack what is given here.
            Err(_) => sync::Cache::with_weighter(32, settings.capacity, OwnWeight),
        };
        let stripes = (0..STRIPES).map(|_| Mutex::new(0)).collect();
        Self { items, stripes, hasher, weigh: Arc::new(weigh), largest: settings.largest }
    }

    /// What there is for a key at `now`, with XFetch's `beta`.
    #[must_use]
    pub fn lookup(&self, key: &K, now: Instant, beta: f64, dice: &Dice) -> Lookup<V> {
        let Some(Item { entry, .. }) = self.items.get(key) else { return Lookup::Miss };
        (entry.freshness(now, beta, || early::draw(dice)), entry).into()
    }

    /// To be called before a value is fetched.
    pub fn begin(&self, key: &K) -> Fill {
        Fill(*self.stripe(key))
    }

    /// Keeps a value whose fetch began with `fill`, if nothing speaks against it.
    pub fn put(&self, key: &K, fill: Fill, entry: Entry<V>, now: Instant) -> Put {
        let weight = (self.weigh)(key, &entry.value).saturating_add(OVERHEAD);
        if weight > self.largest {
            return Put::TooLarge;
        }
        let turn = self.stripe(key);
        if *turn != fill.0 {
            return Put::Outdated;
        }
        if self.items.peek(key).is_some_and(|old| !old.entry.gives_way_to(entry.kind, now)) {
            return Put::Outranked;
        }
        self.items.insert(key.clone(), Item { entry, weight });
        Put::Stored
    }

    /// Drops what there is for a key, and what is being fetched for it: a write has made it false.
    pub fn invalidate(&self, key: &K) {
        let mut turn = self.stripe(key);
        *turn = turn.wrapping_add(1);
        self.items.remove(key);
    }

    /// Drops everything, and all that is being fetched.
    pub fn clear(&self) {
        // In order, and nobody else holds two of them.
        let mut turns: Vec<_> = self.stripes.iter().map(lock).collect();
        turns.iter_mut().for_each(|turn| **turn = turn.wrapping_add(1));
        self.items.clear();
    }

    /// How many values are kept, of any freshness.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes taken, as far as they are known to `weigh`.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.items.weight()
    }

    /// A value's kind, of any freshness.
    #[must_use]
    pub fn kind(&self, key: &K) -> Option<Kind> {
        self.items.peek(key).map(|item| item.entry.kind)
    }

    fn stripe(&self, key: &K) -> MutexGuard<'_, u64> {
        let hash = usize::try_from(self.hasher.hash_one(key) % STRIPES as u64).unwrap_or(0);
        lock(&self.stripes[hash])
    }
}

fn lock(stripe: &Mutex<u64>) -> MutexGuard<'_, u64> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K, V> Weighter<K, Item<V>> for OwnWeight {
    fn weight(&self, _key: &K, item: &Item<V>) -> u64 {
        item.weight
    }
}

impl<K, V> fmt::Debug for Store<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("largest", &self.largest).finish_non_exhaustive()
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity(capacity) => {
                write!(f, "a cache of {capacity} bytes: choose 1024 (1 KiB) to {} (16 TiB)", CAPACITIES.end())
            }
            Self::Largest { largest, capacity } => write!(
                f,
                "{largest} bytes for one entry, in a cache of {capacity}: choose 1 to {}",
                capacity / SHARE_OF_SHARD
            ),
        }
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::cache::Rules;

    const SECOND: Duration = Duration::from_secs(1);

    struct Scene {
        store: Store<u16, Vec<u8>>,
        rules: Rules,
        dice: Dice,
        now: Instant,
    }

    impl Scene {
        fn new(capacity: u64) -> Self {
            Self {
                store: Store::new(Settings::new(capacity).unwrap(), |_, value: &Vec<u8>| value.len() as u64),
                rules: Rules::new(100 * SECOND).unwrap().with_jitter(0.0).unwrap(),
                dice: Dice::seeded(1),
                now: Instant::now(),
            }
        }

        fn put(&self, key: u16, fill: Fill, value: &[u8], kind: Kind) -> Put {
            let entry = self.rules.entry(value.to_vec(), kind, self.now, self.now, &self.dice).unwrap();
            self.store.put(&key, fill, entry, self.now)
        }

        fn fill(&self, key: u16, value: &[u8], kind: Kind) -> Put {
            self.put(key, self.store.begin(&key), value, kind)
        }

        fn look(&self, key: u16) -> Lookup<Vec<u8>> {
            self.store.lookup(&key, self.now, 1.0, &self.dice)
        }
    }

    #[test]
    fn what_is_put_is_found_until_its_time_is_over() {
        let mut scene = Scene::new(1 << 20);
        assert_eq!(scene.look(1), Lookup::Miss);
        assert_eq!(scene.fill(1, b"one", Kind::Complete), Put::Stored);
        assert!(matches!(scene.look(1), Lookup::Fresh(entry) if entry.value == b"one"));
        scene.now += 100 * SECOND;
        assert!(matches!(scene.look(1), Lookup::Stale(_)));
        scene.now += 10 * SECOND;
        assert!(matches!(scene.look(1), Lookup::OnError(_)));
        scene.now += 50 * SECOND;
        assert_eq!(scene.look(1), Lookup::Miss);
    }

    #[test]
    fn something_degraded_gives_way_at_once_and_never_displaces_what_is_complete_and_fresh() {
        let mut scene = Scene::new(1 << 20);
        assert_eq!(scene.fill(1, b"half", Kind::Degraded), Put::Stored);
        assert_eq!(scene.fill(1, b"whole", Kind::Complete), Put::Stored);
        assert_eq!(scene.fill(1, b"half", Kind::Degraded), Put::Outranked);
        assert!(matches!(scene.look(1), Lookup::Fresh(entry) if entry.value == b"whole"));
        scene.now += 100 * SECOND;
        assert_eq!(scene.fill(1, b"half", Kind::Degraded), Put::Stored);
        assert_eq!(scene.store.kind(&1), Some(Kind::Degraded));
    }

    #[test]
    fn what_was_asked_for_before_an_invalidation_is_not_kept_after_it() {
        let scene = Scene::new(1 << 20);
        let fill = scene.store.begin(&1);
        scene.store.invalidate(&1);
        assert_eq!(scene.put(1, fill, b"before", Kind::Negative), Put::Outdated);
        assert_eq!(scene.fill(1, b"after", Kind::Complete), Put::Stored);
        let fill = scene.store.begin(&1);
        scene.store.clear();
        assert_eq!(scene.put(1, fill, b"before", Kind::Complete), Put::Outdated);
        assert!(scene.store.is_empty());
    }

    #[test]
    fn not_found_becomes_found_when_a_write_says_so() {
        let scene = Scene::new(1 << 20);
        scene.fill(1, b"", Kind::Negative);
        assert!(matches!(scene.look(1), Lookup::Fresh(entry) if entry.kind == Kind::Negative));
        scene.store.invalidate(&1);
        assert_eq!(scene.look(1), Lookup::Miss);
    }

    #[test]
    fn what_is_larger_than_its_share_is_not_kept_and_displaces_nothing() {
        let scene = Scene::new(16 * 1024);
        scene.fill(1, b"small", Kind::Complete);
        assert_eq!(scene.fill(1, &[0; 2_048], Kind::Complete), Put::TooLarge);
        assert!(matches!(scene.look(1), Lookup::Fresh(entry) if entry.value == b"small"));
        assert_eq!(scene.fill(2, &[0; 1_800], Kind::Complete), Put::Stored);
        assert!(matches!(scene.look(2), Lookup::Fresh(_)), "what may be stored has room");
    }

    #[test]
    fn a_crawler_does_not_empty_the_store() {
        let scene = Scene::new(64 * 1024);
        let is_kept = |key| matches!(scene.look(key), Lookup::Fresh(_));
        (0..20).for_each(|key| assert_eq!(scene.fill(key, &[1; 300], Kind::Complete), Put::Stored));
        for stranger in 1_000..5_000 {
            // What is popular is asked for now and then while the crawler goes through everything once.
            assert!(!(0..20).any(|key| stranger % 50 == key + 20 && !is_kept(key)), "{stranger}");
            scene.fill(stranger, &[2; 300], Kind::Complete);
        }
    }

    #[test]
    fn capacities_and_largest_entries_that_do_not_fit_are_refused() {
        assert!(Settings::new(1_023).unwrap_err().to_string().contains("choose 1024"));
        assert!(Settings::new(u64::MAX).is_err());
        let settings = Settings::new(1_024).unwrap();
        assert!(settings.with_largest(513).unwrap_err().to_string().contains("choose 1 to 512"));
        assert!(settings.with_largest(0).is_err());
    }

    proptest! {
        #[test]
        fn it_never_takes_more_than_it_may(
            capacity in 4_096_u64..100_000, puts in proptest::collection::vec((0_u16..200, 0_usize..3_000), 1..300),
        ) {
            let scene = Scene::new(capacity);
            for (key, size) in puts {
                let put = scene.fill(key, &vec![0; size], Kind::Complete);
                prop_assert_eq!(put == Put::TooLarge, size as u64 + OVERHEAD > capacity / 8);
                prop_assert!(scene.store.weight() <= capacity, "{} of {}", scene.store.weight(), capacity);
            }
        }
    }
}
