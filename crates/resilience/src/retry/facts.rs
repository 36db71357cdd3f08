//! Whether a request may run more than once.

/// As much of a body is kept for another attempt, by default: 64 KiB. Longer bodies are sent once, as keeping them would
/// make memory depend on what clients send.
pub const BODY_LIMIT: usize = 64 * 1024;

/// What is known of an HTTP request when the question is whether it may be sent again.
///
/// Other protocols have their own facts; all that [`decide`](super::decide) wants is one answer,
/// [`Situation::repeatable`](super::Situation::repeatable).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its method is idempotent, see [`is_idempotent`].
    pub idempotent: bool,
    /// It carries an `Idempotency-Key`, by which the dependency recognises the second one (IETF draft
    /// `draft-ietf-httpapi-idempotency-key-header`).
    pub keyed: bool,
    /// It is certain that the dependency has seen nothing of it: no connection came about, or HTTP/2 said so
    /// (`REFUSED_STREAM`, a `GOAWAY` below the stream; RFC 9113 section 8.7).
    pub unsent: bool,
    /// Its body is still there in full: it has none, or all of it was kept (at most [`BODY_LIMIT`] by default), or none of
    /// it was read.
    pub body_kept: bool,
    /// The head of an answer has gone to the caller already. There can be no second answer.
    pub answered: bool,
}

impl Facts {
    /// Whether another attempt can do no harm and can be made at all.
    #[must_use]
    pub const fn repeatable(&self) -> bool {
        (self.idempotent || self.keyed || self.unsent) && self.body_kept && !self.answered
    }
}

/// Whether sending a method twice has the effect of sending it once (RFC 9110 section 9.2.2). Methods are case-sensitive;
/// of an unknown one nothing is known, so it is not.
#[must_use]
pub fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}
