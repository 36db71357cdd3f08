//! The nodes that share a store.

use axum::{Json, extract::State};

use super::Shared;
use crate::{problem::Problem, view::NodesView};

/// Every node that shares the store, as this one knows it: what it runs, when it was last heard of, who leads. As of the last
/// beat, which is a second old at most, unless this node is cut off from the store.
#[utoipa::path(
    get, path = "/v1/nodes", operation_id = "list_nodes", security(("token" = [])),
    responses((status = 200, body = NodesView), (status = 401, body = Problem))
)]
pub(super) async fn list(State(shared): State<Shared>) -> Json<NodesView> {
    let plan = shared.standing.plan();
    Json(NodesView::new(&shared.nodes, &plan.fingerprint))
}
