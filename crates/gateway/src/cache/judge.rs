//! What an answer's body says about how it is kept.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::{entry::Kind, rules::CachedRoute};

/// Larger bodies are not looked into.
const LOOK_BYTES: usize = 1024 * 1024;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) kind: Kind,
    /// The part that is missing.
    pub(crate) missing: Option<Arc<str>>,
    /// 'Not found' is said by an empty list, and not by a status.
    pub(crate) is_empty: bool,
}

/// Judges a complete answer. `is_marked` when the upstream calls it degraded itself.
pub(crate) fn body(
    route: &CachedRoute,
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
    is_marked: bool,
) -> Judged {
    let is = |kind| Judged { kind, missing: None, is_empty: false };
    if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
        return is(Kind::Negative);
    }
    if is_marked {
        return Judged { missing: Some("upstream".into()), ..is(Kind::Degraded) };
    }
    let looks = route.empty.is_some() || !route.parts.is_empty();
    if !looks || !status.is_success() || !is_json(headers) || body.len() > LOOK_BYTES {
        return is(Kind::Complete);
    }
    // What claims to be JSON and is none has all of its parts missing.
    let document = serde_json::from_slice(body).unwrap_or(Value::Null);
    let missing = |part: &&Arc<str>| document.pointer(part).is_none_or(Value::is_null);
    if let Some(part) = route.parts.iter().find(missing) {
        return Judged { missing: Some(part.clone()), ..is(Kind::Degraded) };
    }
    let is_empty = route.empty.as_deref().and_then(|pointer| document.pointer(pointer)).is_some_and(is_empty);
    if is_empty { Judged { is_empty, ..is(Kind::Negative) } } else { is(Kind::Complete) }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    !headers.contains_key(header::CONTENT_ENCODING)
        && (kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json"))
}
