//! The keys that are asked for most, in bounded memory.
//!
//! A cache that has just been started is empty, and the dependency behind it meets all the load at once. So the keys that
//! were asked for most are fetched before anybody asks. Counting every key needs memory for every key, of which a crawler
//! makes millions. Space-Saving keeps a fixed number of counters (Metwally, Agrawal, El Abbadi: "Efficient Computation of
//! Frequent and Top-k Elements in Data Streams", ICDT 2005): a key without a counter takes over the smallest one, with its
//! count as the error of its own.
//!
//! With `k` counters and observations of a weight of `N` in all:
//! - a key with a weight above `N / k` has a counter, always;
//! - a count is never below the true weight, and above it by the recorded error at most, which is at most `N / k`.
//!
//! Heat fades: each half-life all counts are halved, so that what was asked for yesterday does not outrank today. The
//! bounds hold for the halved weights.
//!
//! The smallest counter is the root of a heap. A popular key has a high count and lies among the leaves, so counting it
//! moves nothing; a key without a counter costs a logarithm of `k`. Give it some four times as many counters as you want to
//! know keys: the more, the truer the lower ranks.
//!
//! Not for exact figures, nor for rates: it ranks.
//!
//! ```
//! use banyan_resilience::cache::hottest::{Hottest, Settings};
//! use tokio::time::Instant;
//!
//! let (mut hottest, now) = (Hottest::new(Settings::default()), Instant::now());
//! for key in ["home", "user:7", "home", "robots.txt", "home", "user:7"] {
//!     hottest.observe(&key, now);
//! }
//! let keys: Vec<_> = hottest.top(2).into_iter().map(|hot| hot.key).collect();
//! assert_eq!(keys, ["home", "user:7"]);
//! ```

use std::{
    cmp::Reverse,
    collections::{HashMap, hash_map::RandomState},
    fmt,
    hash::{BuildHasher, Hash},
    ops::RangeInclusive,
    time::Duration,
};

use tokio::time::Instant;

const COUNTERS: RangeInclusive<usize> = 1..=1_000_000;
const HALF_LIVES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600);

/// How many keys are counted, and how soon that is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    counters: usize,
    half_life: Duration,
}

/// Why keys cannot be counted like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// No counter, or more than a million.
    Counters(usize),
    /// A half-life shorter than a second or longer than 30 days.
    HalfLife(Duration),
}

/// The keys that are asked for most. It belongs to one thread; several of them count each for itself, and what they have
/// is put together with [`observe_many`](Self::observe_many).
#[derive(Clone, Debug)]
pub struct Hottest<K, S = RandomState> {
    settings: Settings,
    /// Where the counter of a key is, in `counters`.
    by_key: HashMap<K, usize, S>,
    counters: Vec<Counter<K>>,
    /// Places in `counters`, as a heap whose root has the smallest count.
    heap: Vec<usize>,
    /// When counts were last halved, or the first was made.
    halved_at: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Counter<K> {
    key: K,
    count: u64,
    error: u64,
    /// Its place in the heap.
    at: usize,
}

/// A key that is asked for often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hot<K> {
    /// Which.
    pub key: K,
    /// Its weight, at most; halved each half-life.
    pub count: u64,
    /// By how much the count may be too high.
    pub error: u64,
}

impl Default for Settings {
    /// 4,000 counters, for the top 1,000; a half-life of an hour.
    fn default() -> Self {
        Self { counters: 4_000, half_life: Duration::from_secs(3600) }
    }
}

impl Settings {
    /// So many counters, 1 to a million, whose counts are halved each `half_life`, 1 s to 30 days.
    ///
    /// # Errors
    /// [`SettingsError`], when a value lies outside its range.
    pub fn new(counters: usize, half_life: Duration) -> Result<Self, SettingsError> {
        if !COUNTERS.contains(&counters) {
            return Err(SettingsError::Counters(counters));
        }
        if !HALF_LIVES.contains(&half_life) {
            return Err(SettingsError::HalfLife(half_life));
        }
        Ok(Self { counters, half_life })
    }

    /// How many keys are counted at most.
    #[must_use]
    pub const fn counters(&self) -> usize {
        self.counters
    }

    /// After how long a count is halved.
    #[must_use]
    pub const fn half_life(&self) -> Duration {
        self.half_life
    }
}

impl<K: Clone + Eq + Hash> Hottest<K> {
    /// Nothing has been asked for yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self::with_hasher(settings, RandomState::new())
    }
}

impl<K: Clone + Eq + Hash, S: BuildHasher> Hottest<K, S> {
    /// The same with a hasher of your own: keys that others choose need one that they cannot foretell.
    #[must_use]
    pub fn with_hasher(settings: Settings, hasher: S) -> Self {
        Self {
            settings,
            by_key: HashMap::with_hasher(hasher),
            counters: Vec::new(),
            heap: Vec::new(),
            halved_at: None,
        }
    }

    /// How many keys have a counter.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counters.len()
    }

    /// Whether no key has a counter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }

    /// A key was asked for. It is cloned when it gets a counter.
    pub fn observe(&mut self, key: &K, now: Instant) {
        self.observe_many(key, 1, now);
    }

    /// A key was asked for with this weight: so often, or one of so many that were looked at, or what another [`Hottest`]
    /// has counted.
    pub fn observe_many(&mut self, key: &K, weight: u64, now: Instant) {
        self.fade(now);
        if weight == 0 {
            return;
        }
        if let Some(&counter) = self.by_key.get(key) {
            self.add(counter, weight);
        } else if self.counters.len() < self.settings.counters {
            self.begin(key, weight);
        } else {
            self.take_over(key, weight);
        }
    }

    /// The hottest keys, hottest first, `most` of them or fewer. Among equals those first whose count is surer.
    #[must_use]
    pub fn top(&self, most: usize) -> Vec<Hot<K>> {
        let mut ranked: Vec<_> = self.counters.iter().collect();
        ranked.sort_by_key(|counter| (Reverse(counter.count), counter.error));
        ranked.truncate(most);
        ranked.into_iter().map(Counter::as_hot).collect()
    }

    /// Halves all counts for each half-life that is over. Observing does that too; this is for who has not observed for
    /// long and wants to know the top.
    pub fn fade(&mut self, now: Instant) {
        let since = *self.halved_at.get_or_insert(now);
        let over = now.saturating_duration_since(since).as_nanos() / self.settings.half_life.as_nanos();
        match u32::try_from(over) {
            Ok(0) => {}
            Ok(halvings) if halvings < u64::BITS => {
                self.halve(halvings);
                self.halved_at = Some(since + self.settings.half_life * halvings);
            }
            // Nothing is left of any count.
            _ => self.forget(now),
        }
    }

    fn forget(&mut self, now: Instant) {
        self.by_key.clear();
        self.counters.clear();
        self.heap.clear();
        self.halved_at = Some(now);
    }

    fn halve(&mut self, halvings: u32) {
        for counter in &mut self.counters {
            counter.count >>= halvings;
            // Rounded up: it must not promise more than is known.
            let is_whole = counter.error.trailing_zeros() >= halvings;
            counter.error = ((counter.error >> halvings) + u64::from(!is_whole)).min(counter.count);
        }
        if self.counters.iter().any(|counter| counter.count == 0) {
            self.forget_the_cold();
        }
        // Halving does not change who is smaller than whom, so the heap is one still.
    }

    fn forget_the_cold(&mut self) {
        let kept: Vec<_> = self.counters.drain(..).filter(|counter| counter.count > 0).collect();
        self.by_key.clear();
        self.heap.clear();
        for counter in kept {
            self.place(counter.key, counter.count, counter.error);
        }
    }

    fn begin(&mut self, key: &K, weight: u64) {
        self.place(key.clone(), weight, 0);
    }

    fn place(&mut self, key: K, count: u64, error: u64) {
        let (counter, at) = (self.counters.len(), self.heap.len());
        self.by_key.insert(key.clone(), counter);
        self.counters.push(Counter { key, count, error, at });
        self.heap.push(counter);
        self.rise(at);
    }

    /// The smallest counter goes to another key, with its count: nobody knows how much of that is the newcomer's.
    fn take_over(&mut self, key: &K, weight: u64) {
        let Some(&smallest) = self.heap.first() else { return };
        let Some(counter) = self.counters.get_mut(smallest) else { return };
        self.by_key.remove(&counter.key);
        self.by_key.insert(key.clone(), smallest);
        counter.key = key.clone();
        counter.error = counter.count;
        self.add(smallest, weight);
    }

    fn add(&mut self, counter: usize, weight: u64) {
        let Some(counter) = self.counters.get_mut(counter) else { return };
        counter.count = counter.count.saturating_add(weight);
        let at = counter.at;
        self.sink(at);
    }

    /// Moves what has become too large for its place in the heap down.
    fn sink(&mut self, mut at: usize) {
        while let Some(child) = self.smaller_child(at)
            && self.count_at(child) < self.count_at(at)
        {
            self.swap(at, child);
            at = child;
        }
    }

    /// Moves what is too small for its place up.
    fn rise(&mut self, mut at: usize) {
        while let Some(parent) = at.checked_sub(1).map(|below| below / 2)
            && self.count_at(at) < self.count_at(parent)
        {
            self.swap(at, parent);
            at = parent;
        }
    }

    fn smaller_child(&self, at: usize) -> Option<usize> {
        let (left, right) = (2 * at + 1, 2 * at + 2);
        let children = [left, right].into_iter().filter(|child| *child < self.heap.len());
        children.min_by_key(|child| self.count_at(*child))
    }

    fn count_at(&self, at: usize) -> Option<u64> {
        let counter = self.counters.get(*self.heap.get(at)?)?;
        Some(counter.count)
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        for at in [a, b] {
            if let Some(counter) = self.heap.get(at).and_then(|counter| self.counters.get_mut(*counter)) {
                counter.at = at;
            }
        }
    }
}

impl<K: Clone> Counter<K> {
    fn as_hot(&self) -> Hot<K> {
        Hot { key: self.key.clone(), count: self.count, error: self.error }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counters(counters) => write!(
                f,
                "{counters} counters: choose {} to {}, some four times as many as you want to know keys",
                COUNTERS.start(),
                COUNTERS.end()
            ),
            Self::HalfLife(half_life) => {
                write!(f, "a half-life of {half_life:?}: choose 1 s to 30 days, such as an hour")
            }
        }
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn hottest(counters: usize) -> Hottest<u8> {
        Hottest::new(Settings::new(counters, HOUR).unwrap())
    }

    /// Counts exactly, and halves as often.
    #[derive(Default)]
    struct Exact {
        counts: HashMap<u8, u64>,
        total: u64,
    }

    impl Exact {
        fn observe(&mut self, key: u8, weight: u64) {
            *self.counts.entry(key).or_default() += weight;
            self.total += weight;
        }

        fn halve(&mut self) {
            self.counts.values_mut().for_each(|count| *count /= 2);
            self.total /= 2;
        }
    }

    fn check_heap(hottest: &Hottest<u8>) {
        for at in 0..hottest.heap.len() {
            assert_eq!(hottest.counters[hottest.heap[at]].at, at);
            if at > 0 {
                assert!(hottest.count_at((at - 1) / 2) <= hottest.count_at(at), "{:?}", hottest.heap);
            }
        }
        assert_eq!(hottest.by_key.len(), hottest.counters.len());
        for (key, counter) in &hottest.by_key {
            assert_eq!(hottest.counters[*counter].key, *key);
        }
    }

    #[test]
    fn as_long_as_there_are_counters_it_counts_exactly() {
        let (mut hottest, now) = (hottest(3), Instant::now());
        for key in [1, 2, 1, 3, 1, 2] {
            hottest.observe(&key, now);
        }
        let top: Vec<_> = hottest.top(9).into_iter().map(|hot| (hot.key, hot.count, hot.error)).collect();
        assert_eq!(top, [(1, 3, 0), (2, 2, 0), (3, 1, 0)]);
        assert_eq!(hottest.top(1).len(), 1);
        assert!(hottest.top(0).is_empty());
    }

    #[test]
    fn a_newcomer_takes_the_smallest_counter_with_its_count_as_error() {
        let (mut hottest, now) = (hottest(2), Instant::now());
        for key in [1, 1, 1, 2, 2, 3] {
            hottest.observe(&key, now);
        }
        let top = hottest.top(2);
        assert_eq!(top[0], Hot { key: 1, count: 3, error: 0 });
        assert_eq!(top[1], Hot { key: 3, count: 3, error: 2 });
    }

    #[test]
    fn heat_fades_by_half_in_each_half_life_and_what_is_cold_is_forgotten() {
        let (mut hottest, now) = (hottest(4), Instant::now());
        hottest.observe_many(&1, 1_000, now);
        hottest.observe(&2, now);
        hottest.fade(now + HOUR - Duration::from_nanos(1));
        assert_eq!(hottest.len(), 2);
        hottest.fade(now + HOUR + HOUR / 2);
        assert_eq!(hottest.top(9), [Hot { key: 1, count: 500, error: 0 }]);
        // The half hour of before is not lost.
        hottest.observe_many(&3, 300, now + 2 * HOUR);
        assert_eq!(hottest.top(9).iter().map(|hot| hot.count).collect::<Vec<_>>(), [300, 250]);
        hottest.fade(now + 1_000_000 * HOUR);
        assert!(hottest.is_empty());
    }

    #[test]
    fn a_crawler_that_asks_for_everything_once_displaces_nothing_popular() {
        let mut hottest: Hottest<u32> = Hottest::new(Settings::new(100, HOUR).unwrap());
        let now = Instant::now();
        for round in 0..10_000 {
            hottest.observe(&(round % 10), now);
            hottest.observe(&(1_000 + round), now);
        }
        let mut top: Vec<_> = hottest.top(10).into_iter().map(|hot| hot.key).collect();
        top.sort_unstable();
        assert_eq!(top, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn settings_that_count_nothing_are_refused() {
        for (counters, half_life) in [(0, HOUR), (1_000_001, HOUR), (1, Duration::ZERO), (1, HOUR * 10_000)] {
            let error = Settings::new(counters, half_life).unwrap_err();
            assert!(error.to_string().contains("choose"), "{error}");
        }
    }

    #[test]
    fn counts_stay_within_their_type() {
        let (mut hottest, now) = (hottest(1), Instant::now());
        hottest.observe_many(&1, u64::MAX, now);
        hottest.observe_many(&1, u64::MAX, now);
        hottest.observe_many(&2, u64::MAX, now);
        assert_eq!(hottest.top(1), [Hot { key: 2, count: u64::MAX, error: u64::MAX }]);
    }

    proptest! {
        #[test]
        fn the_guarantees_of_the_paper_hold_with_fading(
            counters in 1_usize..12,
            steps in proptest::collection::vec((0_u8..30, 1_u64..6, 0_u8..40), 1..400),
        ) {
            let (mut hottest, mut exact, mut now) = (hottest(counters), Exact::default(), Instant::now());
            for (key, weight, time) in steps {
                // One step in forty a half-life passes.
                if time == 0 {
                    now += HOUR;
                    hottest.fade(now);
                    exact.halve();
                }
                // Skewed, so that some keys are popular.
                let key = if key > 20 { key % 3 } else { key };
                hottest.observe_many(&key, weight, now);
                exact.observe(key, weight);
                check_heap(&hottest);
                let most_error = exact.total / u64::try_from(counters).unwrap();
                let top = hottest.top(counters);
                for (key, count) in &exact.counts {
                    prop_assert!(*count <= most_error || top.iter().any(|hot| hot.key == *key));
                }
                for hot in top {
                    let count = exact.counts[&hot.key];
                    prop_assert!(count <= hot.count, "underestimated");
                    prop_assert!(hot.count - count <= hot.error, "by more than its error");
                    prop_assert!(hot.error <= most_error);
                }
            }
        }
    }
}
