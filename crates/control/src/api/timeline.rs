//! What changed lately.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Outcome, Shared};
use crate::{problem::Problem, view::TimelineView};

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// Only entries after the one of this number; 0, which is all that are kept, unless given.
    since: Option<u64>,
}

/// What changed since the process started, oldest first: reloads, units, breakers, faults made on purpose, the cache. The last 1,000
/// entries are kept, in memory only.
#[utoipa::path(
    get, path = "/v1/timeline", operation_id = "show_timeline", security(("token" = [])), params(Since),
    responses(
        (status = 200, body = [TimelineView]), (status = 400, body = Problem), (status = 401, body = Problem)
    )
)]
pub(super) async fn show(
    State(shared): State<Shared>,
    since: Result<Query<Since>, QueryRejection>,
) -> Outcome<Json<Vec<TimelineView>>> {
    let Query(Since { since }) = since.map_err(|error| Problem::invalid(error.body_text()))?;
    let entries = shared.timeline.since(since.unwrap_or_default());
    Ok(Json(entries.into_iter().map(TimelineView::from).collect()))
}
