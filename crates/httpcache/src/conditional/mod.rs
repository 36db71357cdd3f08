//! Conditional requests (RFC 9110 section 13, RFC 9111 section 4.3), in both directions.
//!
//! A client may ask for an answer only if it changed ([`Conditions`]), and a cache may ask an origin the same about what it
//! keeps ([`Validators`]). The two must not be mixed up: a client's condition passed on with a miss brings a 304 that the
//! client understands and the cache cannot keep. So conditions are *taken off* the request that fills the cache, and are
//! evaluated against what comes back.

mod entity_tag;
mod freshen;
mod validators;

pub use freshen::{HeadEffect, freshen, head_effect, is_for};
pub use validators::Validators;

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{date, freshness::sent_at};

pub(crate) use entity_tag::strongly_equal;

/// What becomes of a conditional request that a complete answer is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Give the answer.
    Send,
    /// The client has it: 304, with the fields of [`not_modified_head`].
    NotModified,
}

/// A client's conditions that a cache may evaluate, and its range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// All values of `If-None-Match`.
    pub none_match: Vec<HeaderValue>,
    /// `If-Modified-Since`.
    pub modified_since: Option<HeaderValue>,
    /// `If-Range`.
    pub if_range: Option<HeaderValue>,
    /// `Range`, if it came once: two of them are no list, and a range that cannot be read is ignored (RFC 9110 section 14.2).
    pub range: Option<HeaderValue>,
}

impl Conditions {
    /// The conditions of a request, which is left as it is.
    #[must_use]
    pub fn of(request: &HeaderMap) -> Self {
        let one = |name: HeaderName| request.get(name).cloned();
        Self {
            none_match: request.get_all(header::IF_NONE_MATCH).iter().cloned().collect(),
            modified_since: one(header::IF_MODIFIED_SINCE),
            if_range: one(header::IF_RANGE),
            range: one(header::RANGE).filter(|_| request.get_all(header::RANGE).iter().nth(1).is_none()),
        }
    }

    /// Takes the conditions off a request, so that the origin's answer to it is a complete one.
    #[must_use]
    pub fn take(request: &mut HeaderMap) -> Self {
        let conditions = Self::of(request);
        for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_RANGE, header::RANGE] {
            request.remove(name);
        }
        conditions
    }

    /// Whether there is none, which is so for most requests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Evaluates the conditions against a complete answer with status 200 that came at `answered_at` (RFC 9110 section
    /// 13.2.2, RFC 9111 section 4.3.2). `If-Modified-Since` counts only without `If-None-Match`. An answer with another
    /// status is given as it is: the caller does not ask.
    #[must_use]
    pub fn evaluate(&self, stored: &HeaderMap, answered_at: SystemTime) -> Condition {
        let has_it = if self.none_match.is_empty() {
            self.modified_since.as_ref().is_some_and(|since| is_unchanged_since(since, stored, answered_at))
        } else {
            entity_tag::any_matches(&self.none_match, stored.get(header::ETAG))
        };
        if has_it { Condition::NotModified } else { Condition::Send }
    }
}

/// Whether a request has conditions that only the origin can answer (`If-Match`, `If-Unmodified-Since`, RFC 9110 section
/// 13.1): they protect writes, and what a cache keeps says nothing about them. Such a request goes past the cache.
#[must_use]
pub fn is_for_origin_only(request: &HeaderMap) -> bool {
    request.contains_key(header::IF_MATCH) || request.contains_key(header::IF_UNMODIFIED_SINCE)
}

/// The fields of a 304 made from a kept head (RFC 9110 section 15.4.5): all but those that describe a body that is not
/// sent. Whoever has the answer has them already, and some clients would believe them of their own copy.
#[must_use]
pub fn not_modified_head(stored: &HeaderMap) -> HeaderMap {
    let mut head = stored.clone();
    for name in [
        header::CONTENT_DISPOSITION,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::CONTENT_TYPE,
    ] {
        head.remove(name);
    }
    head
}

/// Without `Last-Modified` the answer's own date stands for it, and without that the time it came.
fn is_unchanged_since(since: &HeaderValue, stored: &HeaderMap, answered_at: SystemTime) -> bool {
    let Some(since) = date::parse(since) else { return false };
    let modified_at = stored.get(header::LAST_MODIFIED).and_then(date::parse);
    modified_at.or_else(|| sent_at(stored)).unwrap_or(answered_at) <= since
}

#[cfg(test)]
mod tests;
