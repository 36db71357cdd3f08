//! Rollouts: look, start, pause, resume, promote, abort.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use banyan_config::plan::{Rollout, Unit};
use banyan_rollout::machine::Act;
use http::{HeaderMap, header};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{Outcome, Shared};
use crate::{
    extract::{Body, Reason, if_match},
    order::Refusal,
    problem::Problem,
    rollout::{Command, configured, rollouts_of},
    standing::find,
    view::{RolloutHistoryView, RolloutView},
};

/// Entries of a history unless asked for another number.
const HISTORY: usize = 50;
/// Entries of a history at most.
const MAX_HISTORY: usize = 1000;

/// A rollout, with its version as `ETag`.
type Tagged = ([(header::HeaderName, String); 1], Json<RolloutView>);

/// How much of a history is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryLimit {
    /// Entries at most, 1 to 1,000; 50 unless given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// How a rollout is ended.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AbortOrder {
    /// Who; `admin` unless given. At most 1,000 characters.
    #[schema(max_length = 1000)]
    by: Option<String>,
    /// Why, for the history. At most 1,000 characters.
    #[schema(max_length = 1000)]
    why: Option<String>,
    /// Even if what people wrote on the replacement is lost to them.
    #[serde(default)]
    force: bool,
}

/// The rollout of every unit that has one in the config.
#[utoipa::path(
    get, path = "/v1/rollouts", operation_id = "list_rollouts", security(("token" = [])),
    responses((status = 200, body = [RolloutView]), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(super) async fn list(State(shared): State<Shared>) -> Outcome<Json<Vec<RolloutView>>> {
    let plan = shared.standing.plan();
    let mut views = Vec::new();
    for (unit, rollout) in rollouts_of(&plan) {
        views.push(view(&shared, unit, rollout).await);
    }
    Ok(Json(views))
}

/// One rollout: the stage, each gate with what was measured, the evidence, and what it takes to go on.
#[utoipa::path(
    get, path = "/v1/rollouts/{name}", operation_id = "show_rollout", security(("token" = [])),
    params(("name" = String, Path)),
    responses(
        (status = 200, body = RolloutView), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn show(State(shared): State<Shared>, Path(name): Path<String>) -> Outcome<Tagged> {
    tagged(&shared, &name).await
}

/// Begins at the first stage above where the unit is, with evidence that begins anew.
#[utoipa::path(
    post, path = "/v1/rollouts/{name}/start", operation_id = "start_rollout", security(("token" = [])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = RolloutView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn start(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    reason: Body<Reason>,
) -> Outcome<Tagged> {
    order(&shared, &name, Command::Start, &headers, reason).await
}

/// Stays at the present stage until it is resumed. It is still judged, and rolled back if the replacement is worse.
#[utoipa::path(
    post, path = "/v1/rollouts/{name}/pause", operation_id = "pause_rollout", security(("token" = [])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = RolloutView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn pause(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    reason: Body<Reason>,
) -> Outcome<Tagged> {
    order(&shared, &name, Command::Pause, &headers, reason).await
}

/// Goes on from where the unit is.
#[utoipa::path(
    post, path = "/v1/rollouts/{name}/resume", operation_id = "resume_rollout", security(("token" = [])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = RolloutView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn resume(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    reason: Body<Reason>,
) -> Outcome<Tagged> {
    order(&shared, &name, Command::Resume, &headers, reason).await
}

/// Goes to the next stage now, whatever the gates say, unless the replacement is worse.
#[utoipa::path(
    post, path = "/v1/rollouts/{name}/promote", operation_id = "promote_rollout", security(("token" = [])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = RolloutView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn promote(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    reason: Body<Reason>,
) -> Outcome<Tagged> {
    order(&shared, &name, Command::Promote, &headers, reason).await
}

/// Ends it: everybody back to legacy. Refused where that loses what people wrote, unless forced.
#[utoipa::path(
    post, path = "/v1/rollouts/{name}/abort", operation_id = "abort_rollout", security(("token" = [])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<AbortOrder>,
    responses(
        (status = 200, body = RolloutView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn abort(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(AbortOrder { by, why, force }): Body<AbortOrder>,
) -> Outcome<Tagged> {
    let reason = Body(Reason::new(by, why));
    order(&shared, &name, Command::Abort { force }, &headers, reason).await
}

/// Every step of a rollout, newest first: of people, and of the gateway itself.
#[utoipa::path(
    get, path = "/v1/rollouts/{name}/history", operation_id = "show_rollout_history", security(("token" = [])),
    params(("name" = String, Path), HistoryLimit),
    responses(
        (status = 200, body = [RolloutHistoryView]), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn history(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    limit: Result<Query<HistoryLimit>, QueryRejection>,
) -> Outcome<Json<Vec<RolloutHistoryView>>> {
    let Query(HistoryLimit { limit }) = limit.map_err(|error| Problem::invalid(error.body_text()))?;
    let limit = limit.unwrap_or(HISTORY);
    if !(1..=MAX_HISTORY).contains(&limit) {
        return Err(Problem::invalid(format!("limit is {limit}: it lies between 1 and {MAX_HISTORY}")));
    }
    find(&shared.standing.plan(), &name)?;
    let entries = shared.conductor.history(&name, limit).await.map_err(Refusal::Store)?;
    Ok(Json(entries.into_iter().map(RolloutHistoryView::from).collect()))
}

async fn order(
    shared: &Shared,
    name: &str,
    command: Command,
    headers: &HeaderMap,
    Body(reason): Body<Reason>,
) -> Outcome<Tagged> {
    let (by, why) = reason.check()?;
    let tags = if_match(headers)?;
    shared.conductor.command(name, command, Act { by, why }, tags.as_deref()).await?;
    tagged(shared, name).await
}

async fn tagged(shared: &Shared, name: &str) -> Outcome<Tagged> {
    let plan = shared.standing.plan();
    let unit = find(&plan, name)?;
    let view = view(shared, unit, configured(unit)?).await;
    Ok(([(header::ETAG, format!("\"{}\"", view.version()))], Json(view)))
}

/// While the store is away, what others have seen is not known: then this node's part of it is all there is to show.
async fn view(shared: &Shared, unit: &Unit, rollout: &Rollout) -> RolloutView {
    let known = shared.conductor.known(&unit.name);
    let record = shared.standing.record(&unit.name);
    let percent = record.map_or(unit.percent, |record| record.percent);
    let seen = shared.conductor.seen(&rollout.plan, &unit.name, &known.state).await;
    let blocked = shared.conductor.hindrance().filter(|_| known.state.percent().is_some());
    let blocked = blocked.map(|hindrance| hindrance.to_string());
    RolloutView::new(unit, rollout, &known, percent, seen, blocked)
}
