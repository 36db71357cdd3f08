//! How long a request may take.

use std::time::Duration;

use axum::{extract::Request, middleware::Next, response::IntoResponse, response::Response};
use http::StatusCode;
use tokio::time::timeout;

use crate::problem::Problem;

/// From the head to the answer, the body of the request included. Longer than a change may wait for the disk, and
/// long enough for a reload of a large config.
const WHOLE: Duration = Duration::from_secs(30);

/// Answers requests that take too long. What they started goes on: a change that was handed to the store is finished.
pub(crate) async fn time(request: Request, next: Next) -> Response {
    match timeout(WHOLE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("the request was not complete or not answered within {} s", WHOLE.as_secs());
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "Timeout", detail).into_response()
        }
    }
}
