//! Upstreams and their endpoints.

use axum::{Json, extract::State};

use super::Shared;
use crate::{problem::Problem, view::UpstreamView};

/// Every upstream with its endpoints, as they are now.
#[utoipa::path(
    get, path = "/v1/upstreams", operation_id = "list_upstreams", security(("token" = [])),
    responses((status = 200, body = [UpstreamView]), (status = 401, body = Problem))
)]
pub(super) async fn list(State(shared): State<Shared>) -> Json<Vec<UpstreamView>> {
    Json(shared.data_plane.upstreams().into_iter().map(UpstreamView::from).collect())
}
