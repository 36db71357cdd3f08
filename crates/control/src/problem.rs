//! Every refusal of the admin API, as `application/problem+json` (RFC 9457).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A problem document.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Stable identifier, `urn:banyan:problem:NAME`.
    #[serde(rename = "type")]
    kind: String,
    /// What the type means, the same every time.
    title: &'static str,
    /// HTTP status code.
    status: u16,
    /// What happened this time, and what to do about it.
    detail: String,
    /// More about it, by type of problem.
    #[serde(flatten)]
    extensions: Box<Map<String, Value>>,
}

impl Problem {
    /// A problem of the type `urn:banyan:problem:{name}`.
    pub(crate) fn new(
        status: StatusCode,
        name: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("urn:banyan:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            extensions: Box::default(),
        }
    }

    /// Adds a member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// A request that says something it may not say.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", "Invalid request", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let problem = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        response
    }
}
