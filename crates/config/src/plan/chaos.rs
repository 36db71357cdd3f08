//! Faults made on purpose.

use std::{ops::RangeInclusive, time::Duration};

use banyan_flags::Percent;
use http::{HeaderName, HeaderValue};

/// Faults made on purpose, so that one sees before the incident what it will do. Never in production.
///
/// A request is slowed first, by a draw of its own. Of the other faults at most one strikes it, so their shares add up to
/// at most 100 %.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chaos {
    /// Share of requests that fail before the upstream is asked.
    pub fail: Percent,
    /// How they fail.
    pub fail_with: ChaosFailure,
    /// Share of requests that are slowed.
    pub slow: Percent,
    /// By how much, drawn evenly; zero when `slow` is.
    pub by: RangeInclusive<Duration>,
    /// Share of answers whose connection is reset within the body.
    pub reset: Percent,
    /// Share of answers that end early and seem complete.
    pub truncate: Percent,
    /// Share of answers with changed bytes in the body.
    pub corrupt: Percent,
    /// Requests that it is about.
    pub when: ChaosWhen,
}

/// How a request fails on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChaosFailure {
    /// As if the upstream had answered with this status, 400 to 599. Default 503.
    Status(u16),
    /// As if the connection had been reset before any answer.
    Reset,
}

/// Requests that faults are made for: those for which all of this holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChaosWhen {
    /// Their subject is in this share, always the same ones. A request without a subject is not.
    pub subjects: Option<Percent>,
    /// They carry these fields with exactly these values. Sorted by name.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}
