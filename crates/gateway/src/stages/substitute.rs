//! An answer from the config, for the time when there is no better one.

use banyan_config::plan::FallbackAnswer;
use http::{HeaderValue, Method, StatusCode, header};

use crate::wire::{
    answer::{Answer, Reply},
    body::ResBody,
};

/// Makes the answer. It is never stored: what stands in for an answer must not outlive the trouble.
pub(crate) fn answer(answer: &FallbackAnswer, method: &Method) -> Reply {
    let body = if method == Method::HEAD || answer.body.is_empty() {
        ResBody::empty()
    } else {
        ResBody::held(answer.body.clone())
    };
    let mut response = Answer::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in &answer.headers {
        headers.insert(name, value.clone());
    }
    if let Some(kind) = &answer.content_type {
        headers.insert(header::CONTENT_TYPE, kind.clone());
    }
    response
}
