//! Flags: look, define, switch, retire, ask.

use axum::{
    Json,
    extract::{FromRequestParts, Path, Query, State, rejection::QueryRejection},
};
use banyan_flags::Context;
use http::{StatusCode, header, request::Parts};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Outcome, Shared, units::Limit};
use crate::{
    extract::{Body, Reason, if_match},
    flags::{FlagOrder, FlagRefusal, Wanted},
    problem::Problem,
    view::{EvaluationView, FlagHistoryView, FlagView},
};

/// A flag, with its version as `ETag`.
type Tagged = ([(header::HeaderName, String); 1], Json<FlagView>);

/// Which flag is meant, and at which of its versions.
pub(super) struct Target {
    key: String,
    /// `None`: at any.
    versions: Option<Vec<u64>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(key) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::invalid("the key of a flag is text in UTF-8, percent-encoded"))?;
        Ok(Self { key, versions: if_match(&parts.headers)? })
    }
}

/// What a flag is to be: exactly one of `definition`, `percent` and `variant`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlagChange {
    /// The whole definition. It may be a new flag.
    #[schema(value_type = Option<Object>, example = json!({ "percent": "5%" }))]
    definition: Option<Value>,
    /// Another percentage of a boolean flag; everything else stays.
    #[schema(example = "5%")]
    percent: Option<String>,
    /// One variant for all whom no segment matches; everything else stays.
    #[schema(example = "on")]
    variant: Option<String>,
    /// Who; `admin` unless given. At most 1,000 characters.
    #[schema(max_length = 1000)]
    by: Option<String>,
    /// Why, for the history. At most 1,000 characters.
    #[schema(max_length = 1000)]
    why: Option<String>,
}

/// For whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// OpenFeature's evaluation context: attributes, and the `targetingKey` that percentages go by.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({ "targetingKey": "user-42", "country": "de" }))]
    context: Value,
}

/// Every flag in the order of keys, retired ones too, then the units as flags.
#[utoipa::path(
    get, path = "/v1/flags", operation_id = "list_flags", security(("token" = [])),
    responses((status = 200, body = [FlagView]), (status = 401, body = Problem))
)]
pub(super) async fn list(State(shared): State<Shared>) -> Json<Vec<FlagView>> {
    let book = shared.flags.book();
    Json(book.keys().filter_map(|key| FlagView::of(&book, key)).collect())
}

/// One flag.
#[utoipa::path(
    get, path = "/v1/flags/{key}", operation_id = "show_flag", security(("token" = [])),
    params(("key" = String, Path)),
    responses(
        (status = 200, body = FlagView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(super) async fn show(State(shared): State<Shared>, target: Target) -> Outcome<Tagged> {
    tagged(&shared, &target.key)
}

/// Defines a flag, or changes its percentage or its variant. Durable and effective when answered.
#[utoipa::path(
    put, path = "/v1/flags/{key}", operation_id = "set_flag", security(("token" = [])),
    params(("key" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = FlagChange,
    responses(
        (status = 200, body = FlagView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn set(
    State(shared): State<Shared>,
    target: Target,
    Body(change): Body<FlagChange>,
) -> Outcome<Tagged> {
    let (wanted, reason) = change.check()?;
    act(&shared, target, wanted, reason).await
}

/// Retires a key for ever: no flag can have it any more, and applications that ask for it are told that there is none.
#[utoipa::path(
    delete, path = "/v1/flags/{key}", operation_id = "retire_flag", security(("token" = [])),
    params(
        ("key" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version"), Reason
    ),
    responses(
        (status = 200, body = FlagView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn retire(
    State(shared): State<Shared>,
    target: Target,
    reason: Result<Query<Reason>, QueryRejection>,
) -> Outcome<Tagged> {
    let Query(reason) = reason.map_err(|error| Problem::invalid(error.body_text()))?;
    act(&shared, target, Wanted::Retire, reason).await
}

/// Switches a flag on.
#[utoipa::path(
    post, path = "/v1/flags/{key}/enable", operation_id = "enable_flag", security(("token" = [])),
    params(("key" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = FlagView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn enable(
    State(shared): State<Shared>,
    target: Target,
    Body(reason): Body<Reason>,
) -> Outcome<Tagged> {
    act(&shared, target, Wanted::Enable, reason).await
}

/// Switches a flag off: everybody gets its off variant, whatever its rules say.
#[utoipa::path(
    post, path = "/v1/flags/{key}/disable", operation_id = "disable_flag", security(("token" = [])),
    params(("key" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = FlagView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn disable(
    State(shared): State<Shared>,
    target: Target,
    Body(reason): Body<Reason>,
) -> Outcome<Tagged> {
    act(&shared, target, Wanted::Disable, reason).await
}

/// Forgets what was set at run time: the config decides again. A flag that the config has not is gone, and may come back.
#[utoipa::path(
    post, path = "/v1/flags/{key}/reset", operation_id = "reset_flag", security(("token" = [])),
    params(("key" = String, Path), ("If-Match" = Option<String>, Header, description = "Only at this version")),
    request_body = Option<Reason>,
    responses(
        (status = 200, body = FlagView), (status = 204), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn reset(
    State(shared): State<Shared>,
    target: Target,
    Body(reason): Body<Reason>,
) -> Outcome<Result<Tagged, StatusCode>> {
    // Of a flag that only run time knew, nothing is left to be shown.
    let key = order(&shared, target, Wanted::Reset, reason).await?;
    Ok(tagged(&shared, &key).map_err(|_| StatusCode::NO_CONTENT))
}

/// What was done to a flag at run time, newest first.
#[utoipa::path(
    get, path = "/v1/flags/{key}/history", operation_id = "show_flag_history", security(("token" = [])),
    params(("key" = String, Path), Limit),
    responses(
        (status = 200, body = [FlagHistoryView]), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn history(
    State(shared): State<Shared>,
    Target { key, .. }: Target,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Outcome<Json<Vec<FlagHistoryView>>> {
    let limit = Limit::check(limit)?;
    let is_known = {
        let book = shared.flags.book();
        book.record(&key).is_some() || FlagView::of(&book, &key).is_some()
    };
    if !is_known {
        return Err(unknown(&shared, &key));
    }
    let entries = shared.flags.history(&key, limit).await?;
    Ok(Json(entries.into_iter().map(FlagHistoryView::from).collect()))
}

/// What a flag says for somebody, and why. Counts in no metric.
#[utoipa::path(
    post, path = "/v1/flags/{key}/evaluate", operation_id = "evaluate_flag", security(("token" = [])),
    params(("key" = String, Path)), request_body = Question,
    responses(
        (status = 200, body = EvaluationView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 413, body = Problem)
    )
)]
pub(super) async fn evaluate(
    State(shared): State<Shared>,
    Target { key, .. }: Target,
    Body(question): Body<Question>,
) -> Outcome<Json<EvaluationView>> {
    let context = match &question.context {
        Value::Null => Ok(Context::default()),
        value => Context::from_json(value),
    };
    let context = context.map_err(|error| {
        Problem::invalid(error.to_string()).with("pointer", "/context").with("code", error.code().as_str())
    })?;
    let book = shared.flags.book();
    let said = book.evaluate(&key, &context).ok_or_else(|| unknown(&shared, &key))?;
    Ok(Json(EvaluationView::from(&said)))
}

async fn act(shared: &Shared, target: Target, wanted: Wanted, reason: Reason) -> Outcome<Tagged> {
    let key = order(shared, target, wanted, reason).await?;
    tagged(shared, &key)
}

/// Has it done. Returns the key.
async fn order(shared: &Shared, target: Target, wanted: Wanted, reason: Reason) -> Outcome<String> {
    let (by, why) = reason.check()?;
    let Target { key, versions } = target;
    shared.flags.carry_out(FlagOrder { key: key.clone(), wanted, by, why, versions }).await?;
    Ok(key)
}

fn tagged(shared: &Shared, key: &str) -> Outcome<Tagged> {
    let view = FlagView::of(&shared.flags.book(), key).ok_or_else(|| unknown(shared, key))?;
    Ok(([(header::ETAG, format!("\"{}\"", view.version()))], Json(view)))
}

fn unknown(shared: &Shared, key: &str) -> Problem {
    FlagRefusal::unknown(key, &shared.flags.book()).into()
}

impl FlagChange {
    /// The one thing that is meant, and who wants it why.
    fn check(self) -> Outcome<(Wanted, Reason)> {
        let wanted = match (self.definition, self.percent, self.variant) {
            (Some(definition), None, None) => Wanted::Define(definition),
            (None, Some(text), None) => Wanted::Percent(text.parse().map_err(|error| {
                Problem::invalid(format!("percent '{text}': {error}")).with("pointer", "/percent")
            })?),
            (None, None, Some(variant)) => Wanted::Variant(variant),
            _ => return Err(Problem::invalid("say exactly one of 'definition', 'percent' and 'variant'")),
        };
        Ok((wanted, Reason::new(self.by, self.why)))
    }
}
