//! The task that owns reloading, and the handle to ask it.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Instant, SystemTime},
};

use banyan_config::plan::Plan;
use banyan_telemetry::{
    metrics::Metrics,
    timeline::{Kind, Timeline},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::spawn_blocking,
};

use super::{Failure, ReloadError, ReloadStatus, Trigger, milliseconds, restart};
use crate::{DataPlane, flags::Flags, standing::Standing};

/// Requests that wait while a reload is under way. All of them are answered by the next one, so more are not needed.
const QUEUE: usize = 16;

/// A request, and who waits for its end.
struct Request {
    trigger: Trigger,
    answer: Option<oneshot::Sender<Result<(), Arc<ReloadError>>>>,
}

/// Asks for reloads and knows how they stand.
#[derive(Clone)]
pub(crate) struct Reloader {
    requests: mpsc::Sender<Request>,
    status: watch::Receiver<ReloadStatus>,
}

/// Loads, checks and applies, one reload at a time.
pub(crate) struct Owner {
    requests: mpsc::Receiver<Request>,
    status: watch::Sender<ReloadStatus>,
    config: PathBuf,
    standing: Arc<Standing>,
    flags: Arc<Flags>,
    data_plane: Arc<dyn DataPlane>,
    metrics: Arc<Metrics>,
    timeline: Arc<Timeline>,
}

impl Reloader {
    /// Asks without waiting. A full queue loses nothing: what waits there reads the file later than now.
    pub(crate) fn ask(&self, trigger: Trigger) {
        drop(self.requests.try_send(Request { trigger, answer: None }));
    }

    /// Asks and waits for the end; `None` when too many wait already or the process is stopping.
    pub(crate) async fn reload(&self, trigger: Trigger) -> Option<Result<(), Arc<ReloadError>>> {
        let (answer, end) = oneshot::channel();
        self.requests.try_send(Request { trigger, answer: Some(answer) }).ok()?;
        end.await.ok()
    }

    /// How reloading stands now.
    pub(crate) fn status(&self) -> ReloadStatus {
        self.status.borrow().clone()
    }

    /// How reloading stands, once it fits `wanted`.
    #[cfg(test)]
    pub(crate) async fn wait_for(&mut self, wanted: impl FnMut(&ReloadStatus) -> bool) -> ReloadStatus {
        self.status.wait_for(wanted).await.unwrap().clone()
    }
}

impl Owner {
    /// An owner for the plan that runs already, which is generation 1, and a handle to it.
    pub(crate) fn new(
        config: PathBuf,
        standing: Arc<Standing>,
        flags: Arc<Flags>,
        data_plane: Arc<dyn DataPlane>,
        metrics: Arc<Metrics>,
        timeline: Arc<Timeline>,
    ) -> (Self, Reloader) {
        let (sender, requests) = mpsc::channel(QUEUE);
        let hash = standing.plan().hash.clone();
        let first = ReloadStatus { generation: 1, hash, applied_at: SystemTime::now(), last_error: None };
        metrics.generation.set(1);
        let (status, watch) = watch::channel(first);
        let owner = Self { requests, status, config, standing, flags, data_plane, metrics, timeline };
        (owner, Reloader { requests: sender, status: watch })
    }

    /// Serves requests until nobody can ask any more.
    pub(crate) async fn run(mut self) {
        while let Some(first) = self.requests.recv().await {
            let mut batch = vec![first];
            while let Ok(next) = self.requests.try_recv() {
                batch.push(next);
            }
            // A file event says only that something happened to the file; a person or a program means it.
            let triggers = batch.iter().map(|request| request.trigger);
            let trigger = triggers.reduce(|one, next| if one == Trigger::File { next } else { one });
            let end = self.reload(trigger.unwrap_or(Trigger::File)).await;
            for answer in batch.into_iter().filter_map(|request| request.answer) {
                // Whoever stopped waiting needs no answer.
                drop(answer.send(end.clone()));
            }
        }
    }

    async fn reload(&mut self, trigger: Trigger) -> Result<(), Arc<ReloadError>> {
        let start = Instant::now();
        match self.load_and_apply(trigger).await {
            Ok(applied) => {
                self.succeed(applied.as_deref());
                if applied.is_some() {
                    let generation = self.status.borrow().generation;
                    tracing::info!(generation, %trigger, took_ms = milliseconds(start), "config applied");
                    let text = format!("config applied, generation {generation} (by {trigger})");
                    self.timeline.note(Kind::Reload, text);
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(%trigger, %error, "config refused, the old one stays");
                let text = format!("config refused, the old one stays (by {trigger}): {error}");
                self.timeline.note(Kind::Reload, text);
                let error = Arc::new(error);
                self.fail(Failure { at: SystemTime::now(), trigger, error: error.clone() });
                Err(error)
            }
        }
    }

    /// The plan that was applied; `None` when the file says what it said before and nobody insists.
    async fn load_and_apply(&self, trigger: Trigger) -> Result<Option<Arc<Plan>>, ReloadError> {
        let config = self.config.clone();
        let plan = match spawn_blocking(move || banyan_config::load(&config)).await {
            Ok(loaded) => Arc::new(loaded.map_err(ReloadError::Config)?),
            Err(failed) => return Err(ReloadError::Failed(failed.to_string())),
        };
        let running = self.standing.plan();
        if trigger == Trigger::File && plan.hash == running.hash {
            return Ok(None);
        }
        let keys = restart::needed(&running, &plan);
        if !keys.is_empty() {
            return Err(ReloadError::NeedsRestart(keys));
        }
        let flags = self.flags.prepare(&plan).await.map_err(ReloadError::Flags)?;
        let apply = async |plan| self.data_plane.apply(plan).await;
        self.standing.adopt(plan.clone(), apply).await.map_err(ReloadError::Refused)?;
        flags.adopt(&plan);
        Ok(Some(plan))
    }

    /// Whatever was wrong before is over. `applied` is `None` when the running plan was confirmed.
    fn succeed(&self, applied: Option<&Plan>) {
        self.status.send_modify(|status| {
            status.last_error = None;
            if let Some(plan) = applied {
                status.generation += 1;
                status.hash.clone_from(&plan.hash);
                status.applied_at = SystemTime::now();
            }
        });
        let generation = self.status.borrow().generation;
        self.metrics.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.metrics.last_reload_failed.set(0);
    }

    fn fail(&self, failure: Failure) {
        self.status.send_modify(|status| status.last_error = Some(failure));
        self.metrics.reload_failures.inc();
        self.metrics.last_reload_failed.set(1);
    }
}
