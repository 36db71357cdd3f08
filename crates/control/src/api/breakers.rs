//! Circuit breakers: look, force, give back.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Outcome, Shared};
use crate::{
    Forced,
    extract::{Body, Reason},
    problem::Problem,
    refusal::unknown,
    span::lasts,
    switches::Hand,
    view::BreakerView,
};

/// A state to hold a breaker in, for a while.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Force {
    /// `open` refuses every call, `closed` refuses none whatever fails.
    state: ForcedState,
    /// For how long, 1s to 24h; 10m unless given. Then the breaker judges by itself again.
    #[schema(example = "10m")]
    r#for: Option<String>,
    /// Who; `admin` unless given. At most 1,000 characters.
    #[schema(max_length = 1000)]
    by: Option<String>,
    /// Why, for the audit log. At most 1,000 characters.
    #[schema(max_length = 1000)]
    why: Option<String>,
}

/// A state that a breaker can be held in.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ForcedState {
    /// Every call is refused.
    Open,
    /// No call is refused.
    Closed,
}

/// Every circuit breaker, in the order of the config's upstreams.
#[utoipa::path(
    get, path = "/v1/breakers", operation_id = "list_breakers", security(("token" = [])),
    responses((status = 200, body = [BreakerView]), (status = 401, body = Problem))
)]
pub(super) async fn list(State(shared): State<Shared>) -> Json<Vec<BreakerView>> {
    Json(shared.switches.breakers().into_iter().map(BreakerView::from).collect())
}

/// Holds the breaker of an upstream open or closed for a while. It is not stored: a restart ends it.
#[utoipa::path(
    put, path = "/v1/breakers/{name}", operation_id = "force_breaker", security(("token" = [])),
    params(("name" = String, Path)), request_body = Force,
    responses(
        (status = 200, body = BreakerView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(super) async fn force(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Body(force): Body<Force>,
) -> Outcome<Json<BreakerView>> {
    let hand = Reason::new(force.by, force.why).hand()?;
    let state = match force.state {
        ForcedState::Open => Forced::Open,
        ForcedState::Closed => Forced::Closed,
    };
    let forced = (state, lasts(force.r#for.as_deref())?);
    switch(&shared, &name, Some(forced), hand)
}

/// Gives a breaker back to itself. One that was held open lets a few calls try before all of them.
#[utoipa::path(
    delete, path = "/v1/breakers/{name}", operation_id = "release_breaker", security(("token" = [])),
    params(("name" = String, Path), Reason),
    responses(
        (status = 200, body = BreakerView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(super) async fn release(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    reason: Result<Query<Reason>, QueryRejection>,
) -> Outcome<Json<BreakerView>> {
    let Query(reason) = reason.map_err(|error| Problem::invalid(error.body_text()))?;
    switch(&shared, &name, None, reason.hand()?)
}

fn switch(
    shared: &Shared,
    name: &str,
    forced: Option<(Forced, std::time::Duration)>,
    hand: Hand,
) -> Outcome<Json<BreakerView>> {
    let done = shared.switches.force(name, forced, hand);
    done.map(|breaker| Json(BreakerView::from(breaker))).ok_or_else(|| no_breaker(shared, name))
}

fn no_breaker(shared: &Shared, name: &str) -> Problem {
    let breakers = shared.switches.breakers();
    let known = breakers.iter().map(|(breaker, _)| &*breaker.upstream);
    if shared.standing.plan().upstreams.iter().any(|upstream| *upstream.name == *name) {
        let detail = format!("the breaker of upstream '{name}' is off in the config (breaker: off)");
        return Problem::new(http::StatusCode::NOT_FOUND, "no-breaker", "No breaker", detail)
            .with("known", known.collect::<Vec<_>>());
    }
    unknown("upstream", name, known)
}
