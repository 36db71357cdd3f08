//! Which config runs, and how to take a new one.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{Outcome, Shared};
use crate::{problem::Problem, reload::Trigger, view::ConfigView};

/// Which config runs.
#[utoipa::path(
    get, path = "/v1/config", operation_id = "show_config", security(("token" = [])),
    responses((status = 200, body = ConfigView), (status = 401, body = Problem))
)]
pub(super) async fn show(State(shared): State<Shared>) -> Json<ConfigView> {
    let status = shared.reloader.status();
    Json(ConfigView {
        path: shared.config.display().to_string(),
        hash: status.hash,
        generation: status.generation,
    })
}

/// Reads the config file again and applies it, all of it or nothing. Answers when it is done.
#[utoipa::path(
    post, path = "/v1/reload", operation_id = "reload_config", security(("token" = [])),
    responses(
        (status = 200, body = ConfigView), (status = 401, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn reload(state: State<Shared>) -> Outcome<Json<ConfigView>> {
    match state.reloader.reload(Trigger::Api).await {
        Some(Ok(())) => Ok(show(state).await),
        Some(Err(error)) => Err(Problem::from(&*error)),
        None => {
            let detail = "too many reloads wait already, or the process is stopping";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many reloads", detail))
        }
    }
}
