//! The routes, and the document that describes them. Both come from the same annotations, so they cannot drift.
mod breakers;
mod cache;
mod chaos;
mod config;
mod flags;
mod nodes;
mod openapi;
mod probes;
mod rollouts;
mod shadow;
mod status;
mod timeline;
mod units;
mod upstreams;

use std::{path::PathBuf, sync::Arc, time::SystemTime};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use banyan_telemetry::{metrics::Metrics, timeline::Timeline};
use http::{Method, StatusCode, Uri};
use tokio::time::Instant;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt as _},
    routes,
};

use crate::{
    DataPlane, Token, caching::Caching, flags::Flags, guard, limit, nodes::Nodes, problem::Problem,
    readiness::Verdict, reload::Reloader, rollout::Conductor, standing::Standing, switches::Switches,
    warm::Gate,
};

/// Bytes of a request body; ours have a few hundred.
const MAX_BODY: usize = 64 * 1024;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) standing: Arc<Standing>,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) conductor: Arc<Conductor>,
    pub(crate) flags: Arc<Flags>,
    pub(crate) switches: Arc<Switches>,
    pub(crate) caching: Caching,
    pub(crate) gate: Arc<Gate>,
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) data_plane: Arc<dyn DataPlane>,
    pub(crate) reloader: Reloader,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) token: Arc<Token>,
    pub(crate) config: Arc<PathBuf>,
    pub(crate) version: &'static str,
    pub(crate) started_at: SystemTime,
}

impl Shared {
    /// Whether the process takes traffic now.
    fn verdict(&self) -> Verdict {
        Verdict::at(Instant::now(), &self.data_plane, &self.gate)
    }
}

/// A handler's end.
type Outcome<T> = Result<T, Problem>;

/// What needs the token.
fn protected() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(units::list))
        .routes(routes!(units::show, units::set))
        .routes(routes!(units::hold))
        .routes(routes!(units::release))
        .routes(routes!(units::back))
        .routes(routes!(units::reset))
        .routes(routes!(units::history))
        .routes(routes!(rollouts::list))
        .routes(routes!(rollouts::show))
        .routes(routes!(rollouts::start))
        .routes(routes!(rollouts::pause))
        .routes(routes!(rollouts::resume))
        .routes(routes!(rollouts::promote))
        .routes(routes!(rollouts::abort))
        .routes(routes!(rollouts::history))
        .routes(routes!(nodes::list))
        .routes(routes!(flags::list))
        .routes(routes!(flags::show, flags::set, flags::retire))
        .routes(routes!(flags::enable))
        .routes(routes!(flags::disable))
        .routes(routes!(flags::reset))
        .routes(routes!(flags::history))
        .routes(routes!(flags::evaluate))
        .routes(routes!(shadow::show))
        .routes(routes!(upstreams::list))
        .routes(routes!(breakers::list))
        .routes(routes!(breakers::force, breakers::release))
        .routes(routes!(chaos::list))
        .routes(routes!(chaos::set_upstream, chaos::clear_upstream))
        .routes(routes!(chaos::set_route, chaos::clear_route))
        .routes(routes!(cache::show))
        .routes(routes!(cache::entries))
        .routes(routes!(cache::purge))
        .routes(routes!(cache::warm, cache::warming).layer(DefaultBodyLimit::max(cache::MAX_LIST)))
        .routes(routes!(timeline::show))
        .routes(routes!(status::show))
        .routes(routes!(config::show))
        .routes(routes!(config::reload))
}

/// What orchestrators and scrapers ask for, without a token.
fn open() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(probes::health))
        .routes(routes!(probes::ready))
        .routes(routes!(probes::metrics))
}

/// The admin API. Probes are part of it unless they have a listener of their own.
pub(crate) fn admin(shared: Shared, with_probes: bool) -> Router {
    let bearer = middleware::from_fn_with_state(shared.clone(), guard::bearer);
    let document = openapi::document();
    let mut router: Router<Shared> = Router::from(protected()).route_layer(bearer);
    if with_probes {
        router = router.merge(Router::from(open()));
    }
    let router = router.route("/openapi.json", get(move || openapi::serve(document)));
    let same_host = middleware::from_fn_with_state(shared.clone(), guard::same_host);
    finish(router).layer(same_host).with_state(shared)
}

/// Health, readiness and metrics on their own.
pub(crate) fn probes(shared: Shared) -> Router {
    finish(Router::from(open())).with_state(shared)
}

/// What every router here has: limits, and problems for what it does not know.
fn finish(router: Router<Shared>) -> Router<Shared> {
    router
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(limit::time))
}

async fn unknown(uri: Uri) -> Response {
    let detail = format!("there is nothing at {}; /openapi.json says what there is", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail).into_response()
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let detail = format!("{} does not take {method}; see the Allow field", uri.path());
    let title = "Method not allowed";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, detail).into_response()
}
