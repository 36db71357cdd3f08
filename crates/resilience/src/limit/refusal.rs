//! What a call is told that gets no place.

use std::{fmt, time::Duration};

/// There was no place for the call. It was not sent, so asking again does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Refusal {
    /// When asking again may help: 100 ms to 10 s.
    pub retry_after: Duration,
    /// What was in the way.
    pub why: Why,
}

/// What was in the way of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// All places are taken, and nobody may wait or too many do.
    QueueFull,
    /// The call waited and got no place in time.
    TimedOut,
    /// The caller's own deadline comes before a place would.
    Deadline,
}

impl Why {
    /// One word for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::TimedOut => "timed_out",
            Self::Deadline => "deadline",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull => "too many calls wait for a place",
            Self::TimedOut => "no place became free in time",
            Self::Deadline => "no place would become free before the deadline",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; try again in {:?}", self.why, self.retry_after)
    }
}

impl std::error::Error for Refusal {}
