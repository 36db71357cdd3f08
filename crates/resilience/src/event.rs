//! What an observer is told. Metrics, spans, log lines and timelines are all made of these.

use std::time::Duration;

use crate::{
    answer::{Refused, Why},
    breaker::Change,
    coalesce::Alone,
    retry,
    verdict::Verdict,
};

/// Is told what happens to calls, on the task that makes them: it must be quick and must not block.
pub trait Observer: Send + Sync {
    /// `policy` is the name of the policy the call was made under.
    fn observe(&self, policy: &str, event: &Event<'_>);
}

/// Something that happened to a call, or to the state that calls share.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A leg of an attempt came to its end.
    Attempt {
        /// Which attempt of its call, from 1.
        number: u32,
        /// Whether it was the second leg.
        hedge: bool,
        /// What it said about the dependency.
        verdict: Verdict,
        /// How long it took.
        took: Duration,
    },
    /// A failed attempt will be followed by another.
    Retry {
        /// The attempt to come, from 2.
        number: u32,
        /// How long the call waits before it.
        after: Duration,
    },
    /// A failed attempt was the last.
    GaveUp(retry::Stop),
    /// A second leg was sent after the first, which had taken that long by then.
    Hedge {
        /// How long the first leg had taken.
        after: Duration,
    },
    /// The dependency was not asked.
    Refused(Refused),
    /// The breaker changed its state. [`Change`] says what made it, with the numbers.
    Breaker(&'a Change),
    /// A substitute was wanted.
    Fallback(Why),
    /// The cache was looked into, or made use of.
    Cache(Cached),
    /// A call shared the fetch of an identical one.
    Coalesced {
        /// How long it waited for that.
        waited: Duration,
    },
    /// A call that could have shared a fetch made one of its own.
    Alone(Alone),
}

/// What the cache was to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cached {
    /// It had a fresh value.
    Hit,
    /// It had a fresh value, and this call saw to the next.
    Early,
    /// It had a stale value that was handed out, and this call saw to the next.
    Stale,
    /// It had nothing that could be handed out at once.
    Miss,
    /// No new value could be had, and a stale one took its place. It follows a `Miss`.
    OnError,
}

impl Cached {
    /// One word for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Early => "early",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::OnError => "on-error",
        }
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _policy: &str, _event: &Event<'_>) {}
}
