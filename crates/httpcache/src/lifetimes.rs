//! The times of a kept answer: everything that a lookup needs to know about it, in one small value.

use std::time::Duration;

use crate::freshness::{Basis, current_age};

/// How long a kept answer may be used, and how. A lookup compares its age with these and reads no field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// The age at which its freshness ends. At most [`LONGEST`](crate::LONGEST).
    pub fresh_for: Duration,
    /// What decided that.
    pub basis: Basis,
    /// How old it was on arrival.
    pub initial_age: Duration,
    /// How long past its freshness it may be given while it is fetched anew.
    pub stale_while_revalidate: Duration,
    /// How long past its freshness it may be given instead of an error.
    pub stale_if_error: Duration,
    /// Whether it must be validated before each use (`no-cache`).
    pub always_revalidate: bool,
    /// Whether a client that asks for it (`max-stale`, or `stale-if-error` in the request) may have it stale.
    pub client_may_take_stale: bool,
}

impl Lifetimes {
    /// Its age after having been here for `resident`.
    #[must_use]
    pub fn age(&self, resident: Duration) -> Duration {
        current_age(self.initial_age, resident)
    }

    /// Whether it may be used at `age` by its own rules alone (RFC 9111 section 4.2).
    #[must_use]
    pub fn is_fresh(&self, age: Duration) -> bool {
        age < self.fresh_for && !self.always_revalidate
    }

    /// How long past its freshness it is at `age`; nothing while it is fresh.
    #[must_use]
    pub fn staleness(&self, age: Duration) -> Duration {
        age.saturating_sub(self.fresh_for)
    }

    /// Seconds of freshness left at `age`, negative when it is stale: `ttl` of `Cache-Status` (RFC 9211 section 2.4).
    #[must_use]
    pub fn ttl(&self, age: Duration) -> i64 {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        seconds(self.fresh_for).saturating_sub(seconds(age))
    }

    /// The age from which it is of no use for anything but to be validated.
    #[must_use]
    pub fn useful_until(&self) -> Duration {
        let stale = self.stale_while_revalidate.max(self.stale_if_error);
        if self.always_revalidate { Duration::ZERO } else { self.fresh_for.saturating_add(stale) }
    }
}
