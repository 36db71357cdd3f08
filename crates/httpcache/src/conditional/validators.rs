//! Asking an origin whether a kept answer still holds (RFC 9111 section 4.3.1).

use http::{HeaderMap, HeaderValue, header};

/// What names the version that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// Its `ETag`, for `If-None-Match`.
    pub etag: Option<HeaderValue>,
    /// Its `Last-Modified`, for `If-Modified-Since`.
    pub last_modified: Option<HeaderValue>,
}

impl Validators {
    /// The validators of a kept head.
    #[must_use]
    pub fn of(stored: &HeaderMap) -> Self {
        Self {
            etag: stored.get(header::ETAG).cloned(),
            last_modified: stored.get(header::LAST_MODIFIED).cloned(),
        }
    }

    /// Whether there is none: the answer can only be fetched anew.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// Puts the condition on a request from which the client's own were taken.
    pub fn put_on(self, request: &mut HeaderMap) {
        if let Some(etag) = self.etag {
            request.insert(header::IF_NONE_MATCH, etag);
        }
        if let Some(last_modified) = self.last_modified {
            request.insert(header::IF_MODIFIED_SINCE, last_modified);
        }
    }
}
