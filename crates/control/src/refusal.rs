//! A refused order or reload as a problem document.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    order::Refusal,
    problem::Problem,
    reload::ReloadError,
    view::{PlaceView, rfc3339},
};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownUnit { name, known } => unknown_unit(&name, &known),
            Refusal::Held(record) => {
                let (unit, by, since) = (&record.unit, &record.by, rfc3339(record.at));
                let why = if record.why.is_empty() { String::new() } else { format!(" ({})", record.why) };
                let detail = format!(
                    "'{unit}' is held at {} by {by} since {since}{why}: release it first (POST /v1/units/{unit}/release); \
                     back to 0 % is possible at any time (POST /v1/units/{unit}/back)",
                    record.percent
                );
                Self::new(StatusCode::CONFLICT, "unit-held", "The unit is held", detail)
                    .with("by", record.by.clone())
                    .with("since", since)
            }
            Refusal::Stale { found } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "version-mismatch",
                "The unit was changed in the meantime",
                format!("the unit is at version {found}: look at it again, then decide"),
            )
            .with("version", found),
            Refusal::Store(error) => store(&error),
            Refusal::Waiting => unavailable(
                "an earlier change still waits for the state store, so this one was not tried; nothing was changed",
            ),
            Refusal::Unanswered => unavailable(
                "the state store has not answered in time; the change may still be made: look at the unit before you \
                 try again",
            ),
        }
    }
}

fn unknown_unit(name: &str, known: &[String]) -> Problem {
    let known_text = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let detail = format!("the config has no unit '{name}'; its units are: {known_text}");
    Problem::new(StatusCode::NOT_FOUND, "unknown-unit", "Unknown unit", detail).with("known", known.to_vec())
}

fn store(error: &banyan_state::StoreError) -> Problem {
    match error {
        banyan_state::StoreError::Conflict { found, .. } => {
            let title = "The unit was changed in the meantime";
            Problem::new(StatusCode::CONFLICT, "version-conflict", title, error.to_string())
                .with("version", *found)
        }
        _ => unavailable(format!("{error}; nothing was changed, and traffic goes on as before")),
    }
}

fn unavailable(detail: impl Into<String>) -> Problem {
    let title = "The state store is not available";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", title, detail)
}

impl From<&ReloadError> for Problem {
    fn from(error: &ReloadError) -> Self {
        let (status, name, title) = match error {
            ReloadError::Config(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-config", "The config is not valid")
            }
            ReloadError::NeedsRestart(_) => (StatusCode::CONFLICT, "restart-needed", "A restart is needed"),
            ReloadError::Refused(_) => {
                (StatusCode::CONFLICT, "config-refused", "The config could not be applied")
            }
            ReloadError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        };
        let problems: Vec<Value> = PlaceView::all(error).iter().map(|place| json!(place)).collect();
        Self::new(status, name, title, format!("{error}; the running config stays"))
            .with("problems", problems)
    }
}
