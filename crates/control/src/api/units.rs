//! Units: look, move, hold, release, bring back, reset.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use http::{HeaderMap, header};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Outcome, Shared};
use crate::{
    extract::{Body, Reason, Share, if_match},
    order::{Action, Order},
    problem::Problem,
    standing::find,
    view::{HistoryView, UnitView},
};

/// Entries of a history unless asked for another number.
const HISTORY: usize = 50;
/// Entries of a history at most.
const MAX_HISTORY: usize = 1000;

/// A unit, with its version as `ETag`.
type Tagged = ([(header::HeaderName, String); 1], Json<UnitView>);

/// How much of a history is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Limit {
    /// Entries at most, 1 to 1,000; 50 unless given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl Limit {
    /// How many entries are wanted.
    pub(super) fn check(limit: Result<Query<Self>, QueryRejection>) -> Outcome<usize> {
        let Query(Self { limit }) = limit.map_err(|error| Problem::invalid(error.body_text()))?;
        let limit = limit.unwrap_or(HISTORY);
        if (1..=MAX_HISTORY).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::invalid(format!("limit is {limit}: it lies between 1 and {MAX_HISTORY}")))
    }
}

/// Every unit, in the order of the config.
#[utoipa::path(
    get, path = "/v1/units", operation_id = "list_units", security(("token" = [])),
    responses((status = 200, body = [UnitView]), (status = 401, body = Problem))
)]
pub(super) async fn list(State(shared): State<Shared>) -> Json<Vec<UnitView>> {
    let plan = shared.standing.plan();
    Json(plan.units.iter().map(|unit| view(&shared, &plan, unit)).collect())
}

/// One unit.
#[utoipa::path(
    get, path = "/v1/units/{name}", operation_id = "show_unit", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = UnitView), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn show(State(shared): State<Shared>, Path(name): Path<String>) -> Outcome<Tagged> {
    tagged(&shared, &name)
}

/// Moves a unit to a share. Durable and effective when answered; a held unit is not moved.
#[utoipa::path(
    put, path = "/v1/units/{name}", operation_id = "set_unit", security(("token" = [])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Share,
    responses(
        (status = 200, body = UnitView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn set(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(share): Body<Share>,
) -> Outcome<Tagged> {
    let (percent, by, why) = share.check()?;
    order(&shared, &headers, Order { unit: name, action: Action::Set(percent), by, why, versions: None })
        .await
}

/// Keeps a unit where it is: only back to 0 % is possible until it is released.
#[utoipa::path(
    post, path = "/v1/units/{name}/hold", operation_id = "hold_unit", security(("token" = [])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = UnitView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn hold(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    reason: Body<Reason>,
) -> Outcome<Tagged> {
    act(&shared, name, Action::Hold, &headers, reason).await
}

/// Ends a hold. The share stays.
#[utoipa::path(
    post, path = "/v1/units/{name}/release", operation_id = "release_unit", security(("token" = [])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = UnitView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn release(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    reason: Body<Reason>,
) -> Outcome<Tagged> {
    act(&shared, name, Action::Release, &headers, reason).await
}

/// Brings everybody back to legacy (0 %), held or not; a hold stays.
#[utoipa::path(
    post, path = "/v1/units/{name}/back", operation_id = "send_unit_back", security(("token" = [])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = UnitView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn back(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    reason: Body<Reason>,
) -> Outcome<Tagged> {
    act(&shared, name, Action::Back, &headers, reason).await
}

/// Forgets the share set at run time: the config decides again. A held unit is not reset.
#[utoipa::path(
    post, path = "/v1/units/{name}/reset", operation_id = "reset_unit", security(("token" = [])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = UnitView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn reset(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    reason: Body<Reason>,
) -> Outcome<Tagged> {
    act(&shared, name, Action::Reset, &headers, reason).await
}

/// What was done to a unit at run time, newest first.
#[utoipa::path(
    get, path = "/v1/units/{name}/history", operation_id = "show_unit_history", security(("token" = [])),
    params(("name" = String, Path), Limit),
    responses(
        (status = 200, body = [HistoryView]), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn history(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Outcome<Json<Vec<HistoryView>>> {
    let limit = Limit::check(limit)?;
    find(&shared.standing.plan(), &name)?;
    let entries = shared.standing.history(&name, limit).await?;
    Ok(Json(entries.into_iter().map(HistoryView::from).collect()))
}

async fn act(
    shared: &Shared,
    unit: String,
    action: Action,
    headers: &HeaderMap,
    Body(reason): Body<Reason>,
) -> Outcome<Tagged> {
    let (by, why) = reason.check()?;
    order(shared, headers, Order { unit, action, by, why, versions: None }).await
}

async fn order(shared: &Shared, headers: &HeaderMap, order: Order) -> Outcome<Tagged> {
    let order = Order { versions: if_match(headers)?, ..order };
    let name = order.unit.clone();
    shared.standing.carry_out(order).await?;
    tagged(shared, &name)
}

fn tagged(shared: &Shared, name: &str) -> Outcome<Tagged> {
    let plan = shared.standing.plan();
    let view = view(shared, &plan, find(&plan, name)?);
    Ok(([(header::ETAG, format!("\"{}\"", view.version()))], Json(view)))
}

fn view(shared: &Shared, plan: &banyan_config::plan::Plan, unit: &banyan_config::plan::Unit) -> UnitView {
    let live = shared.standing.units().get(&unit.name);
    UnitView::new(plan, unit, shared.standing.record(&unit.name), live.as_deref())
}
