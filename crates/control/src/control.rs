//! The control plane as a whole.

use std::{io, path::PathBuf, sync::Arc, time::SystemTime};

use axum::Router;
use banyan_config::plan::Plan;
use banyan_state::{Store, StoreError, live::Units};
use banyan_telemetry::{metrics::Metrics, timeline::Timeline};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    DataPlane, Token,
    api::{self, Shared},
    reload::{Owner, on_change, on_hangup},
    server,
    standing::Standing,
    switches::Switches,
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
}

/// The control plane: admin API, probes and reloading.
pub struct Control {
    pub(crate) shared: Shared,
    pub(crate) owner: Owner,
}

impl Control {
    /// Puts every unit where it stands, see [`crate::restore`]. Blocks on the disk; call it before the data plane
    /// opens a listener.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(parts: Parts) -> Result<Self, StoreError> {
        let timeline = parts.timeline;
        let standing = Standing::new(parts.store, parts.units, parts.plan, timeline.clone())?;
        let standing = Arc::new(standing);
        let (owner, reloader) = Owner::new(
            parts.config.clone(),
            standing.clone(),
            parts.data_plane.clone(),
            parts.metrics.clone(),
            timeline.clone(),
        );
        let shared = Shared {
            standing,
            switches: Arc::new(Switches::new(parts.data_plane.clone(), timeline.clone())),
            timeline,
            data_plane: parts.data_plane,
            reloader,
            metrics: parts.metrics,
            token: Arc::new(parts.token),
            config: Arc::new(parts.config),
            version: parts.version,
            started_at: SystemTime::now(),
        };
        Ok(Self { shared, owner })
    }

    /// Serves the admin API on `admin`, probes on `probes` (or beside the API when `None`), and reloads the config on
    /// request, on SIGHUP and when the file changes, until `shutdown` resolves; then ends what is under way within 5 s.
    ///
    /// Let `shutdown` resolve after the data plane has drained: `/readyz` says `draining` until then. Runs on any tokio
    /// runtime with time and I/O; give it a thread of its own, since it must answer when the data plane is busy.
    ///
    /// # Errors
    /// When SIGHUP cannot be handled. A refused file watch is only logged: the other ways to reload stay.
    pub async fn serve(
        self,
        admin: TcpListener,
        probes: Option<TcpListener>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        let Self { shared, owner } = self;
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
        serve_until(&shared, admin, probes, shutdown).await;
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
