//! A cache that notes what it is told.

use std::{sync::Mutex, time::Duration};

use banyan_state::{CacheUrl, HotUrl};

use crate::{CacheStatus, CachedAnswer, Purge, SecondStatus, WarmProgress, WarmRefused};

/// The one URL of which it has an answer.
pub(super) const KEPT: &str = "http://a.example/users/7?lang=en";

/// What it is told, and what it tells.
pub(super) struct FakeCache {
    /// `None` for none.
    pub(super) status: Mutex<Option<CacheStatus>>,
    pub(super) purged: Mutex<Vec<Purge>>,
    pub(super) hot: Mutex<Vec<HotUrl>>,
    /// Lists that were to be asked for, and how many a second.
    pub(super) warmed: Mutex<Vec<(Vec<CacheUrl>, u32)>>,
    pub(super) refuse: Mutex<Option<WarmRefused>>,
    pub(super) progress: Mutex<Option<WarmProgress>>,
}

impl Default for FakeCache {
    fn default() -> Self {
        Self {
            status: Mutex::new(Some(status())),
            purged: Mutex::default(),
            hot: Mutex::default(),
            warmed: Mutex::default(),
            refuse: Mutex::default(),
            progress: Mutex::default(),
        }
    }
}

fn status() -> CacheStatus {
    CacheStatus {
        memory: 64 << 20,
        used: 32 << 20,
        items: 1200,
        evictions: 7,
        stored: vec![("complete", 900), ("degraded", 3), ("negative", 40)],
        fetches: 2,
        held: 4096,
        invalidated: 5,
        second: Some(SecondStatus { counts: vec![("hit", 30), ("miss", 10)], queued: 1 }),
    }
}

impl FakeCache {
    pub(super) fn inspect(&self, url: &CacheUrl) -> Vec<CachedAnswer> {
        if (url.host.as_str(), url.target.as_str()) != ("a.example", "/users/7?lang=en") {
            return Vec::new();
        }
        let answer = CachedAnswer {
            url: KEPT.to_owned(),
            upstream: "users".into(),
            status: 200,
            kind: "degraded",
            missing: Some("/name".into()),
            age: Duration::from_millis(12_300),
            ttl: -3,
            took: Duration::from_millis(120),
            weight: 2048,
            body: 1000,
            vary: vec!["accept-language".to_owned()],
            headers: vec![
                ("cache-control".to_owned(), Some("max-age=60".to_owned())),
                ("x-user".to_owned(), None),
            ],
        };
        vec![answer]
    }

    pub(super) fn purge(&self, purge: &Purge) -> Option<usize> {
        self.status.lock().unwrap().as_ref()?;
        self.purged.lock().unwrap().push(purge.clone());
        Some(17)
    }

    pub(super) fn warm(&self, urls: Vec<CacheUrl>, rate: u32) -> Result<(), WarmRefused> {
        if let Some(refused) = *self.refuse.lock().unwrap() {
            return Err(refused);
        }
        let total = urls.len();
        self.warmed.lock().unwrap().push((urls, rate));
        self.is_at(total, 0, true);
        Ok(())
    }

    /// So many of these are over: one of them failed, if it was one.
    pub(super) fn is_at(&self, total: usize, over: usize, running: bool) {
        let failed = usize::from(over > 0);
        let progress = WarmProgress { total, done: over - failed, failed, skipped: 0, running };
        *self.progress.lock().unwrap() = Some(progress);
    }
}
