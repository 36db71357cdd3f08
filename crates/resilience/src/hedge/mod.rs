//! Hedging: when an answer is late, ask a second time beside it and take the one that comes first.
//!
//! A slow answer is most often bad luck: a pause, a queue, a lost packet at one endpoint. Asking another one after the time
//! in which 95 % of answers come costs a twentieth of the calls a second leg, and cuts off most of the tail (Dean and
//! Barroso, "The Tail at Scale", CACM 2013). When *all* answers are late it would only double the load, so the extra legs
//! have a budget of their own, exactly 2 % of the calls by default; the caller draws the retry budget besides.
//!
//! - **When.** After a fixed time, or after a quantile of the last 15 to 30 seconds. With fewer than 50 samples in that
//!   time nothing is known and nothing is hedged.
//! - **How exact.** Times are counted in buckets, 32 to each doubling, so memory is fixed (6 KB). The delay is the upper
//!   end of the bucket in which the quantile lies: never less than the true quantile of the counted samples, and at most
//!   1/32 (3.2 %) plus a microsecond more. Times over 134 s count as 134 s.
//! - **What to observe.** The time of every call that succeeded, from the start of its first leg, whichever leg won. The
//!   time the loser would have taken is not known, but it was longer than the delay, and so is the time of the call: the
//!   quantile stays right.
//!
//! Never for requests that may not run twice, and not for a dependency that is on trial (a half-open breaker). Useless where
//! a call is slow because of what it asks for, as the second leg then takes as long as the first.
//!
//! ```
//! use std::time::Duration;
//!
//! use banyan_resilience::hedge::{Hedge, Settings};
//! use tokio::time::Instant;
//!
//! let (hedge, now) = (Hedge::new(Settings::default()), Instant::now());
//! for millis in 1..=100 {
//!     hedge.deposit(now);
//!     hedge.observe(Duration::from_millis(millis), now);
//! }
//! let delay = hedge.delay(now).ok_or("too few samples")?;
//! assert!((95..=98).contains(&delay.as_millis()));
//! assert!(hedge.try_spend(now) && hedge.try_spend(now), "2 % of 100 calls");
//! assert!(!hedge.try_spend(now));
//! # Ok::<(), &str>(())
//! ```

mod settings;
#[cfg(test)]
mod tests;

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

pub use self::settings::{After, Settings, SettingsError};
use crate::{
    budget::{
        RetryBudget,
        ring::{Ticks, pack, unpack},
    },
    latency::{HALVES, Latency},
};

/// Over how long times are kept and extra legs are counted.
const WINDOW: Duration = Duration::from_secs(30);
/// Fewer samples say nothing about a tail.
const FEWEST: u32 = 50;
/// The quantile is computed again after so many samples, and remembered in between: more often while there are few, when
/// each still moves it and there is time enough. Divides [`FEWEST`].
const REFRESH_FEW: u32 = 10;
/// The same when there are [`MANY`].
const REFRESH_MANY: u32 = 64;
/// From so many samples on, one more hardly moves a quantile.
const MANY: u32 = 640;

/// Knows when a call to one dependency is late, and how many second legs there may be.
///
/// Deposit and observation are one or two atomic additions, asking for the delay is two atomic reads. Every 64th
/// observation (every tenth, of the first few hundred) computes the quantile anew, in about a microsecond.
#[derive(Debug)]
pub struct Hedge {
    settings: Settings,
    budget: RetryBudget,
    ticks: Ticks,
    latency: Latency,
    /// The step in which the delay was computed, and the delay in microseconds. 0 microseconds is none.
    known: AtomicU64,
}

impl Default for Hedge {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Hedge {
    /// Hedging that knows no time yet and has no leg to spend.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            budget: RetryBudget::new(settings.budget(WINDOW)),
            ticks: Ticks::dividing(WINDOW, HALVES),
            latency: Latency::new(),
            known: AtomicU64::new(0),
        }
    }

    /// What it was made with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A call is made that may be hedged. Its second leg, or that of a later call, is paid from this.
    pub fn deposit(&self, now: Instant) {
        self.budget.deposit(now);
    }

    /// After how long a call that is made now is late. `None` when too little is known.
    #[must_use]
    pub fn delay(&self, now: Instant) -> Option<Duration> {
        let quantile = match self.settings.after() {
            After::Fixed(delay) => return Some(delay),
            After::Quantile(quantile) => quantile,
        };
        let tick = self.ticks.at(now);
        let (of, micros) = unpack(self.known.load(Relaxed));
        // What was computed in an earlier step rests on samples that may have expired.
        let micros = if of == tick { micros } else { self.refresh(quantile, tick) };
        (micros > 0).then(|| Duration::from_micros(micros.into()))
    }

    /// A call that may be hedged has succeeded: so long after its first leg began.
    pub fn observe(&self, took: Duration, now: Instant) {
        let After::Quantile(quantile) = self.settings.after() else { return };
        let tick = self.ticks.at(now);
        let samples = self.latency.observe(took, tick);
        let every = if samples < MANY { REFRESH_FEW } else { REFRESH_MANY };
        if samples >= FEWEST && samples.is_multiple_of(every) {
            self.refresh(quantile, tick);
        }
    }

    /// Pays for a second leg from the budget of extra legs. The retry budget is the caller's to draw.
    #[must_use = "the leg is paid for only if this says so"]
    pub fn try_spend(&self, now: Instant) -> bool {
        self.budget.try_withdraw(now)
    }

    /// Computes the delay, in microseconds, and remembers it.
    fn refresh(&self, quantile: f64, tick: u32) -> u32 {
        let micros = self.latency.quantile(quantile, FEWEST, tick).unwrap_or(0);
        self.known.store(pack(tick, micros), Relaxed);
        micros
    }
}
