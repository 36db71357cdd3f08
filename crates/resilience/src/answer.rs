//! What a caller gets back: a value and where it came from, or why there is none.

use std::{fmt, time::Duration};

use crate::verdict::{Cause, Verdict};

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// From the dependency, for this call.
    Fresh,
    /// From the cache, where it was fresh still.
    Cached,
    /// From the cache, where it was not: a new one was being fetched, or could not be had.
    Stale,
    /// From the dependency, for an identical call that was under way already.
    Coalesced,
    /// A substitute.
    Fallback,
}

impl Source {
    /// One word for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Cached => "cached",
            Self::Stale => "stale",
            Self::Coalesced => "coalesced",
            Self::Fallback => "fallback",
        }
    }
}

/// A value, and how it was come by.
#[derive(Clone, Copy, Debug)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// Where it came from.
    pub source: Source,
    /// How often the dependency was asked for it, hedges included. 0 when it was not asked, or not for this call.
    pub attempts: u32,
    /// What the classifier made of it: not always [`Verdict::Success`], as a failure that is a value (a 500 answer) is
    /// handed on when nothing better can be had.
    pub verdict: Verdict,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug)]
pub struct Failed<E> {
    /// What went wrong last.
    pub error: CallError<E>,
    /// How often the dependency was asked, hedges included.
    pub attempts: u32,
}

/// What can go wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError<E> {
    /// The operation itself failed.
    Inner(E),
    /// The last attempt took too long.
    Timeout,
    /// The caller's time was over.
    Deadline,
    /// The dependency was not asked, to protect it or us.
    Refused(Refused),
}

/// A refusal: by whom, and when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who refused.
    pub by: Refuser,
    /// When another call has a chance.
    pub retry_after: Duration,
}

/// Who refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refuser {
    /// The circuit breaker is open.
    Breaker,
    /// The client throttle.
    Throttle,
    /// The concurrency limit is reached, and the queue before it is full or too slow.
    Limit,
}

/// Why a fallback was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The dependency failed.
    Failure(Cause),
    /// The caller's time was over.
    Deadline,
    /// The dependency was not asked.
    Refused(Refused),
}

impl<T> Answer<T> {
    /// The same answer with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer {
            value: change(self.value),
            source: self.source,
            attempts: self.attempts,
            verdict: self.verdict,
        }
    }
}

impl Refuser {
    /// One word for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Throttle => "throttle",
            Self::Limit => "limit",
        }
    }
}

impl Why {
    /// One word for labels.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Failure(cause) => cause.as_str(),
            Self::Deadline => "deadline",
            Self::Refused(refused) => refused.by.as_str(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by {
            Refuser::Breaker => f.write_str("the circuit breaker is open")?,
            Refuser::Throttle => f.write_str("throttled, as the dependency refuses too many calls")?,
            Refuser::Limit => f.write_str("as many calls as the dependency can serve are under way")?,
        }
        write!(f, "; try again in {:?}", self.retry_after)
    }
}

impl<E: fmt::Display> fmt::Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            CallError::Inner(error) => write!(f, "{error}")?,
            CallError::Timeout => f.write_str("no answer in time")?,
            CallError::Deadline => f.write_str("the deadline of the call has passed")?,
            CallError::Refused(refused) => write!(f, "not asked: {refused}")?,
        }
        match self.attempts {
            1 => f.write_str(" (1 attempt)"),
            attempts => write!(f, " ({attempts} attempts)"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Failed<E> {}
