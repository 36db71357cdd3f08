//! The cache of the process: what is kept, what is being fetched, what was invalidated.

use std::{
    ops::Deref,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use banyan_config::plan;
use banyan_httpcache::Secret;
use tokio::time::Instant;

use super::{
    entry::{Entry, Kind},
    flights::Flights,
    hot::Heat,
    key::Key,
    level::Level,
    purges::{Moment, Purges, Tag},
    store::{Store, Stored, Varies},
};

/// The share of the memory that answers on their way may take besides.
const ROOM_SHARE: u64 = 4;

/// What the config says of the cache, in its newest version. A reload may change how long is waited and what is fetched
/// ahead, while what is kept stays.
///
/// Every request reads it and a reload is rare, so a newer version is put behind the older one, which lasts as long as the
/// cache: readers take no lock, and what they hold stays true.
#[derive(Debug)]
pub(crate) struct Config {
    said: plan::Cache,
    newer: OnceLock<Box<Self>>,
}

/// The cache of the process.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) flights: Arc<Flights>,
    pub(crate) purges: Purges,
    pub(crate) secret: Secret,
    /// What is asked for most.
    pub(crate) heat: Heat,
    /// What nodes share.
    pub(crate) level: Option<Level>,
    stored: [AtomicU64; 3],
    /// What was asked for before this may not be kept: all of it was thrown away meanwhile.
    keep_from: AtomicU64,
}

impl Config {
    fn new(said: plan::Cache) -> Self {
        Self { said, newer: OnceLock::new() }
    }

    fn newest(&self) -> &Self {
        let mut newest = self;
        while let Some(newer) = newest.newer.get() {
            newest = newer;
        }
        newest
    }

    /// Holds from now on.
    fn put(&self, said: plan::Cache) {
        let mut new = Box::new(Self::new(said));
        // Somebody else may put one behind the newest meanwhile; then behind that.
        while let Err(again) = self.newest().newer.set(new) {
            new = again;
        }
    }
}

impl Deref for Config {
    type Target = plan::Cache;

    fn deref(&self) -> &plan::Cache {
        &self.newest().said
    }
}

impl Drop for Config {
    /// One after the other: a chain that drops itself needs stack for each.
    fn drop(&mut self) {
        let mut next = self.newer.take();
        while let Some(mut config) = next {
            next = config.newer.take();
        }
    }
}

impl Cache {
    /// An empty cache. `secret` is nobody else's, and `cores` are those that share it.
    ///
    /// # Errors
    /// What of the level that nodes share cannot be.
    pub(crate) fn new(config: plan::Cache, secret: Secret, cores: usize) -> Result<Self, String> {
        let largest = usize::try_from(config.max_object).unwrap_or(usize::MAX);
        let room = usize::try_from(config.memory / ROOM_SHARE).unwrap_or(usize::MAX).max(largest);
        let level = config.redis.as_ref().map(|redis| Level::new(redis, config.max_object)).transpose()?;
        Ok(Self {
            store: Store::new(config.memory, config.max_object, cores),
            flights: Flights::new(room, largest),
            purges: Purges::default(),
            secret,
            heat: Heat::new(urls_wanted(&config)),
            level,
            stored: Default::default(),
            keep_from: AtomicU64::new(0),
            config: Config::new(config),
        })
    }

    /// Goes on under a newer config, if that leaves what is kept where it is. Whether it does.
    pub(crate) fn goes_on(&self, config: &plan::Cache, now: Instant) -> bool {
        let plan::Cache { memory, max_object, redis, wait: _, warm: _ } = config;
        let known: &plan::Cache = &self.config;
        if (known.memory, known.max_object, &known.redis) != (*memory, *max_object, redis) {
            return false;
        }
        if known != config {
            self.config.put(config.clone());
            self.heat.fit(urls_wanted(config), now);
        }
        true
    }

    /// The answer that lies under `place`, if it still stands.
    pub(crate) fn entry(&self, place: Key) -> Option<Arc<Entry>> {
        match self.store.get(place)? {
            Stored::Entry(entry) => self.standing(place, entry),
            Stored::Varies(_) => None,
        }
    }

    /// The entry, unless it was invalidated; then it goes.
    pub(crate) fn standing(&self, place: Key, entry: Arc<Entry>) -> Option<Arc<Entry>> {
        if self.purges.stands(&entry.standing, &entry.tags) {
            return Some(entry);
        }
        self.store.remove(place, &entry);
        None
    }

    /// Keeps an answer for the requests of `key`, unless something better is there or it was invalidated on its way.
    /// Whether it is kept.
    pub(crate) fn keep(
        &self,
        key: Key,
        entry: &Arc<Entry>,
        varies: Option<Varies>,
        begun: Moment,
        now: Instant,
    ) -> bool {
        let place = match &varies {
            Some(_) => key.of_variant(&entry.variant, &self.secret),
            None => key,
        };
        let was_asked_in_time = begun >= Moment::at(self.keep_from.load(Relaxed));
        if !was_asked_in_time || !self.purges.stood(begun, &entry.tags) {
            return false;
        }
        let is_better = |known: &Entry| known.kind == Kind::Complete && known.is_fresh(now);
        if entry.kind == Kind::Degraded && self.entry(place).is_some_and(|known| is_better(&known)) {
            return false;
        }
        if let Some(varies) = varies {
            self.store.insert(key, Stored::Varies(Arc::new(varies)));
        }
        self.store.insert(place, Stored::Entry(entry.clone()));
        self.stored[entry.kind as usize].fetch_add(1, Relaxed);
        true
    }

    /// Answers kept so far, by kind.
    pub(crate) fn stored(&self, kind: Kind) -> u64 {
        self.stored[kind as usize].load(Relaxed)
    }

    /// Invalidates what carries one of `tags`, here and on the other nodes.
    pub(crate) fn invalidate(&self, tags: &[Tag]) {
        if tags.is_empty() {
            return;
        }
        self.purges.invalidate(tags.iter().copied());
        if let Some(level) = &self.level {
            level.invalidate(tags);
        }
    }

    /// Throws away what `is_meant` names, and says how many entries went. What is being fetched is not kept. Walks through
    /// all entries.
    pub(crate) fn purge(&self, is_meant: impl Fn(&Entry) -> bool) -> usize {
        // Nothing that is on its way now may come back afterwards.
        self.purges.invalidate([]);
        self.keep_from.store(self.purges.now().number(), Relaxed);
        let gone = self.store.retain(|entry| !is_meant(entry));
        if let Some(level) = &self.level {
            // What it holds cannot be looked through.
            level.forget_all();
        }
        gone
    }

    /// Throws away everything, and says how many entries there were.
    pub(crate) fn purge_all(&self) -> usize {
        self.purges.invalidate_all();
        self.purge(|_| true)
    }

    /// Drops entries that do not stand, and forgets why.
    pub(crate) fn sweep(&self) {
        if self.purges.wants_sweep() {
            let moment = self.purges.now();
            self.store.retain(|entry| self.purges.stands(&entry.standing, &entry.tags));
            self.purges.swept(moment);
        }
    }
}

/// How many of the most asked for URLs are wanted.
fn urls_wanted(config: &plan::Cache) -> usize {
    config.warm.map_or(0, |warm| warm.top)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn cache(config: &plan::Cache) -> Cache {
        Cache::new(config.clone(), Secret::new([0; 16]), 1).unwrap()
    }

    #[test]
    fn waiting_and_fetching_ahead_change_while_what_is_kept_stays() {
        let (mut config, now) = (plan::Cache::default(), Instant::now());
        let cache = cache(&config);
        assert!(cache.goes_on(&config, now) && cache.config.newer.get().is_none(), "nothing has changed");
        let before: &plan::Cache = &cache.config;
        for seconds in 0..10_000 {
            config.wait = Duration::from_secs(seconds);
            assert!(cache.goes_on(&config, now));
        }
        assert_eq!(cache.config.wait, Duration::from_secs(9_999));
        assert_eq!(before.wait, plan::Cache::default().wait, "who read it before");
    }

    #[test]
    fn another_size_is_another_cache() {
        let (config, now) = (plan::Cache::default(), Instant::now());
        let other = [
            plan::Cache { memory: config.memory + 1, ..config.clone() },
            plan::Cache { max_object: config.max_object - 1, ..config.clone() },
        ];
        let cache = cache(&config);
        for other in other {
            assert!(!cache.goes_on(&other, now));
            assert_eq!(*cache.config, config);
        }
    }
}
