//! How calls to an upstream are made. Every struct is what its section of the config says; the resilience engine has the
//! algorithms.

use std::{path::PathBuf, time::Duration};

use banyan_flags::Percent;

/// What a route says about something that its upstream has a say in too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Override<T> {
    /// Nothing: what the upstream says holds.
    #[default]
    Inherit,
    /// Not on this route.
    Off,
    /// This instead.
    Use(T),
}

impl<T> Override<T> {
    /// What holds on the route.
    #[must_use]
    pub const fn over<'a>(&'a self, upstream: Option<&'a T>) -> Option<&'a T> {
        match self {
            Self::Inherit => upstream,
            Self::Off => None,
            Self::Use(own) => Some(own),
        }
    }
}

/// Further attempts after one that failed, for requests that may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, the first included, 2 to 10. Default 3.
    pub attempts: u32,
    /// Upper end of the first backoff; doubles with each one that follows. Default 50 ms; at most `cap`.
    pub base: Duration,
    /// Upper end of any backoff. Default 1 s.
    pub cap: Duration,
    /// Retries as a share of requests. Default 20 %; more than 0 %.
    pub budget: Percent,
    /// Retries a second that are allowed beside the share, so that little traffic has some too. Default 2.
    pub per_second: u32,
}

/// Circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// What opens it.
    pub mode: BreakerMode,
    /// How long it refuses at first; doubles each time probes fail. Default 5 s; at most `open_at_most`.
    pub open_for: Duration,
    /// The longest it refuses. Default 8 s, or `open_for` if that is longer.
    pub open_at_most: Duration,
    /// Calls let through at once while it probes. Default 3; at least 1.
    pub probes: u32,
    /// Successful probes that close it. Default 2; at least 1.
    pub close_after: u32,
    /// A probe that takes longer gives its place to another. Default: the upstream's deadline.
    pub probe_timeout: Duration,
}

/// What opens a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerMode {
    /// Shares of recent calls (the default).
    Ratio {
        /// Share of calls that failed. Default 50 %; more than 0 %.
        failures: Percent,
        /// Calls below which no share says anything. Default 20; at least 1.
        of_at_least: u32,
        /// What recent means. Default 10 s.
        within: Duration,
        /// Slow calls count too, when configured.
        slow: Option<Slow>,
    },
    /// Failures one after the other.
    Consecutive {
        /// How many. At least 1.
        failures: u32,
    },
}

/// When calls are too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// A call is slow when it takes longer. Default 2 s; less than the upstream's `timeout`.
    pub over: Duration,
    /// Share of slow calls. Default 80 %; more than 0 %.
    pub share: Percent,
}

/// Limit of calls under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// The limit.
    pub limit: ConcurrencyLimit,
    /// The longest a call waits for a place. Default 100 ms; zero refuses at once.
    pub queue: Duration,
}

/// How a limit of calls under way is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConcurrencyLimit {
    /// It follows what the upstream can take (the default). `1 <= min <= start <= max`.
    Adaptive {
        /// At first. Default 20, or what of `min..=max` is nearest to it.
        start: u32,
        /// Never less. Default 1.
        min: u32,
        /// Never more. Default 200.
        max: u32,
    },
    /// It stays.
    Fixed {
        /// The limit; at least 1.
        limit: u32,
    },
}

/// A second attempt beside one that takes long (Dean and Barroso, The Tail at Scale, 2013).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedge {
    /// When the second attempt starts. Default p95.
    pub after: HedgeAfter,
    /// The most that second attempts may add, as a share of calls. Default 2 %; more than 0 %.
    pub extra: Percent,
}

/// When a second attempt starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeAfter {
    /// After as long as this share of recent calls took, 50 % to 99.9 %: `p95` is 95 %.
    Quantile(Percent),
    /// After this long; less than the timeout in force.
    Fixed(Duration),
}

/// What an answer has to be to count as one. At least one of these says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidIf {
    /// Statuses that are good, 200 to 599; empty: any but a 5xx.
    pub status: Vec<u16>,
    /// Media type, without parameters, lower case.
    pub content_type: Option<String>,
    /// Whether the body must be JSON.
    pub json: bool,
    /// JSON Pointers (RFC 6901) to what must be there; only with `json`.
    pub required: Vec<String>,
    /// JSON Schema that the body must fit; only with `json`.
    pub schema: Option<Schema>,
}

/// A JSON Schema, as it was when the config was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Where it comes from.
    pub file: PathBuf,
    /// What it says: an object or a boolean.
    pub document: serde_json::Value,
}

/// Client throttle (Site Reliability Engineering, 2016, chapter 21): refuses with the probability
/// `max(0, (requests - k * accepts) / (requests + 1))`, at most `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// How many requests are let through for one that was accepted. Default 2; at least 1.1.
    pub k: Factor,
    /// What counts as recent. Default 120 s.
    pub within: Duration,
    /// The largest probability. Default 90 %; 1 % to 99 %, so that recovery is noticed.
    pub cap: Percent,
}

/// A number with at most two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(u32);

impl Factor {
    /// From hundredths.
    #[must_use]
    pub const fn from_hundredths(hundredths: u32) -> Self {
        Self(hundredths)
    }

    /// In hundredths.
    #[must_use]
    pub const fn hundredths(self) -> u32 {
        self.0
    }

    /// As a number.
    #[must_use]
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}
