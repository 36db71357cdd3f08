//! The two questions of the protocol.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::{
    Json,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse as _, Response},
};
use banyan_flags::ErrorCode;
use http::{Method, Request, StatusCode, Uri, header};

use super::{
    Shared,
    answer::{Answer, Bulk, Failure, refused},
    body, tag,
};

/// What one flag says for a context.
pub(super) async fn single(
    State(shared): State<Shared>,
    key: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Response {
    let Ok(Path(key)) = key else {
        let details = "the key of a flag is UTF-8".to_owned();
        return Failure::new(Some(""), ErrorCode::ParseError, details).into_response();
    };
    let context = match body::context(request).await {
        Ok(context) => context,
        Err((code, details)) => return Failure::new(Some(&key), code, details).into_response(),
    };
    whole(|| {
        let book = shared.flags.book();
        let Some(said) = book.evaluate(&key, &context) else {
            shared.series.not_found();
            return Failure::not_found(&key).into_response();
        };
        shared.series.evaluated(&said);
        Answer::from(&said).into_response()
    })
}

/// An application asked for the flag whose key is empty.
pub(super) async fn no_key(State(shared): State<Shared>) -> Response {
    shared.series.not_found();
    Failure::not_found("").into_response()
}

/// What all flags say for a context, unless the application knows it already.
pub(super) async fn bulk(State(shared): State<Shared>, request: Request<Body>) -> Response {
    let fields = request.headers().clone();
    let context = match body::context(request).await {
        Ok(context) => context,
        Err((code, details)) => return Failure::new(None, code, details).into_response(),
    };
    whole(|| {
        let book = shared.flags.book();
        // Before anything is evaluated, so that who asks every second for what has not changed costs next to nothing. A
        // unit that moves between this and the evaluation has moved by the next question, which then carries a tag that
        // is not known.
        let tag = tag::written(book.tag(&context));
        if tag::is_known(&fields, &tag) {
            return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
        }
        let mut flags = Vec::new();
        for said in book.evaluate_all(&context) {
            shared.series.evaluated(&said);
            flags.push(Answer::from(&said));
        }
        ([(header::ETAG, tag)], Json(Bulk { flags })).into_response()
    })
}

pub(super) async fn unknown(uri: Uri) -> Response {
    let details = format!("there is nothing at {}; ask POST /ofrep/v1/evaluate/flags", uri.path());
    refused(StatusCode::NOT_FOUND, details)
}

pub(super) async fn wrong_method(method: Method, uri: Uri) -> Response {
    refused(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}: use POST", uri.path()))
}

/// The protocol's 500 for a defect of ours, instead of a connection that breaks off.
fn whole(answer: impl FnOnce() -> Response) -> Response {
    catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| {
        let details = "something went wrong within the gateway; its log says what";
        refused(StatusCode::INTERNAL_SERVER_ERROR, details)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_an_answer() {
        let response = whole(|| panic!("a defect"));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
