//! Entity tags (RFC 9110 section 8.8.3): names of versions, compared weakly or strongly.
//!
//! Origins exist that send tags without quotes. They are compared byte by byte like any other; only a tag that *is* weak
//! counts as weak.

use http::HeaderValue;

use crate::list::split;

/// The tag without its mark of weakness, and whether it had one.
fn parts(tag: &[u8]) -> (&[u8], bool) {
    match tag.strip_prefix(b"W/") {
        Some(opaque) => (opaque, true),
        None => (tag, false),
    }
}

/// Whether an `If-None-Match` names the version (weak comparison, RFC 9110 section 13.1.2). `*` names any version.
pub(super) fn any_matches(fields: &[HeaderValue], stored: Option<&HeaderValue>) -> bool {
    let wanted = || fields.iter().flat_map(|value| split(value.as_bytes()));
    wanted().any(|tag| tag == b"*")
        || stored.is_some_and(|stored| wanted().any(|tag| parts(tag).0 == parts(stored.as_bytes()).0))
}

/// Whether both are the same tag and neither is weak (strong comparison, RFC 9110 section 8.8.3.2).
pub(crate) fn strongly_equal(one: &HeaderValue, other: &HeaderValue) -> bool {
    one == other && !is_weak(one)
}

/// Whether both are the same tag, weak or not.
pub(super) fn weakly_equal(one: &HeaderValue, other: &HeaderValue) -> bool {
    parts(one.as_bytes()).0 == parts(other.as_bytes()).0
}

/// Whether a tag says that it names a version only roughly.
pub(super) fn is_weak(tag: &HeaderValue) -> bool {
    parts(tag.as_bytes()).1
}
