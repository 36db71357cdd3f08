//! Health, readiness and metrics.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

use super::{Outcome, Shared};
use crate::{
    problem::Problem,
    readiness::Verdict,
    view::{HealthView, ReadyView, rfc3339},
};

/// The media type of what `Metrics::render` gives.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The process lives.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = HealthView)))]
pub(super) async fn health() -> Json<HealthView> {
    Json(HealthView { status: "ok" })
}

/// The process takes traffic; 503 while it starts, fills its cache at the start (`cache.warm.ready_within`) or drains.
#[utoipa::path(
    get, path = "/readyz", responses((status = 200, body = ReadyView), (status = 503, body = Problem))
)]
pub(super) async fn ready(State(shared): State<Shared>) -> Outcome<Json<ReadyView>> {
    let detail = match shared.verdict() {
        Verdict::Ready => {
            let cut_off_since = shared.nodes.cut_off_since().map(rfc3339);
            return Ok(Json(ReadyView { status: "ready", cut_off_since }));
        }
        Verdict::Starting => "starting: no config is in effect on every worker yet".to_owned(),
        Verdict::Warming { over, total } => format!("warming {over} of {total}: the cache is filled first"),
        Verdict::Draining => "draining: what is under way is ended, nothing new is taken".to_owned(),
    };
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "Not ready", detail))
}

/// Metrics for Prometheus, in the OpenMetrics format.
#[utoipa::path(
    get, path = "/metrics",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, OPENMETRICS)], shared.metrics.render()).into_response()
}
