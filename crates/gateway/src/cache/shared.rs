//! The cache of the process: what is kept, what is being fetched, what was invalidated.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
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

/// The cache of the process.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) config: plan::Cache,
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
            heat: Heat::default(),
            level,
            stored: Default::default(),
            keep_from: AtomicU64::new(0),
            config,
        })
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
