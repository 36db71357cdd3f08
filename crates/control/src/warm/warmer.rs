//! The task that writes the list of what is asked for most, and has it asked for.

use std::{sync::Arc, time::Duration};

use banyan_config::plan::Warm;
use banyan_state::{CacheUrl, HotUrl, Store, StoreError};
use banyan_telemetry::timeline::{Kind, Timeline};
use tokio::{
    sync::{Notify, oneshot},
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

use super::{Gate, list::merged};
use crate::{DataPlane, WarmProgress, WarmRefused, standing::Standing};

/// How often the list is written. A process that is killed loses no more than that, out of hours.
const MINUTE: Duration = Duration::from_secs(60);
/// How often a fill under way is looked at: as late as that, the process is ready.
const LOOK: Duration = Duration::from_millis(100);

/// Writes the list, and has it asked for.
pub(crate) struct Warmer {
    store: Arc<dyn Store>,
    standing: Arc<Standing>,
    data_plane: Arc<dyn DataPlane>,
    timeline: Arc<Timeline>,
    gate: Arc<Gate>,
    began: Arc<Notify>,
    /// What was known before: what an earlier process wrote, until this one has seen enough itself. `None` while that could
    /// not be read.
    before: Option<Arc<[HotUrl]>>,
    /// The list in the store, as far as it is known.
    written: Arc<[HotUrl]>,
    /// What this process has seen by itself, when the list was last written.
    seen: Arc<[HotUrl]>,
    /// When all was last asked for.
    warmed: Instant,
    /// Whether a fill is under way that has to be looked at.
    watching: bool,
}

impl Warmer {
    /// Reads the list if the plan says that the cache is filled. Blocks on the disk.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        standing: Arc<Standing>,
        data_plane: Arc<dyn DataPlane>,
        timeline: Arc<Timeline>,
        began: Arc<Notify>,
    ) -> Self {
        let (now, warm) = (Instant::now(), configured(&standing));
        let before = warm.and_then(|_| readable(store.hot_urls()));
        let total = warm.map_or(0, |warm| before.as_ref().map_or(0, |before| before.len()).min(warm.top));
        let wait = warm.map_or(Duration::ZERO, |warm| warm.ready_within);
        Self {
            gate: Arc::new(Gate::new(total, now + wait)),
            written: before.clone().unwrap_or_default(),
            store,
            standing,
            data_plane,
            timeline,
            began,
            before,
            seen: Arc::default(),
            warmed: now,
            watching: false,
        }
    }

    /// What holds the process back from being ready.
    pub(crate) fn gate(&self) -> Arc<Gate> {
        self.gate.clone()
    }

    /// Goes on until `stop` says so or its sender is gone; then writes the list a last time.
    pub(crate) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        self.begin();
        let mut minutes = interval_at(Instant::now() + MINUTE, MINUTE);
        minutes.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = &mut stop => break,
                now = minutes.tick() => self.minute(now).await,
                () = self.began.notified() => self.watching = true,
                () = sleep(LOOK), if self.watching => self.look(),
            }
        }
        if let Some(warm) = configured(&self.standing) {
            self.write(warm).await;
        }
    }

    /// At the start.
    fn begin(&mut self) {
        let Some(warm) = configured(&self.standing) else { return };
        match self.before.clone() {
            Some(before) if !before.is_empty() => self.warm(&before, warm),
            Some(_) => tracing::info!("the cache is not filled: what is asked for most is not known yet"),
            None => {}
        }
    }

    async fn minute(&mut self, now: Instant) {
        let Some(warm) = configured(&self.standing) else {
            // Should it be configured again, then from now on.
            self.warmed = now;
            return;
        };
        if let Some(progress) = self.data_plane.warming().filter(|progress| progress.running) {
            let (over, total) = (progress.over(), progress.total);
            tracing::info!(over, total, "the cache is being filled");
        }
        self.write(warm).await;
        if now.saturating_duration_since(self.warmed) >= warm.every {
            self.warmed = now;
            let list = self.written.clone();
            self.warm(&list, warm);
            self.forget();
        }
    }

    /// Forgets what was known before, once this process knows enough by itself: what nobody asks for any more would be
    /// asked for by us for ever. A quiet night teaches too little.
    fn forget(&mut self) {
        let seen = &self.seen;
        if self.before.as_ref().is_some_and(|before| before.len() / 2 <= seen.len()) {
            self.before = Some(seen.clone());
        }
    }

    /// Has it asked for, or says why not.
    fn warm(&mut self, list: &[HotUrl], warm: Warm) {
        let urls: Vec<CacheUrl> = list.iter().take(warm.top).map(|hot| hot.url.clone()).collect();
        if urls.is_empty() {
            return;
        }
        let (count, rate) = (urls.len(), warm.rate);
        match self.data_plane.warm(urls, rate) {
            Ok(()) => {
                self.watching = true;
                let said = format!("filling with the {count} that are asked for most, {rate} a second");
                self.timeline.note(Kind::Cache, said);
                tracing::info!(urls = count, rate, "filling the cache with what is asked for most");
            }
            Err(why) => {
                self.gate.open();
                let why = match why {
                    WarmRefused::NoCache => "there is none",
                    WarmRefused::Busy => "it is being filled already",
                    WarmRefused::Draining => "the gateway is shutting down",
                };
                tracing::warn!(why, "the cache is not filled");
            }
        }
    }

    /// Opens the gate once the fill is over, and notes what came of it.
    fn look(&mut self) {
        let progress = self.data_plane.warming();
        if progress.is_some_and(|progress| progress.running) {
            return;
        }
        self.watching = false;
        self.gate.open();
        if let Some(WarmProgress { total, done, failed, skipped, .. }) = progress {
            let said = format!("filled: {done} of {total} kept, {failed} not kept, {skipped} left out");
            self.timeline.note(Kind::Cache, said);
        }
    }

    /// Writes what is asked for most, unless that is what is written there already.
    async fn write(&mut self, warm: Warm) {
        let (store, data_plane) = (self.store.clone(), self.data_plane.clone());
        let (before, written) = (self.before.clone(), self.written.clone());
        let work = spawn_blocking(move || {
            // What was never read must not be overwritten with the little that was seen since.
            let before = before.map_or_else(|| store.hot_urls().map(Arc::from), Ok)?;
            let seen: Arc<[HotUrl]> = data_plane.hottest(warm.top).into();
            let list: Arc<[HotUrl]> = merged(&seen, &before, warm.top).into();
            if !list.is_empty() && *list != *written {
                store.set_hot_urls(&list)?;
            }
            Ok::<_, StoreError>((before, list, seen))
        });
        match work.await {
            Ok(Ok((before, list, seen))) => {
                (self.before, self.written, self.seen) = (Some(before), list, seen);
            }
            Ok(Err(error)) => tracing::warn!(%error, "what is asked for most is not written down"),
            Err(error) => tracing::error!(%error, "what is asked for most cannot be gathered"),
        }
    }
}

/// What the running plan says.
fn configured(standing: &Standing) -> Option<Warm> {
    standing.plan().cache.as_ref()?.warm
}

/// `None` when it could not be read, which is only logged.
fn readable(read: Result<Vec<HotUrl>, StoreError>) -> Option<Arc<[HotUrl]>> {
    read.map(Arc::from)
        .inspect_err(
            |error| tracing::warn!(%error, "the cache is not filled: what is asked for most cannot be read"),
        )
        .ok()
}
