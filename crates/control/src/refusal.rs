//! A refused order or reload as a problem document.

use banyan_config::suggest::nearest;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    WarmProgress,
    order::Refusal,
    problem::Problem,
    reload::ReloadError,
    view::{PlaceView, rfc3339},
};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownUnit { name, known } => unknown("unit", &name, known.iter().map(String::as_str)),
            Refusal::Held(record) => {
                let (unit, by, since) = (&record.unit, &record.by, rfc3339(record.at));
                let why = if record.why.is_empty() { String::new() } else { format!(" ({})", record.why) };
                let detail = format!(
                    "'{unit}' is held at {} by {by} since {since}{why}: 'banyan unit release {unit}' first (POST \
                     /v1/units/{unit}/release); back to 0 % is possible at any time: 'banyan unit back {unit}' (POST \
                     /v1/units/{unit}/back)",
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

/// A name the config has not, the names it has, and the one that was probably meant.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Problem {
    let known: Vec<_> = known.collect();
    let meant = nearest(name, known.iter().copied());
    let meant = meant.map_or_else(String::new, |meant| format!(", did you mean '{meant}'?"));
    let names = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let end = if meant.is_empty() { ";" } else { "" };
    let detail = format!("the config has no {what} '{name}'{meant}{end} its {what}s are: {names}");
    let title = match what {
        "unit" => "Unknown unit",
        "route" => "Unknown route",
        _ => "Unknown upstream",
    };
    Problem::new(StatusCode::NOT_FOUND, &format!("unknown-{what}"), title, detail).with("known", known)
}

/// Faults are not made here.
pub(crate) fn in_production() -> Problem {
    let detail = "faults are never made in production, and a gateway is in production unless its config says otherwise: \
                  write 'environment: staging' or 'environment: development' at the top of the config and reload, if \
                  that is what this gateway is";
    Problem::new(StatusCode::CONFLICT, "production", "No faults in production", detail)
}

/// Nothing is kept here.
pub(crate) fn no_cache() -> Problem {
    let detail = "no cache is configured: write 'cache: {}' at the top of the config and reload, if answers are to be kept";
    Problem::new(StatusCode::NOT_FOUND, "no-cache", "No cache", detail)
}

/// The cache is being filled already.
pub(crate) fn warming(progress: Option<WarmProgress>) -> Problem {
    let far =
        progress.map_or_else(String::new, |progress| format!(", {} of {}", progress.over(), progress.total));
    let detail =
        format!("the cache is being filled already{far}: wait until that is over (GET /v1/cache/warm)");
    Problem::new(StatusCode::CONFLICT, "warming", "Being filled already", detail)
}

/// The process ends.
pub(crate) fn draining() -> Problem {
    let detail = "the gateway is shutting down: what it would fetch now would be of use to nobody";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "Shutting down", detail)
}

/// A defect of ours.
pub(crate) fn internal() -> Problem {
    let detail = "something went wrong within the gateway; its log says what";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
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
            ReloadError::Config(_) | ReloadError::Flags(_) => {
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
