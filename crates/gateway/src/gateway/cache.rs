//! What of the data plane concerns the cache: looking into it, emptying and filling it, and keeping it in order.

use std::sync::Arc;

use tokio::{task::JoinSet, time::Instant};

use super::Gateway;
use crate::{
    cache::{
        CacheReport, CacheUrl, CachedAnswer, HotUrl, Purge, WarmProgress, WarmRefused, level, shared::Cache,
    },
    compiled::Compiled,
};

impl Gateway {
    /// How the cache is; `None` without one.
    #[must_use]
    pub fn cache(&self) -> Option<CacheReport> {
        self.compiled.load().cache.as_ref().map(|cache| cache.report())
    }

    /// The kept answers to a URL of this host: all variants, from all sides. Looks at every entry; call it on a thread that
    /// may block.
    #[must_use]
    pub fn inspect_cache(&self, host: &str, target: &str) -> Vec<CachedAnswer> {
        let compiled = self.compiled.load();
        compiled.cache.as_ref().map_or_else(Vec::new, |cache| cache.inspect(host, target, Instant::now()))
    }

    /// Throws away kept answers, and says how many went from memory; `None` without a cache. Looks at every entry; call it
    /// on a thread that may block.
    pub fn purge_cache(&self, purge: &Purge) -> Option<usize> {
        let gone = self.compiled.load().cache.as_ref().map(|cache| cache.throw_away(purge))?;
        tracing::info!(?purge, gone, "purged the cache");
        Some(gone)
    }

    /// The URLs that are asked for most and whose answers are kept, the first one first.
    #[must_use]
    pub fn hottest(&self, limit: usize) -> Vec<HotUrl> {
        self.compiled.load().cache.as_ref().map_or_else(Vec::new, |cache| cache.heat.top(limit))
    }

    /// Asks for URLs, `rate` a second at most, so that their answers are kept. Returns at once; [`Self::warming`] says how
    /// far it is.
    ///
    /// # Errors
    /// Without a cache, while that is under way already, and in a drain.
    pub fn warm(&self, urls: Vec<CacheUrl>, rate: u32) -> Result<(), WarmRefused> {
        if self.compiled.load().cache.is_none() {
            return Err(WarmRefused::NoCache);
        }
        if self.is_draining() {
            return Err(WarmRefused::Draining);
        }
        self.warming.begin(urls.len())?;
        self.warmer.try_send((urls, rate, self.workers.clone())).map_err(|_| {
            self.warming.end();
            WarmRefused::Draining
        })
    }

    /// How far asking for URLs is; `None` before the first time.
    #[must_use]
    pub fn warming(&self) -> Option<WarmProgress> {
        self.warming.read()
    }
}

/// The cache that the keeper looks after, and what it does for it.
pub(super) struct KeptCache {
    cache: Arc<Cache>,
    /// Ends when this goes.
    _task: JoinSet<()>,
}

impl KeptCache {
    /// Goes on as it did if the cache is still the same.
    pub(super) fn of(plan: &Compiled, before: Option<Self>) -> Option<Self> {
        let cache = plan.cache.as_ref()?;
        let same = before.filter(|before| Arc::ptr_eq(&before.cache, cache));
        Some(same.unwrap_or_else(|| {
            let mut task = JoinSet::new();
            task.spawn_local(level::keep(cache.clone()));
            Self { cache: cache.clone(), _task: task }
        }))
    }
}
