//! Why a message is refused.

/// Why a request is refused before it is routed. The connection cannot be used any more after any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A line that ends in LF alone.
    #[error("a line of the head ends in a bare LF")]
    BareLf,
    /// The request line or a field line breaks the grammar; control characters, bare CR and obs-fold included.
    #[error("the head is not well-formed: {0}")]
    Malformed(&'static str),
    /// Larger than [`crate::HeadLimits::bytes`].
    #[error("the request head is too large")]
    HeadTooLarge,
    /// More fields than [`crate::HeadLimits::headers`].
    #[error("the request has too many header fields")]
    TooManyHeaders,
    /// Longer than [`crate::HeadLimits::target`].
    #[error("the request target is too long")]
    TargetTooLong,
    /// Not a valid request target, or a form that does not fit the method.
    #[error("the request target is not valid")]
    BadTarget,
    /// The request line names a version other than HTTP/1.0 and HTTP/1.1.
    #[error("this HTTP version is not supported")]
    BadVersion,
    /// Not a number, more than one, or a list.
    #[error("Content-Length is repeated or not a number")]
    BadContentLength,
    /// Both ways to say where the body ends.
    #[error("Transfer-Encoding and Content-Length stand in one request")]
    LengthAndEncoding,
    /// A transfer coding that does not end in `chunked`, or one in HTTP/1.0.
    #[error("Transfer-Encoding does not say where the request ends")]
    BadTransferEncoding,
    /// A coding besides `chunked` that nobody here speaks.
    #[error("this transfer coding is not implemented")]
    UnknownTransferCoding,
    /// None in HTTP/1.1.
    #[error("the Host field is missing")]
    MissingHost,
    /// More than one, or not an authority.
    #[error("the Host field is repeated or not valid")]
    BadHost,
    /// The target names another authority than the Host field.
    #[error("the request target names another host than the Host field")]
    HostMismatch,
    /// A chunk size, extension or trailer that breaks the grammar.
    #[error("the chunked body is not well-formed: {0}")]
    BadChunk(&'static str),
}

/// Why an answer of an upstream cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadResponse {
    /// The status line or a field line breaks the grammar.
    #[error("the answer's head is not well-formed")]
    Malformed,
    /// Larger than the limit.
    #[error("the answer's head is too large")]
    HeadTooLarge,
    /// Contradictory or unknown framing.
    #[error("the answer does not say where it ends")]
    BadFraming,
}
