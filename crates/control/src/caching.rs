//! What people do to the cache: throw away, and fill. The one place where that is asked of the data plane, and noted who did
//! it and why: an empty cache sends everybody to the upstreams, so whoever looks after those wants to know.

use std::sync::Arc;

use banyan_state::CacheUrl;
use banyan_telemetry::timeline::{Kind, Timeline};
use tokio::{sync::Notify, task::spawn_blocking};

use crate::{
    CacheStatus, CachedAnswer, DataPlane, Purge, WarmProgress, WarmRefused, problem::Problem, refusal,
    switches::Hand, view::PurgedView,
};

/// Characters of what was purged that the timeline shows: a line is read at a glance, and the log has all of it.
const SHOWN: usize = 120;

/// The cache as people have it.
#[derive(Clone)]
pub(crate) struct Caching {
    data_plane: Arc<dyn DataPlane>,
    timeline: Arc<Timeline>,
    /// Told when a fill has begun.
    began: Arc<Notify>,
}

impl Caching {
    pub(crate) const fn new(
        data_plane: Arc<dyn DataPlane>,
        timeline: Arc<Timeline>,
        began: Arc<Notify>,
    ) -> Self {
        Self { data_plane, timeline, began }
    }

    /// How it is, and how far filling it is.
    pub(crate) fn status(&self) -> Result<(CacheStatus, Option<WarmProgress>), Problem> {
        let status = self.data_plane.cache().ok_or_else(refusal::no_cache)?;
        Ok((status, self.data_plane.warming()))
    }

    /// The kept answers to a URL.
    pub(crate) async fn inspect(&self, url: CacheUrl) -> Result<Vec<CachedAnswer>, Problem> {
        self.status()?;
        let data_plane = self.data_plane.clone();
        spawn_blocking(move || data_plane.inspect_cache(&url)).await.map_err(|_| refusal::internal())
    }

    /// Throws away what is meant. Done even when the caller does not wait for it.
    pub(crate) async fn purge(&self, purge: Purge, hand: Hand) -> Result<PurgedView, Problem> {
        let (data_plane, timeline) = (self.data_plane.clone(), self.timeline.clone());
        let work = spawn_blocking(move || {
            let is_shared = data_plane.cache()?.second.is_some();
            let gone = data_plane.purge_cache(&purge)?;
            let (kind, what) = in_words(&purge);
            let said = format!("purged {}: {gone} went from memory, {}", shown(kind, &what), hand.signed());
            timeline.note(Kind::Cache, said);
            let (action, by, why) = ("purge", &hand.by, &hand.why);
            tracing::info!(target: "audit", action, kind, what, gone, by, why, "cache changed");
            let shared = if is_named(&purge) { "told" } else { "emptied" };
            Some(PurgedView { purged: gone, shared: is_shared.then_some(shared) })
        });
        work.await.map_err(|_| refusal::internal())?.ok_or_else(refusal::no_cache)
    }

    /// Begins to fill it.
    pub(crate) fn warm(&self, urls: Vec<CacheUrl>, rate: u32, hand: &Hand) -> Result<(), Problem> {
        let count = urls.len();
        self.data_plane.warm(urls, rate).map_err(|refused| match refused {
            WarmRefused::NoCache => refusal::no_cache(),
            WarmRefused::Busy => refusal::warming(self.data_plane.warming()),
            WarmRefused::Draining => refusal::draining(),
        })?;
        let said = format!("filling with a list of {count}, {rate} a second, {}", hand.signed());
        self.timeline.note(Kind::Cache, said);
        self.began.notify_one();
        let (action, by, why) = ("warm", &hand.by, &hand.why);
        tracing::info!(target: "audit", action, urls = count, rate, by, why, "cache changed");
        Ok(())
    }
}

/// Whether the level that gateways share can find what is meant: by tags, of which a URL is one.
const fn is_named(purge: &Purge) -> bool {
    matches!(purge, Purge::Url(_) | Purge::Tag(_))
}

/// What was thrown away: of which kind, and which.
fn in_words(purge: &Purge) -> (&'static str, String) {
    match purge {
        Purge::Url(url) => ("url", format!("{}{}", url.host, url.target)),
        Purge::Tag(tag) => ("tag", tag.clone()),
        Purge::Pattern(pattern) => ("pattern", pattern.clone()),
        Purge::All => ("all", String::new()),
    }
}

/// The same for a line of the timeline.
fn shown(kind: &str, what: &str) -> String {
    let mut left = what.chars();
    let shown: String = left.by_ref().take(SHOWN).collect();
    let end = if left.next().is_some() { "..." } else { "" };
    if what.is_empty() { "everything".to_owned() } else { format!("{kind} '{shown}{end}'") }
}
