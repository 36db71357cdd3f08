//! Requests that the site does not grant.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing has this number.
    NotFound,
    /// The request does not say by `x-user-id` who asks.
    WhoAsks,
    /// Another system that the page is joined from did not answer.
    BadGateway,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "there is no such thing"),
            Self::WhoAsks => (StatusCode::UNAUTHORIZED, "say who you are: x-user-id: user-7"),
            Self::BadGateway => (StatusCode::BAD_GATEWAY, "a part of this page is missing"),
        };
        (status, Json(json!({ "error": error }))).into_response()
    }
}
