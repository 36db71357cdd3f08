//! Health, readiness and metrics.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

use super::{Outcome, Shared};
use crate::{
    Readiness,
    problem::Problem,
    view::{HealthView, ReadyView},
};

/// The media type of what `Metrics::render` gives.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The process lives.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = HealthView)))]
pub(super) async fn health() -> Json<HealthView> {
    Json(HealthView { status: "ok" })
}

/// The process takes traffic; 503 while it starts or drains.
#[utoipa::path(
    get, path = "/readyz", responses((status = 200, body = ReadyView), (status = 503, body = Problem))
)]
pub(super) async fn ready(State(shared): State<Shared>) -> Outcome<Json<ReadyView>> {
    let detail = match shared.data_plane.readiness() {
        Readiness::Ready => return Ok(Json(ReadyView { status: "ready" })),
        Readiness::Starting => "starting: no config is in effect on every worker yet",
        Readiness::Draining => "draining: what is under way is ended, nothing new is taken",
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
