//! The task that sends what waits in the store.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use banyan_state::{AlertRecord, Store, StoreError};
use banyan_telemetry::metrics::{AlertLabels, Metrics};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{Failure, Letter, Pace, Target, mail, webhook::Poster};
use crate::{ask::ask, nodes::Nodes};

/// How often the store is asked without a reason: alerts of another leader, and those that are tried again.
const EVERY: Duration = Duration::from_secs(1);
/// Tries under way at once. With ten that hang, others still pass.
const AT_ONCE: usize = 16;
/// Before a store that could not note that an alert was sent is told again.
const REST: Duration = Duration::from_secs(1);

/// Sends alerts, as long as this node leads.
pub(crate) struct Sender {
    store: Arc<dyn Store>,
    nodes: Arc<Nodes>,
    metrics: Arc<Metrics>,
    wake: Arc<Notify>,
    pace: Pace,
    poster: Option<Poster>,
}

/// What one try needs, on its own.
#[derive(Clone)]
struct Try {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    pace: Pace,
    poster: Option<Poster>,
}

/// How a try ended.
enum End {
    Sent,
    /// To be tried again after this time.
    Again(Duration, String),
    /// It never will be sent.
    Never(String),
}

impl Sender {
    /// A sender that looks after the store at once when `wake` is notified.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        nodes: Arc<Nodes>,
        metrics: Arc<Metrics>,
        wake: Arc<Notify>,
        pace: Pace,
    ) -> Self {
        Self { store, nodes, metrics, wake, pace, poster: Poster::new() }
    }

    /// For ever. Dropping it drops what is under way, which is then sent by whoever leads next.
    pub(crate) async fn run(self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tries: JoinSet<u64> = JoinSet::new();
        let mut under_way = HashSet::new();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.wake.notified() => {}
                Some(ended) = tries.join_next() => match ended {
                    Ok(id) => drop(under_way.remove(&id)),
                    Err(error) => tracing::error!(%error, "an alert could not be sent"),
                },
            }
            if !self.nodes.leads() {
                continue;
            }
            let room = AT_ONCE.saturating_sub(tries.len());
            for alert in self.due(AT_ONCE + under_way.len()).await.into_iter().take(room) {
                if under_way.insert(alert.id) {
                    tries.spawn(self.one_try().run(alert));
                }
            }
        }
    }

    async fn due(&self, limit: usize) -> Vec<AlertRecord> {
        let due = ask(&self.store, move |store| store.alerts_due(SystemTime::now(), limit)).await;
        // A store that cannot be reached says so elsewhere, once.
        due.inspect_err(|error| tracing::debug!(%error, "alerts that wait cannot be read"))
            .unwrap_or_default()
    }

    fn one_try(&self) -> Try {
        let Self { store, metrics, pace, poster, .. } = self;
        Try { store: store.clone(), metrics: metrics.clone(), pace: *pace, poster: poster.clone() }
    }
}

impl Try {
    /// One try, to the note in the store of how it ended. The number of the alert.
    async fn run(self, alert: AlertRecord) -> u64 {
        let id = alert.id;
        let target = Target::read(&alert.target);
        let kind = target.as_ref().map_or("unknown", Target::kind);
        let shown = target.as_ref().map(Target::shown).unwrap_or_default();
        let end = self.send(&alert, target).await;
        let (result, unit, key) = (end.result(), &alert.unit, &alert.key);
        self.metrics.alerts.get_or_create(&AlertLabels { target: kind, result }).inc();
        match end {
            End::Sent => {
                tracing::info!(unit, key, target = shown, "alert sent");
                self.note(move |store| store.alert_sent(id)).await;
            }
            End::Again(wait, why) => {
                tracing::warn!(unit, key, target = shown, why, again_in_s = wait.as_secs(), "alert not sent");
                let next_at = SystemTime::now() + wait;
                self.note(move |store| store.alert_failed(id, next_at, &why)).await;
            }
            End::Never(why) => {
                tracing::error!(unit, key, target = shown, why, "alert given up");
                self.note(move |store| store.alert_sent(id)).await;
            }
        }
        id
    }

    async fn send(&self, alert: &AlertRecord, target: Option<Target>) -> End {
        let (Some(target), Some(letter)) = (target, Letter::read(&alert.body)) else {
            return End::Never(
                "another version of the program wrote it in a form that this one does not know".to_owned(),
            );
        };
        let at_most = self.pace.timeout;
        let sent = match (&target, &self.poster) {
            (Target::Webhook(url), Some(poster)) => poster.post(url, &letter, at_most).await,
            (Target::Webhook(_), None) => Err("this machine can do no TLS".to_owned().into()),
            (Target::Smtp { host, port, tls, login, from, to }, _) => {
                let server = mail::Server { host, port: *port, tls, login: login.as_ref() };
                mail::send(server, (from, to), (&alert.key, &letter), at_most).await.map_err(Failure::from)
            }
        };
        let Err(Failure { why, retry_after }) = sent else { return End::Sent };
        match self.pace.wait(alert.tries, retry_after, letter.age(SystemTime::now())) {
            Some(wait) => End::Again(wait, why),
            None => End::Never(format!("{why}, and that for too long")),
        }
    }

    /// Until it is noted: what was sent must not be sent again because the store was away for a moment.
    async fn note(&self, write: impl Fn(&dyn Store) -> Result<(), StoreError> + Clone + Send + 'static) {
        while let Err(error) = ask(&self.store, write.clone()).await {
            tracing::debug!(%error, "what became of an alert cannot be noted yet");
            sleep(REST).await;
        }
    }
}

impl End {
    /// For the metric.
    const fn result(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Again(..) => "failed",
            Self::Never(_) => "given_up",
        }
    }
}
