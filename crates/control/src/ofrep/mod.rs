//! Flags for applications, by the OpenFeature Remote Evaluation Protocol (OFREP 0.1:
//! <https://github.com/open-feature/protocol>, `service/openapi.yaml`).
//!
//! Every language has a provider that speaks it, so that an application asks Banyan for a flag by the means it asks anybody,
//! and for `unit.NAME` gets the side that the gateway sends the same subject to.
//!
//! It has a listener, a token and a thread of its own: applications come by the thousand and may be wrong in every way,
//! while the admin API has to answer a person at any time. Nothing here changes anything, and nothing of a context is ever
//! logged.
mod answer;
mod body;
mod door;
mod handlers;
mod limiter;
mod series;
mod tag;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, middleware, routing::post};
use banyan_telemetry::metrics::Metrics;
use tokio::{net::TcpListener, sync::watch};

use self::{limiter::Limiter, series::Series};
use crate::{
    Token,
    flags::Flags,
    server::{self, Bounds},
    standing::Standing,
};

/// Where all flags are asked for; one of them a level deeper.
const FLAGS: &str = "/ofrep/v1/evaluate/flags";
/// Connections at once; more wait in the kernel's backlog. A connection costs a few KiB.
const CONNECTIONS: usize = 4096;
/// For a connection without a request. Providers keep theirs and may ask rarely.
const IDLE: Duration = Duration::from_secs(75);

/// The server of flags for applications.
pub struct Ofrep {
    shared: Shared,
}

/// What handlers share.
#[derive(Clone)]
struct Shared {
    flags: Arc<Flags>,
    standing: Arc<Standing>,
    limiter: Arc<Mutex<Limiter>>,
    token: Option<Arc<Token>>,
    series: Arc<Series>,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
struct Client(IpAddr);

impl Ofrep {
    pub(crate) fn new(
        flags: Arc<Flags>,
        standing: Arc<Standing>,
        metrics: Arc<Metrics>,
        token: Option<Token>,
    ) -> Self {
        let limiter = Arc::new(Mutex::new(Limiter::new()));
        let series = Arc::new(Series::new(metrics));
        Self { shared: Shared { flags, standing, limiter, token: token.map(Arc::new), series } }
    }

    /// Everything there is, for somebody on this machine.
    #[cfg(test)]
    pub(crate) fn router(&self) -> Router {
        router(self.shared.clone())
    }

    /// Answers applications until `shutdown` resolves, then ends what is under way within 5 s.
    ///
    /// Runs on any tokio runtime with time and I/O; give it a thread of its own.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let bounds = Bounds { connections: CONNECTIONS, idle: IDLE, what: "flags for applications" };
        let router = router(self.shared);
        let serve = server::serve_each(listener, stopped, bounds, move |peer| {
            router.clone().layer(axum::Extension(Client(peer.ip())))
        });
        tokio::pin!(serve);
        tokio::select! {
            () = &mut serve => return,
            () = shutdown => {}
        }
        stop.send_replace(true);
        serve.await;
    }
}

fn router(shared: Shared) -> Router {
    let door = middleware::from_fn_with_state(shared.clone(), door::pass);
    let count = middleware::from_fn_with_state(shared.clone(), series::count);
    Router::new()
        .route(FLAGS, post(handlers::bulk))
        .route(&format!("{FLAGS}/"), post(handlers::no_key))
        .route(&format!("{FLAGS}/{{*key}}"), post(handlers::single))
        .fallback(handlers::unknown)
        .method_not_allowed_fallback(handlers::wrong_method)
        .layer(door)
        .layer(count)
        .with_state(shared)
}
