//! Why an answer is not kept, in words for people.

use thiserror::Error;

/// Why an answer is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum NotStored {
    /// RFC 9111 section 3: the method.
    #[error("only answers to GET are kept")]
    Method,
    /// RFC 9111 section 3: the status is not final.
    #[error("an interim answer (1xx) is not kept")]
    Interim,
    /// RFC 9111 section 3.3: 206 and 304.
    #[error("part of an answer (206, 304) is not kept by itself")]
    Incomplete,
    /// RFC 9111 section 5.2.1.5.
    #[error("the request says no-store")]
    RequestNoStore,
    /// RFC 9111 section 5.2.2.5.
    #[error("the origin says no-store")]
    NoStore,
    /// RFC 9111 section 5.2.2.3.
    #[error("the origin says must-understand and the status is unknown")]
    NotUnderstood,
    /// RFC 9111 section 5.2.2.7.
    #[error("the origin says private: it is for one user")]
    Private,
    /// RFC 9111 section 3.5.
    #[error("the request is authorised, and the origin does not say public, s-maxage or must-revalidate")]
    Authorized,
    /// RFC 9111 section 7.3, and prudence.
    #[error("the answer sets a cookie, and the route does not allow to keep such answers")]
    SetCookie,
    /// RFC 9111 section 4.1.
    #[error("Vary is *: no other request can ever match")]
    VaryAny,
    /// Our bound.
    #[error("Vary cannot be read, or lists more fields than are looked at")]
    VaryUnusable,
    /// RFC 9111 section 4.2.2: no freshness is stated, and none may be presumed for the status.
    #[error("the origin states no lifetime, and none may be presumed for this status")]
    Status,
    /// Allowed to be stored, but of no use.
    #[error("the origin states no lifetime and gives nothing to validate the answer with")]
    NoLifetime,
    /// Allowed to be stored, but of no use.
    #[error("the answer is stale at once and there is nothing to validate it with")]
    AlreadyStale,
    /// Our bound; see [`tags`](crate::tags).
    #[error("the answer has more tags, or longer ones, than it could be invalidated by")]
    Tags,
    /// Our bound.
    #[error("the answer is larger than what is kept (cache.max_object)")]
    TooLarge,
    /// The route's rule.
    #[error("the route keeps such answers for no time (0s)")]
    ZeroTtl,
}

impl NotStored {
    /// Whether the same answer may still be given to requests that waited for it at the same time (RFC 9111 section 4:
    /// what is *storable* may satisfy several requests). It may when only its time speaks against keeping it, and must not
    /// when it may belong to somebody.
    #[must_use]
    pub fn may_be_shared(self) -> bool {
        match self {
            Self::Status
            | Self::NoLifetime
            | Self::AlreadyStale
            | Self::Tags
            | Self::TooLarge
            | Self::ZeroTtl => true,
            Self::Method
            | Self::Interim
            | Self::Incomplete
            | Self::RequestNoStore
            | Self::NoStore
            | Self::NotUnderstood
            | Self::Private
            | Self::Authorized
            | Self::SetCookie
            | Self::VaryAny
            | Self::VaryUnusable => false,
        }
    }
}
