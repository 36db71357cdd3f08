//! The shapes of OFREP's answers.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use banyan_flags::ErrorCode;
use http::{HeaderName, StatusCode, header};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::Value;

use crate::flags::Said;

/// What a flag says, or why it says nothing: `evaluationSuccess` or `evaluationFailure` of the protocol.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Answer<'a> {
    Value(Success<'a>),
    Error(Failure<'a>),
}

#[derive(Serialize)]
pub(super) struct Success<'a> {
    key: &'a str,
    reason: &'static str,
    variant: &'a str,
    value: &'a Value,
    #[serde(serialize_with = "map")]
    metadata: &'a [(String, Value)],
}

/// `evaluationFailure` and `flagNotFound`; without a key `bulkEvaluationFailure`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(serialize_with = "spelled")]
    error_code: ErrorCode,
    error_details: String,
}

/// `bulkEvaluationSuccess`.
#[derive(Serialize)]
pub(super) struct Bulk<'a> {
    pub(super) flags: Vec<Answer<'a>>,
}

/// `generalErrorResponse`, and what the other refusals say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct General {
    error_details: String,
}

impl<'a> From<&Said<'a>> for Answer<'a> {
    fn from(said: &Said<'a>) -> Self {
        let evaluation = said.evaluation();
        let found = evaluation.and_then(|evaluation| evaluation.value.zip(evaluation.variant));
        match (found, said.error()) {
            (Some((value, variant)), None) => Self::Value(Success {
                key: said.key(),
                reason: said.reason().as_str(),
                variant,
                value,
                metadata: evaluation.map_or(&[], |evaluation| evaluation.metadata),
            }),
            (_, error) => {
                let (code, details) =
                    error.unwrap_or((ErrorCode::General, "the flag has no value".to_owned()));
                Self::Error(Failure { key: Some(said.key()), error_code: code, error_details: details })
            }
        }
    }
}

impl<'a> Failure<'a> {
    pub(super) const fn new(key: Option<&'a str>, code: ErrorCode, details: String) -> Self {
        Self { key, error_code: code, error_details: details }
    }

    /// Nobody knows the key.
    pub(super) fn not_found(key: &'a str) -> Self {
        Self::new(Some(key), ErrorCode::FlagNotFound, "no flag has this key".to_owned())
    }
}

impl IntoResponse for Failure<'_> {
    fn into_response(self) -> Response {
        let status = match self.error_code {
            ErrorCode::FlagNotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        (status, Json(self)).into_response()
    }
}

impl IntoResponse for Answer<'_> {
    fn into_response(self) -> Response {
        match self {
            Self::Value(success) => Json(success).into_response(),
            Self::Error(failure) => failure.into_response(),
        }
    }
}

/// Any other refusal.
pub(super) fn refused(status: StatusCode, details: impl Into<String>) -> Response {
    (status, Json(General { error_details: details.into() })).into_response()
}

/// The same with a field.
pub(super) fn refused_with(
    status: StatusCode,
    field: (HeaderName, String),
    details: impl Into<String>,
) -> Response {
    ([field], refused(status, details)).into_response()
}

/// Too many requests; after this time there is room again.
pub(super) fn too_many(wait: Duration) -> Response {
    // Whole seconds, as the field has them, and never none.
    let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
    let details = format!("more requests than are answered in a second: ask again in {seconds} s");
    refused_with(StatusCode::TOO_MANY_REQUESTS, (header::RETRY_AFTER, seconds.to_string()), details)
}

fn spelled<S: Serializer>(code: &ErrorCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

fn map<S: Serializer>(pairs: &&[(String, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, value) in *pairs {
        map.serialize_entry(name, value)?;
    }
    map.end()
}
