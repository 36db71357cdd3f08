//! For how long values are good.

use std::{fmt, ops::RangeInclusive, time::Duration};

use tokio::time::Instant;

use super::{Entry, Kind, early};
use crate::dice::Dice;

/// Nothing is kept for longer than a year: who wants that wants a database.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
const BETAS: RangeInclusive<f64> = 0.0..=10.0;
const JITTERS: RangeInclusive<f64> = 0.0..=0.5;

/// For how long values are good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    ttl: Duration,
    negative: Duration,
    degraded: Duration,
    stale_while_revalidate: Duration,
    stale_if_error: Duration,
    early_refresh: f64,
    jitter: f64,
}

/// Why values cannot be good for so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RulesError {
    /// A lifetime of nothing.
    TtlZero,
    /// A time of more than a year, and which.
    TooLong(&'static str, Duration),
    /// An eagerness below 0, above 10, or that is no number.
    EarlyRefresh(f64),
    /// A jitter below 0, above a half, or that is no number.
    Jitter(f64),
}

impl Rules {
    /// Complete values are fresh for `ttl`: above zero, up to a year. The rest is as usual: negative ones for 60 s, degraded
    /// ones for 30 s; stale for 10 s while a new one is fetched, for 60 s if none can be had; refreshed early with a beta
    /// of 1; lifetimes shorter by up to 10 %.
    ///
    /// # Errors
    /// [`RulesError`], when the lifetime lies outside its range.
    pub fn new(ttl: Duration) -> Result<Self, RulesError> {
        if ttl.is_zero() {
            return Err(RulesError::TtlZero);
        }
        Ok(Self {
            ttl: within("ttl", ttl)?,
            negative: Duration::from_secs(60),
            degraded: Duration::from_secs(30),
            stale_while_revalidate: Duration::from_secs(10),
            stale_if_error: Duration::from_secs(60),
            early_refresh: 1.0,
            jitter: 0.1,
        })
    }

    /// How long it is believed that something does not exist: up to a year. Zero keeps nothing of the kind.
    ///
    /// # Errors
    /// [`RulesError`], when it is longer.
    pub fn with_negative(mut self, ttl: Duration) -> Result<Self, RulesError> {
        self.negative = within("negative ttl", ttl)?;
        Ok(self)
    }

    /// How long a value with a part missing is fresh: up to a year. Zero keeps nothing of the kind.
    ///
    /// # Errors
    /// [`RulesError`], when it is longer.
    pub fn with_degraded(mut self, ttl: Duration) -> Result<Self, RulesError> {
        self.degraded = within("degraded ttl", ttl)?;
        Ok(self)
    }

    /// How long a complete value is handed out after its lifetime, while a new one is fetched: up to a year.
    ///
    /// # Errors
    /// [`RulesError`], when it is longer.
    pub fn with_stale_while_revalidate(mut self, window: Duration) -> Result<Self, RulesError> {
        self.stale_while_revalidate = within("stale_while_revalidate", window)?;
        Ok(self)
    }

    /// How long a complete value is handed out after its lifetime when no new one can be had: up to a year.
    ///
    /// # Errors
    /// [`RulesError`], when it is longer.
    pub fn with_stale_if_error(mut self, window: Duration) -> Result<Self, RulesError> {
        self.stale_if_error = within("stale_if_error", window)?;
        Ok(self)
    }

    /// How eagerly values are refreshed before their lifetime is over, 0 to 10; 0 is never. See [`early`].
    ///
    /// # Errors
    /// [`RulesError`], when it lies outside this range.
    pub fn with_early_refresh(mut self, beta: f64) -> Result<Self, RulesError> {
        if !BETAS.contains(&beta) {
            return Err(RulesError::EarlyRefresh(beta));
        }
        self.early_refresh = beta;
        Ok(self)
    }

    /// By up to which share a lifetime is shorter, by chance, 0 to 0.5: so that what came at once does not go at once.
    ///
    /// # Errors
    /// [`RulesError`], when it lies outside this range.
    pub fn with_jitter(mut self, ratio: f64) -> Result<Self, RulesError> {
        if !JITTERS.contains(&ratio) {
            return Err(RulesError::Jitter(ratio));
        }
        self.jitter = ratio;
        Ok(self)
    }

    /// For how long a value of this kind is fresh, before jitter.
    #[must_use]
    pub const fn ttl(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Complete => self.ttl,
            Kind::Degraded => self.degraded,
            Kind::Negative => self.negative,
        }
    }

    /// How eagerly values are refreshed early.
    #[must_use]
    pub const fn early_refresh(&self) -> f64 {
        self.early_refresh
    }

    /// A value that was asked for at `began` and came at `now`, ready to be kept; `None` for a kind that is not. Only a
    /// complete one is ever stale: that something was missing yesterday is no answer.
    pub fn entry<V>(
        &self,
        value: V,
        kind: Kind,
        began: Instant,
        now: Instant,
        dice: &Dice,
    ) -> Option<Entry<V>> {
        let ttl = self.ttl(kind);
        if ttl.is_zero() {
            return None;
        }
        let stale = |window| if kind == Kind::Complete { window } else { Duration::ZERO };
        Some(Entry {
            value,
            stored_at: now,
            fresh_for: early::jittered(ttl, self.jitter, dice),
            kind,
            recompute: now.saturating_duration_since(began),
            stale_while: stale(self.stale_while_revalidate),
            stale_if_error: stale(self.stale_if_error),
        })
    }
}

fn within(what: &'static str, time: Duration) -> Result<Duration, RulesError> {
    if time > LONGEST { Err(RulesError::TooLong(what, time)) } else { Ok(time) }
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TtlZero => {
                f.write_str("a lifetime of zero keeps nothing: choose one above it, or leave the cache out")
            }
            Self::TooLong(what, time) => write!(f, "{what} is {time:?}: choose a year or less"),
            Self::EarlyRefresh(beta) => {
                write!(f, "an early refresh of {beta}: choose 0 to 10; 1 is best in theory, 0 turns it off")
            }
            Self::Jitter(ratio) => {
                write!(f, "a jitter of {ratio}: choose 0 to 0.5; 0.1 takes up to a tenth off a lifetime")
            }
        }
    }
}

impl std::error::Error for RulesError {}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_kind_has_its_lifetime_and_only_complete_values_become_stale() {
        let rules = Rules::new(300 * SECOND).unwrap().with_jitter(0.0).unwrap();
        let (now, dice) = (Instant::now(), Dice::seeded(1));
        let entry = |kind| rules.entry(7, kind, now, now + SECOND, &dice).unwrap();
        let complete = entry(Kind::Complete);
        assert_eq!((complete.fresh_for, complete.recompute), (300 * SECOND, SECOND));
        assert_eq!(complete.stored_at, now + SECOND);
        assert_eq!((complete.stale_while, complete.stale_if_error), (10 * SECOND, 60 * SECOND));
        for (kind, ttl) in [(Kind::Degraded, 30 * SECOND), (Kind::Negative, 60 * SECOND)] {
            let entry = entry(kind);
            assert_eq!(
                (entry.fresh_for, entry.stale_while, entry.stale_if_error),
                (ttl, Duration::ZERO, Duration::ZERO)
            );
        }
        let none = rules.with_negative(Duration::ZERO).unwrap();
        assert_eq!(none.entry(7, Kind::Negative, now, now, &dice), None);
    }

    #[test]
    fn lifetimes_that_were_stored_together_do_not_end_together() {
        let (now, dice) = (Instant::now(), Dice::seeded(1));
        let rules = Rules::new(100 * SECOND).unwrap();
        let ends: std::collections::HashSet<_> =
            (0..100).filter_map(|_| rules.entry(7, Kind::Complete, now, now, &dice)?.expiry()).collect();
        assert_eq!(ends.len(), 100);
        assert!(ends.iter().all(|end| (now + 90 * SECOND..=now + 100 * SECOND).contains(end)));
    }

    #[test]
    fn rules_that_make_no_sense_are_refused_and_say_what_to_choose() {
        let rules = Rules::new(SECOND).unwrap();
        let long = LONGEST + SECOND;
        let errors = [
            Rules::new(Duration::ZERO),
            Rules::new(long),
            rules.with_negative(long),
            rules.with_degraded(long),
            rules.with_stale_while_revalidate(long),
            rules.with_stale_if_error(long),
            rules.with_early_refresh(-0.1),
            rules.with_early_refresh(f64::NAN),
            rules.with_early_refresh(10.1),
            rules.with_jitter(0.6),
            rules.with_jitter(f64::NAN),
        ];
        for error in errors {
            let error = error.unwrap_err().to_string();
            assert!(error.contains("choose"), "{error}");
        }
    }
}
