//! Client throttle: send less to a dependency that turns work away.
//!
//! A dependency that is overloaded refuses, and refusing costs it something too: enough callers that keep asking can keep
//! it down with nothing but refusals to write. So every caller looks at its own last two minutes and drops, by chance and
//! before sending, what would most likely be refused anyway (Google SRE book, chapter 21, "Client-side throttling"):
//!
//! ```text
//! p = max(0, (requests - K * accepts) / (requests + 1)), at most the cap
//! ```
//!
//! With K = 2, nothing is dropped as long as the dependency accepts half of what is asked. When it accepts less, it sees
//! about twice what it can accept: enough to notice at once that it can do more, and little enough to recover. The cap
//! (0.9) lets a tenth through even when nothing was accepted for two minutes.
//!
//! A *request* is counted when it ends, or when it is refused here. Calls under way are no evidence: if they were counted
//! as requests from their beginning, a dependency that becomes slow would look like one that refuses, and all the more so
//! when calls take longer than the window. Refusals here count as requests, else p could never be more than what one
//! round of refusals makes it.
//!
//! Recovering takes its time, by the formula and not by accident: each call that is accepted makes room for one more, so the
//! share that goes through doubles every 40 s or so with the default window. After minutes in which everything was
//! refused, the last call is dropped about two windows later. Who wants it faster takes a shorter window.
//!
//! Not for: dependencies that fail without refusing (that is the breaker's work), nor for a handful of calls a minute.
//!
//! ```
//! use banyan_resilience::{
//!     Dice,
//!     throttle::{Settings, Throttle},
//! };
//! use tokio::time::Instant;
//!
//! let (throttle, dice, now) = (Throttle::new(Settings::default()), Dice::seeded(1), Instant::now());
//! assert!(throttle.admit(now, &dice).is_ok());
//! (0..100).for_each(|_| throttle.record(false, now));
//! assert!((throttle.status(now).probability - 0.9).abs() < 1e-9, "it accepted nothing: nine of ten stay here");
//! ```

mod settings;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

pub use self::settings::{Settings, SettingsError};
use crate::{
    Dice,
    budget::ring::{Ring, Ticks},
};

/// Buckets of a window: 5 s each with the default of two minutes.
const BUCKETS: usize = 24;

/// Drops calls to one dependency by chance, in the measure in which it refuses them.
///
/// While everything is accepted, admitting reads one atomic, and recording exchanges one.
#[derive(Debug)]
pub struct Throttle {
    settings: Settings,
    ticks: Ticks,
    accepted: Ring<BUCKETS>,
    /// Refused by the dependency or here.
    turned_away: Ring<BUCKETS>,
    /// The step from which no refusal is in the window any more.
    calm_from: AtomicU32,
}

/// A call is dropped, since the dependency would most likely refuse it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refusal {
    /// When another call has a chance: 1 s, times the number of calls of which one is admitted.
    pub retry_after: Duration,
    /// The share of calls that are dropped.
    pub probability: f64,
}

/// What a throttle knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Status {
    /// Calls in the window that have ended or were dropped.
    pub requests: u64,
    /// Those that the dependency accepted.
    pub accepts: u64,
    /// The share of calls that are dropped, 0 to the cap.
    pub probability: f64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Throttle {
    /// A throttle that has seen nothing and drops nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ticks: Ticks::dividing(settings.window(), BUCKETS),
            accepted: Ring::new(),
            turned_away: Ring::new(),
            calm_from: AtomicU32::new(0),
        }
    }

    /// What it was made with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether to send a call.
    ///
    /// # Errors
    /// [`Refusal`], by chance, the more often the more the dependency turns away.
    pub fn admit(&self, now: Instant, dice: &Dice) -> Result<(), Refusal> {
        let tick = self.ticks.at(now);
        if self.is_calm(tick) {
            return Ok(());
        }
        let Status { probability, .. } = self.status_at(tick);
        if probability <= 0.0 || dice.share() >= probability {
            return Ok(());
        }
        self.turn_away(tick);
        // The cap is below 1, so one call in so many is admitted.
        let retry_after = Duration::from_secs(1).div_f64(1.0 - probability);
        Err(Refusal { retry_after, probability })
    }

    /// What became of an admitted call: whether the dependency accepted it, well or badly. A call that nobody waited for
    /// any more need not be recorded.
    pub fn record(&self, accepted: bool, now: Instant) {
        let tick = self.ticks.at(now);
        if accepted {
            self.accepted.add(tick, 1);
        } else {
            self.turn_away(tick);
        }
    }

    /// What it knows now.
    #[must_use]
    pub fn status(&self, now: Instant) -> Status {
        self.status_at(self.ticks.at(now))
    }

    fn status_at(&self, tick: u32) -> Status {
        let accepts = self.accepted.sum(tick);
        let requests = accepts.saturating_add(self.turned_away.sum(tick));
        Status { requests, accepts, probability: self.settings.probability(requests, accepts) }
    }

    fn turn_away(&self, tick: u32) {
        self.turned_away.add(tick, 1);
        let buckets = u32::try_from(BUCKETS).unwrap_or(u32::MAX);
        self.calm_from.fetch_max(tick.saturating_add(buckets), Relaxed);
    }

    /// Whether all that the window holds was accepted: then the formula is zero, whatever the numbers are.
    fn is_calm(&self, tick: u32) -> bool {
        tick >= self.calm_from.load(Relaxed)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.probability * 100.0;
        write!(f, "throttled: {percent:.0} % of calls are dropped, as the dependency refuses too many")
    }
}

impl std::error::Error for Refusal {}
