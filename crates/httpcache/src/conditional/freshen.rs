//! Bringing a kept head up to date (RFC 9111 sections 3.2, 4.3.4 and 4.3.5).

use http::{HeaderMap, HeaderName, header};

use super::entity_tag::{is_weak, strongly_equal, weakly_equal};

/// What an answer to HEAD says about a kept answer to GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeadEffect {
    /// It still holds: [`freshen`] it.
    Freshen,
    /// It was replaced: give it to nobody without asking the origin.
    Invalidate,
    /// Nothing: it names no version.
    Nothing,
}

/// Whether a 304 speaks of the version that is kept (RFC 9111 section 4.3.4). If not, it must not freshen it, and the
/// request has to be repeated without conditions.
#[must_use]
pub fn is_for(not_modified: &HeaderMap, stored: &HeaderMap) -> bool {
    let both = |name: HeaderName| not_modified.get(&name).zip(stored.get(&name));
    if let Some((said, kept)) = both(header::ETAG) {
        return if is_weak(said) { weakly_equal(said, kept) } else { strongly_equal(said, kept) };
    }
    match both(header::LAST_MODIFIED) {
        Some((said, kept)) => said == kept,
        // Without a validator it answers the one question that was asked.
        None => not_modified.get(header::ETAG).is_none_or(is_weak),
    }
}

/// What an answer to HEAD with status 200 says about a kept answer (RFC 9111 section 4.3.5): it holds when every validator
/// and length that came is the one that is kept. A length alone names no version, so it can refute and not confirm.
#[must_use]
pub fn head_effect(answer: &HeaderMap, stored: &HeaderMap) -> HeadEffect {
    let same = |name: &HeaderName| answer.get(name).is_none_or(|said| stored.get(name) == Some(said));
    let all = [header::ETAG, header::LAST_MODIFIED, header::CONTENT_LENGTH].iter().all(same);
    match all {
        false => HeadEffect::Invalidate,
        true if answer.contains_key(header::ETAG) || answer.contains_key(header::LAST_MODIFIED) => {
            HeadEffect::Freshen
        }
        true => HeadEffect::Nothing,
    }
}

/// Replaces the fields of a kept head by those of a 304, or of an answer to HEAD, from which fields of the connection were
/// removed (RFC 9111 section 3.2). What describes the bytes that are kept stays as it is: those bytes did not change.
///
/// The result has to pass [`storable`](crate::storable) and [`strip_for_store`](crate::strip_for_store) again before it is
/// kept: a 304 may bring a `private`, another `Vary` or somebody's cookie.
pub fn freshen(stored: &mut HeaderMap, update: &HeaderMap) {
    for name in update.keys().filter(|name| !is_about_kept_bytes(name)) {
        stored.remove(name);
        for value in update.get_all(name) {
            stored.append(name.clone(), value.clone());
        }
    }
    if !update.contains_key(header::AGE) {
        // The age of the version that was kept says nothing about the answer that confirmed it.
        stored.remove(header::AGE);
    }
}

/// Digests of bytes that never came would call those that did corrupt (RFC 1864, RFC 9530 section 2).
fn is_about_kept_bytes(name: &HeaderName) -> bool {
    [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::CONTENT_RANGE, header::TRANSFER_ENCODING]
        .contains(name)
        || ["content-md5", "content-digest"].contains(&name.as_str())
}
