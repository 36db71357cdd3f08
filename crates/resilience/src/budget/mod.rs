//! Retry budget: how many retries all calls together may make, as a share of the calls.
//!
//! A limit per call (three attempts) protects from nothing when every call fails: then three attempts are three times the
//! load, at the moment when the dependency can bear least. A budget shared by all calls to a dependency bounds the extra
//! load by a share of the real one: with the defaults at most 20 % of the requests of the last ten seconds, and two a
//! second besides, so that a service with little traffic can retry at all. Hedges are extra load too and are paid from
//! the same budget.
//!
//! # What exactly is promised
//! A withdrawal is granted if, with it, `withdrawals <= floor(ratio * deposits + per_second * window)`, each counted over
//! the window that ends at that moment (ten buckets, so a token lives for nine to ten tenths of the window). The ratio is
//! kept in basis points and the balance in ten-thousandths of a token, all integers: after N requests at a ratio r exactly
//! `floor(N * r)` retries can be made beyond the reserve, for every ratio. (Budgets that round a ratio to "one retry per
//! so many requests" allow 20 % where 30 % was asked for.)
//!
//! Tokens expire with their window instead of piling up to a cap. A cap would have to be right for every rate of
//! traffic; one that is right for the busy hour would let a quiet service save up for hours and then spend the lot at
//! once, on a dependency that has just failed. Withdrawals are counted over the same window, so that a reserve used up at
//! once is not there again a moment later.
//!
//! Not for: calls whose extra load is bounded already (a queue with one worker), or limits that must hold over many nodes.
//!
//! ```
//! use banyan_resilience::budget::{RetryBudget, Settings};
//! use tokio::time::Instant;
//!
//! let budget = RetryBudget::new(Settings::new(2_000, 0, std::time::Duration::from_secs(10))?);
//! let now = Instant::now();
//! (0..10).for_each(|_| budget.deposit(now));
//! assert!(budget.try_withdraw(now) && budget.try_withdraw(now), "20 % of ten requests");
//! assert!(!budget.try_withdraw(now));
//! # Ok::<(), banyan_resilience::budget::SettingsError>(())
//! ```

pub(crate) mod ring;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use self::ring::{Ring, Ticks};
pub use self::settings::{Settings, SettingsError};

/// Buckets of a window.
const BUCKETS: usize = 10;
/// What a retry costs, in the units of the balance: ten-thousandths of a token, of which a request brings as many as its
/// ratio has basis points.
pub(crate) const TOKEN: u64 = 10_000;

/// Bounds the retries of all calls to one dependency by a share of the calls.
///
/// Shared by reference between any number of threads. A deposit is one atomic exchange. A withdrawal that is refused reads
/// twenty atomics; one that may be granted also takes a lock, which is only ever held for as long.
#[derive(Debug)]
pub struct RetryBudget {
    settings: Settings,
    ticks: Ticks,
    /// Requests.
    deposits: Ring<BUCKETS>,
    /// Retries that were paid for.
    spent: Ring<BUCKETS>,
    /// Held from looking at the balance until it is spent, so that no token is spent twice. Holds the latest tick seen: a
    /// thread whose clock reading is a little older must not bring back what has expired.
    latest: Mutex<u32>,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl RetryBudget {
    /// A budget that holds its reserve and nothing else.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ticks: Ticks::dividing(settings.window(), BUCKETS),
            deposits: Ring::new(),
            spent: Ring::new(),
            latest: Mutex::new(0),
        }
    }

    /// What it was made with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A request is made. Once per call, not per attempt: else retries would pay for retries.
    pub fn deposit(&self, now: Instant) {
        self.deposits.add(self.ticks.at(now), 1);
    }

    /// Pays for one retry or hedge, if there is enough. What is not used after all is not given back.
    #[must_use = "the retry is paid for only if this says so"]
    pub fn try_withdraw(&self, now: Instant) -> bool {
        let tick = self.ticks.at(now);
        // When everything fails, nearly all callers are refused, and they need no lock for that.
        if self.left(tick) < TOKEN {
            return false;
        }
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = tick.max(*latest);
        let is_enough = self.left(*latest) >= TOKEN;
        if is_enough {
            self.spent.add(*latest, 1);
        }
        is_enough
    }

    /// How many retries could be paid for now.
    #[must_use]
    pub fn balance(&self, now: Instant) -> u64 {
        self.left(self.ticks.at(now)) / TOKEN
    }

    /// The share of what the window allows that is still there: 1.0 when nothing was spent, 0.0 when nothing is left.
    #[must_use]
    pub fn remaining_ratio(&self, now: Instant) -> f64 {
        let tick = self.ticks.at(now);
        let (left, allowed) = (self.left(tick), self.allowed(tick));
        match (self.spent.sum(tick), allowed) {
            (0, _) => 1.0,
            (_, 0) => 0.0,
            _ => as_f64(left) / as_f64(allowed),
        }
    }

    /// What is not spent, in units. The withdrawals are read before the deposits: the other way round, a deposit and its
    /// withdrawal in between would make the balance look smaller than it ever was.
    fn left(&self, tick: u32) -> u64 {
        let spent = self.spent.sum(tick).saturating_mul(TOKEN);
        self.allowed(tick).saturating_sub(spent)
    }

    /// What the window allows in all, in units.
    fn allowed(&self, tick: u32) -> u64 {
        let earned = self.deposits.sum(tick).saturating_mul(self.settings.ratio_basis_points().into());
        earned.saturating_add(self.settings.reserve())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people to look at")]
const fn as_f64(units: u64) -> f64 {
    units as f64
}
