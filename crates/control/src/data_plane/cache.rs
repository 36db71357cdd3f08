//! The cache as the data plane tells of it.

use std::{sync::Arc, time::Duration};

use banyan_state::CacheUrl;

/// How the cache is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// Bytes that kept answers may take.
    pub memory: u64,
    /// Bytes that they take.
    pub used: u64,
    /// Things kept: answers, and lists of the fields by which answers differ.
    pub items: usize,
    /// Answers that had to go for others, since the start.
    pub evictions: u64,
    /// Answers kept since the start, by kind: `complete`, `degraded`, `negative`.
    pub stored: Vec<(&'static str, u64)>,
    /// Fetches under way.
    pub fetches: usize,
    /// Bytes of answers on their way that these hold.
    pub held: usize,
    /// Invalidated tags that are remembered until the next sweep.
    pub invalidated: usize,
    /// The level that gateways share, when there is one.
    pub second: Option<SecondStatus>,
}

/// How the level is that gateways share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondStatus {
    /// What was counted since the start, by name.
    pub counts: Vec<(&'static str, u64)>,
    /// Invalidations that it does not know of yet.
    pub queued: usize,
}

/// A kept answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedAnswer {
    /// Scheme, host, path and query, as it was asked for.
    pub url: String,
    /// Whom it is from: the side, in units.
    pub upstream: Arc<str>,
    /// Its status.
    pub status: u16,
    /// `complete`, `degraded` or `negative`.
    pub kind: &'static str,
    /// The part that is missing from a degraded one.
    pub missing: Option<Arc<str>>,
    /// How old it is.
    pub age: Duration,
    /// Seconds of freshness left, negative when it is stale.
    pub ttl: i64,
    /// How long it took to get.
    pub took: Duration,
    /// Bytes it takes.
    pub weight: u64,
    /// Bytes of its body.
    pub body: usize,
    /// Request fields that select it.
    pub vary: Vec<String>,
    /// Its fields; of those that may say something about somebody only the names.
    pub headers: Vec<(String, Option<String>)>,
}

/// What is to be thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// All answers to one URL, over TLS or not, whatever they vary by and whoever they are from.
    Url(CacheUrl),
    /// All that carry a tag: of the config, or of `Surrogate-Key`.
    Tag(String),
    /// All whose host, path and query fit a pattern, in which `*` stands for any text.
    Pattern(String),
    /// Everything.
    All,
}

/// Why the cache is not filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmRefused {
    /// There is none.
    NoCache,
    /// It is being filled already.
    Busy,
    /// The process ends.
    Draining,
}

/// How far filling the cache is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmProgress {
    /// URLs there are.
    pub total: usize,
    /// Of which the answer is kept now.
    pub done: usize,
    /// Of which it is not: the upstream failed, or its answer may not be kept.
    pub failed: usize,
    /// Left out, since their upstream had enough to do.
    pub skipped: usize,
    /// Whether it goes on.
    pub running: bool,
}

impl WarmProgress {
    /// URLs that are over and done with, whatever came of them.
    #[must_use]
    pub const fn over(&self) -> usize {
        self.done.saturating_add(self.failed).saturating_add(self.skipped)
    }
}
