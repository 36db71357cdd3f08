//! The cache: how full it is, what is in it, what was thrown away, how far filling it is.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{CacheStatus, CachedAnswer, SecondStatus, WarmProgress, span::seconds};

/// How the cache is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CacheView {
    /// Bytes that kept answers may take.
    #[schema(example = 67_108_864)]
    memory: u64,
    /// Bytes that they take.
    used: u64,
    /// Things kept: answers, and lists of the fields by which answers differ.
    items: usize,
    /// Answers that had to go for others, since the start.
    evictions: u64,
    /// Answers kept since the start, by kind: `complete`, `degraded`, `negative`.
    stored: BTreeMap<&'static str, u64>,
    /// Fetches under way.
    fetches: usize,
    /// Bytes of answers on their way that these hold.
    held: usize,
    /// Invalidated tags that are remembered until the next sweep.
    invalidated: usize,
    /// The level that gateways share; null when there is none.
    second: Option<SecondView>,
    /// How far filling it is, or how it ended; null before the first time.
    warming: Option<WarmView>,
}

/// The level of the cache that gateways share.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecondView {
    /// What was counted since the start, by name: `hit`, `miss`, `late`, `broken` and others.
    counts: BTreeMap<&'static str, u64>,
    /// Invalidations that it does not know of yet.
    queued: usize,
}

/// A kept answer. Times are seconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryView {
    /// As it was asked for.
    #[schema(example = "http://a.example/users/7?lang=en")]
    url: String,
    /// Whom it is from: the side, in units.
    upstream: String,
    status: u16,
    /// `complete`, `degraded` or `negative`.
    #[schema(example = "complete")]
    kind: &'static str,
    /// The part that is missing from a degraded one.
    missing: Option<String>,
    age: f64,
    /// How much longer it is fresh; negative when it is stale.
    ttl: i64,
    /// How long it took to get.
    took: f64,
    /// Bytes it takes.
    weight: u64,
    /// Bytes of its body.
    body: usize,
    /// Request fields that select it.
    vary: Vec<String>,
    /// Its fields, in their order.
    headers: Vec<FieldView>,
}

/// A field of a kept answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldView {
    #[schema(example = "cache-control")]
    name: String,
    /// Null unless it says only how the answer is kept: other values may say something about somebody.
    value: Option<String>,
}

/// What was thrown away.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PurgedView {
    /// Answers that were meant and went from the memory of this gateway.
    pub(crate) purged: usize,
    /// What becomes of the level that gateways share, and of the memory of all of them; null when there is no such level.
    /// `told`: the same goes there. `emptied`: everything goes there, since that level knows no patterns.
    pub(crate) shared: Option<&'static str>,
}

/// How far filling the cache is.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct WarmView {
    /// Whether it goes on.
    running: bool,
    /// URLs there are; 0 before the first time.
    total: usize,
    /// Of which the answer is kept now.
    done: usize,
    /// Of which it is not: the upstream failed, or its answer may not be kept.
    failed: usize,
    /// Left out, since their upstream had enough to do.
    skipped: usize,
}

impl From<(CacheStatus, Option<WarmProgress>)> for CacheView {
    fn from((cache, warming): (CacheStatus, Option<WarmProgress>)) -> Self {
        Self {
            memory: cache.memory,
            used: cache.used,
            items: cache.items,
            evictions: cache.evictions,
            stored: cache.stored.into_iter().collect(),
            fetches: cache.fetches,
            held: cache.held,
            invalidated: cache.invalidated,
            second: cache.second.map(SecondView::from),
            warming: warming.map(WarmView::from),
        }
    }
}

impl From<SecondStatus> for SecondView {
    fn from(second: SecondStatus) -> Self {
        Self { counts: second.counts.into_iter().collect(), queued: second.queued }
    }
}

impl From<CachedAnswer> for EntryView {
    fn from(answer: CachedAnswer) -> Self {
        let field = |(name, value)| FieldView { name, value };
        Self {
            url: answer.url,
            upstream: answer.upstream.to_string(),
            status: answer.status,
            kind: answer.kind,
            missing: answer.missing.map(|missing| missing.to_string()),
            age: seconds(answer.age),
            ttl: answer.ttl,
            took: seconds(answer.took),
            weight: answer.weight,
            body: answer.body,
            vary: answer.vary,
            headers: answer.headers.into_iter().map(field).collect(),
        }
    }
}

impl From<WarmProgress> for WarmView {
    fn from(progress: WarmProgress) -> Self {
        let WarmProgress { total, done, failed, skipped, running } = progress;
        Self { running, total, done, failed, skipped }
    }
}
