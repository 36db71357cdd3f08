//! The body of a request: bounded, and refused by its length before it is read.

use std::time::Duration;

use axum::body::Body;
use banyan_flags::{Context, ContextError, ErrorCode, MAX_CONTEXT_BYTES};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::time::timeout;

/// Bytes of a body that was refused which are still taken and thrown away, so that a client that sends first and reads
/// then gets to read why: closing at once would reset its connection, and the answer with it.
const MOST_DISCARDED: usize = 4 * 1024 * 1024;
/// For how long.
const DISCARDING: Duration = Duration::from_secs(2);
/// OpenFeature's name for what percentages go by.
const TARGETING_KEY: &str = "targetingKey";

/// Why there is no context. The code, and what to tell.
pub(super) type Refused = (ErrorCode, String);

/// The context of a request. A body of any type that is JSON will do; none at all is an empty context.
pub(super) async fn context(request: Request<Body>) -> Result<Context, Refused> {
    let (head, body) = request.into_parts();
    let text = read(&head.headers, body).await?;
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(Context::default());
    }
    let value: Value = serde_json::from_slice(&text).map_err(|error| unread(&error))?;
    let Value::Object(map) = value else {
        return Err((ErrorCode::ParseError, "the body is an object with a 'context'".to_owned()));
    };
    match map.get("context") {
        // Answered as for nobody, this would be a wrong answer that nobody notices.
        None if map.contains_key(TARGETING_KEY) => {
            let details =
                "the body has targetingKey beside a context instead of in it: send {\"context\": {...}}";
            Err((ErrorCode::InvalidContext, details.to_owned()))
        }
        None | Some(Value::Null) => Ok(Context::default()),
        Some(context) => Context::from_json(context).map_err(|error| refused(&error)),
    }
}

async fn read(fields: &HeaderMap, mut body: Body) -> Result<Vec<u8>, Refused> {
    let length =
        fields.get(header::CONTENT_LENGTH).and_then(|field| field.to_str().ok()?.parse::<u64>().ok());
    // Who waits for a sign to go on gets none, and sends nothing.
    let waits = fields.contains_key(header::EXPECT);
    let most = MAX_CONTEXT_BYTES as u64;
    if length.is_some_and(|length| length > most) {
        if !waits {
            discard(body);
        }
        return Err(refused(&ContextError::TooLarge));
    }
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| (ErrorCode::ParseError, format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if text.len() + data.len() > MAX_CONTEXT_BYTES {
            discard(body);
            return Err(refused(&ContextError::TooLarge));
        }
        text.extend_from_slice(&data);
    }
    Ok(text)
}

/// Takes the rest of a body, up to bounds, and throws it away.
fn discard(mut body: Body) {
    tokio::spawn(timeout(DISCARDING, async move {
        let mut taken = 0;
        while let Some(Ok(frame)) = body.frame().await {
            taken += frame.data_ref().map_or(0, bytes_of);
            if taken > MOST_DISCARDED {
                return;
            }
        }
    }));
}

fn bytes_of(data: &axum::body::Bytes) -> usize {
    data.len()
}

fn unread(error: &serde_json::Error) -> Refused {
    match ContextError::of_text(error) {
        ContextError::NotJson(why) => (ErrorCode::ParseError, format!("the body is not JSON: {why}")),
        error => refused(&error),
    }
}

fn refused(error: &ContextError) -> Refused {
    (error.code(), error.to_string())
}
