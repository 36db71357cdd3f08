//! The control plane as a whole.

use std::{io, path::PathBuf, sync::Arc, time::SystemTime};

use axum::Router;
use banyan_config::plan::Plan;
use banyan_state::{Store, StoreError, live::Units};
use banyan_telemetry::{metrics::Metrics, timeline::Timeline};
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    DataPlane, Ofrep, Token,
    alerts::{Pace, Sender},
    api::{self, Shared},
    caching::Caching,
    flags::Flags,
    nodes::{Heart, Me, Nodes},
    reload::{Owner, on_change, on_hangup},
    rollout::{Conductor, Driver, changes},
    server,
    standing::{PATIENCE, Standing},
    switches::Switches,
    warm::Warmer,
};

/// What the control plane works with.
pub struct Parts {
    /// The plan the data plane starts with: generation 1.
    pub plan: Arc<Plan>,
    /// The file it came from; reloads read it again.
    pub config: PathBuf,
    /// What must survive.
    pub store: Arc<dyn Store>,
    /// Where units stand, shared with the data plane.
    pub units: Arc<Units>,
    /// The data plane.
    pub data_plane: Arc<dyn DataPlane>,
    /// All metrics; `/metrics` shows them, reloads are counted in them.
    pub metrics: Arc<Metrics>,
    /// Where changes are noted, shared with the data plane.
    pub timeline: Arc<Timeline>,
    /// The bearer token, see [`crate::load_or_create`].
    pub token: Token,
    /// Version of the program, for `/v1/status`.
    pub version: &'static str,
    /// Name of this node, which no other that shares the store has.
    pub node: Arc<str>,
}

/// The control plane: admin API, probes and reloading.
pub struct Control {
    pub(crate) shared: Shared,
    pub(crate) owner: Owner,
    pub(crate) warmer: Warmer,
    pub(crate) heart: Heart,
    pub(crate) sender: Sender,
    pub(crate) store: Arc<dyn Store>,
}

impl Control {
    /// Puts every unit and every rollout where it stands, see [`crate::restore`], says to other nodes that this one is there,
    /// and reads what the cache is to be filled with. Blocks on the disk.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(parts: Parts) -> Result<Self, StoreError> {
        let timeline = parts.timeline;
        let standing =
            Standing::new(parts.store.clone(), parts.units.clone(), parts.plan.clone(), timeline.clone())?;
        let standing = Arc::new(standing);
        let flags = Flags::new(parts.store.clone(), parts.units, &parts.plan, timeline.clone())?;
        let flags = Arc::new(flags);
        let (owner, reloader) = Owner::new(
            parts.config.clone(),
            standing.clone(),
            flags.clone(),
            parts.data_plane.clone(),
            parts.metrics.clone(),
            timeline.clone(),
        );
        let nodes = Arc::new(Nodes::new(Me {
            name: parts.node,
            address: parts.plan.admin.listen.to_string(),
            started_at: SystemTime::now(),
            program: parts.version,
        }));
        let alerted = Arc::<Notify>::default();
        let conductor = Conductor::new(
            parts.store.clone(),
            standing.clone(),
            nodes.clone(),
            timeline.clone(),
            parts.metrics.clone(),
            alerted.clone(),
        );
        conductor.restore()?;
        let heart = Heart::new(
            parts.store.clone(),
            nodes.clone(),
            standing.clone(),
            reloader.clone(),
            parts.metrics.clone(),
            timeline.clone(),
        );
        heart.first_beat();
        let sender =
            Sender::new(parts.store.clone(), nodes.clone(), parts.metrics.clone(), alerted, Pace::default());
        let began = Arc::<Notify>::default();
        let warmer = Warmer::new(
            parts.store.clone(),
            standing.clone(),
            parts.data_plane.clone(),
            timeline.clone(),
            began.clone(),
        );
        let shared = Shared {
            standing,
            nodes,
            conductor: Arc::new(conductor),
            flags,
            switches: Arc::new(Switches::new(parts.data_plane.clone(), timeline.clone())),
            caching: Caching::new(parts.data_plane.clone(), timeline.clone(), began),
            gate: warmer.gate(),
            timeline,
            data_plane: parts.data_plane,
            reloader,
            metrics: parts.metrics,
            token: Arc::new(parts.token),
            config: Arc::new(parts.config),
            version: parts.version,
            started_at: SystemTime::now(),
        };
        Ok(Self { shared, owner, warmer, heart, sender, store: parts.store })
    }

    /// What serves flags to applications; `token` is what it asks them for, if it does.
    #[must_use]
    pub fn ofrep(&self, token: Option<Token>) -> Ofrep {
        let Shared { flags, standing, metrics, .. } = &self.shared;
        Ofrep::new(flags.clone(), standing.clone(), metrics.clone(), token)
    }

    /// Serves the admin API on `admin`, probes on `probes` (or beside the API when `None`), and reloads the config on
    /// request, on SIGHUP and when the file changes, until `shutdown` resolves; then ends what is under way within 5 s.
    ///
    /// Meanwhile rollouts are driven if this node leads, what other nodes change is made live, alerts are sent, and the cache
    /// is filled as the plan says.
    ///
    /// Let `shutdown` resolve after the data plane has drained: `/readyz` says `draining` until then. Runs on any tokio
    /// runtime with time and I/O; give it a thread of its own, since it must answer when the data plane is busy.
    ///
    /// # Errors
    /// When SIGHUP cannot be handled, or there can be no more threads. A refused file watch is only logged: the other ways to reload stay.
    pub async fn serve(
        self,
        admin: TcpListener,
        probes: Option<TcpListener>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        let Self { shared, owner, warmer, heart, sender, store } = self;
        // Dropped at the end, which ends them all.
        let mut reloading = JoinSet::new();
        reloading.spawn(on_hangup(shared.reloader.clone())?);
        match on_change(&shared.config, shared.reloader.clone()) {
            Ok(watch) => drop(reloading.spawn(watch)),
            Err(error) => {
                tracing::warn!(%error, "the config file is not watched; reload by SIGHUP or the admin API");
            }
        }
        reloading.spawn(owner.run());
        reloading.spawn(heart.run());
        let changes = changes(&store)?;
        reloading.spawn(shared.flags.clone().follow(changes.clone()));
        reloading.spawn(Driver::new(shared.conductor.clone(), changes).run());
        reloading.spawn(sender.run());
        let (stop, stopped) = oneshot::channel();
        let mut warming = JoinSet::new();
        warming.spawn(warmer.run(stopped));
        serve_until(&shared, admin, probes, shutdown).await;
        // Dropped means the end too.
        drop(stop);
        // The disk may take its time; what it does not take by then was written a minute ago.
        drop(timeout(PATIENCE, warming.join_next()).await);
        Ok(())
    }
}

async fn serve_until(
    shared: &Shared,
    admin: TcpListener,
    probes: Option<TcpListener>,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopped) = watch::channel(false);
    let mut servers = JoinSet::new();
    let mut spawn = |listener, router: Router| {
        servers.spawn(server::serve(listener, router, stopped.clone()));
    };
    spawn(admin, api::admin(shared.clone(), probes.is_none()));
    if let Some(probes) = probes {
        spawn(probes, api::probes(shared.clone()));
    }
    shutdown.await;
    stop.send_replace(true);
    while servers.join_next().await.is_some() {}
}
