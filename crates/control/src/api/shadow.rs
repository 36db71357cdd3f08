//! What comparing has found.

use axum::{
    Json,
    extract::{Path, State},
};
use banyan_state::shadow::ShadowReport;

use super::{Outcome, Shared};
use crate::{problem::Problem, standing::find, view::ShadowView};

/// The comparison of a unit's sides since the process started; zeros for a unit without shadow.
#[utoipa::path(
    get, path = "/v1/units/{name}/shadow", operation_id = "show_shadow", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = ShadowView), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(shared): State<Shared>,
    Path(name): Path<String>,
) -> Outcome<Json<ShadowView>> {
    find(&shared.standing.plan(), &name)?;
    let live = shared.standing.units().get(&name);
    // Copied under its lock, converted after: the data plane waits for no formatting.
    let report = live.map_or_else(ShadowReport::default, |live| live.with_shadow(|report| report.clone()));
    Ok(Json(ShadowView::from(&report)))
}
