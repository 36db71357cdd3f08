//! How the process stands.

use axum::{Json, extract::State};

use super::Shared;
use crate::{problem::Problem, view::StatusView};

/// Version, start, readiness, running config and the last refused reload.
#[utoipa::path(
    get, path = "/v1/status", operation_id = "show_status", security(("token" = [])),
    responses((status = 200, body = StatusView), (status = 401, body = Problem))
)]
pub(super) async fn show(State(shared): State<Shared>) -> Json<StatusView> {
    let (verdict, reload) = (shared.verdict(), shared.reloader.status());
    let cut_off = shared.nodes.cut_off_since();
    Json(StatusView::new(shared.version, shared.started_at, verdict, reload, cut_off))
}
