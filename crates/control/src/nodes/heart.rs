//! The task that says every second that this node is there, and hears who else is.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use banyan_state::{Beat, NodeRecord, Store, StoreError, Term};
use banyan_telemetry::{
    metrics::Metrics,
    timeline::{Kind, Timeline},
};
use tokio::time::{MissedTickBehavior, interval};

use super::Nodes;
use crate::{ask::ask, reload::Reloader, standing::Standing};

/// Between two beats.
const EVERY: Duration = Duration::from_secs(1);
/// A node that was not heard of for so long will not come back under that name.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// Beats for a node.
pub(crate) struct Heart {
    store: Arc<dyn Store>,
    nodes: Arc<Nodes>,
    standing: Arc<Standing>,
    reloader: Reloader,
    metrics: Arc<Metrics>,
    timeline: Arc<Timeline>,
}

impl Heart {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        nodes: Arc<Nodes>,
        standing: Arc<Standing>,
        reloader: Reloader,
        metrics: Arc<Metrics>,
        timeline: Arc<Timeline>,
    ) -> Self {
        Self { store, nodes, standing, reloader, metrics, timeline }
    }

    /// For ever.
    pub(crate) async fn run(self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.beat().await;
        }
    }

    /// Once.
    pub(crate) async fn beat(&self) {
        let beat = self.what_to_say();
        self.hear(ask(&self.store, move |store| exchange(store, &beat)).await);
    }

    /// The same where waiting for the store may block, before anything else runs.
    pub(crate) fn first_beat(&self) {
        let beat = self.what_to_say();
        let heard = self.store.beat(&beat).and_then(|()| exchange(&*self.store, &beat));
        self.hear(heard);
    }

    fn what_to_say(&self) -> Beat {
        let me = self.nodes.me();
        Beat {
            node: me.name.to_string(),
            address: me.address.clone(),
            started_at: me.started_at,
            config_hash: self.standing.plan().fingerprint.to_string(),
            program: me.program.to_owned(),
            generation: self.reloader.status().generation,
            cut_off_since: self.nodes.cut_off_since(),
        }
    }

    fn hear(&self, heard: Result<(Option<Term>, Vec<NodeRecord>), StoreError>) {
        let change = match heard {
            Ok((term, nodes)) => self.nodes.heard(term, nodes),
            Err(error) => {
                let change = self.nodes.missed(&error, SystemTime::now());
                if change.away {
                    tracing::error!(%error, "cut off from the state store; serving goes on as it was");
                    self.timeline.note(Kind::Node, format!("cut off from the state store: {error}"));
                }
                change
            }
        };
        if change.back {
            tracing::info!("the state store can be reached again");
            self.timeline.note(Kind::Node, "the state store can be reached again");
        }
        if change.twin {
            let name = &self.nodes.me().name;
            tracing::error!(%name, "another process has the name of this node; no rollout goes up meanwhile");
            self.timeline.note(Kind::Node, format!("another process is called {name}, too"));
        }
        if let Some(leads) = change.leads {
            tracing::info!(leads, "who drives rollouts has changed");
        }
        self.metrics.store_cut_off.set(self.nodes.cut_off_since().is_some().into());
        self.metrics.rollout_leader.set(self.nodes.leads().into());
    }
}

/// Hears of all nodes, says that this one is there, and asks for the lead.
///
/// In this order: what was said last under the name of this node was said by itself, unless another process has that name.
fn exchange(store: &dyn Store, beat: &Beat) -> Result<(Option<Term>, Vec<NodeRecord>), StoreError> {
    let nodes = store.nodes()?;
    store.beat(beat)?;
    let term = store.lead(&beat.node)?;
    if term.is_some() {
        for gone in nodes.iter().filter(|node| node.last_seen > FORGOTTEN) {
            store.forget_node(&gone.beat.node)?;
        }
    }
    Ok((term, nodes))
}
