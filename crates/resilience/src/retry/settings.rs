//! How often, and how long to wait before.

use std::{fmt, time::Duration};

use crate::Dice;

/// More attempts than this are a queue and not a retry.
const MOST_ATTEMPTS: u32 = 10;
/// No backoff is longer: who waits that long has long been given up on.
const LONGEST_CAP: Duration = Duration::from_secs(3600);

/// How often a call is attempted, and how long it waits between attempts.
///
/// The wait before the nth retry is drawn evenly from 0 to `min(cap, base * 2^(n-1))`: "full jitter" of the AWS
/// Builders' Library ("Timeouts, retries, and backoff with jitter"). The cap is applied before the draw. Applied after it,
/// the late retries of all callers would gather at the cap, in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    attempts: u32,
    base: Duration,
    cap: Duration,
}

/// Why retries cannot be made like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// No attempt at all, or more than ten.
    Attempts(u32),
    /// A base of zero.
    BaseZero,
    /// A cap below the base.
    CapBelowBase {
        /// What the first wait may be.
        base: Duration,
        /// What no wait may exceed.
        cap: Duration,
    },
    /// A cap of more than an hour.
    CapTooLong(Duration),
}

impl Default for Settings {
    /// Three attempts, the first wait up to 50 ms, none longer than 1 s.
    fn default() -> Self {
        Self { attempts: 3, base: Duration::from_millis(50), cap: Duration::from_secs(1) }
    }
}

impl Settings {
    /// `attempts` in all, the first included: 1 (no retry) to 10. The first wait is up to `base`, which is more than zero;
    /// no wait is longer than `cap`, which is at least `base` and at most an hour.
    ///
    /// # Errors
    /// [`SettingsError`], when a value lies outside its range.
    pub fn new(attempts: u32, base: Duration, cap: Duration) -> Result<Self, SettingsError> {
        if !(1..=MOST_ATTEMPTS).contains(&attempts) {
            return Err(SettingsError::Attempts(attempts));
        }
        if base.is_zero() {
            return Err(SettingsError::BaseZero);
        }
        if cap < base {
            return Err(SettingsError::CapBelowBase { base, cap });
        }
        if cap > LONGEST_CAP {
            return Err(SettingsError::CapTooLong(cap));
        }
        Ok(Self { attempts, base, cap })
    }

    /// How often a call is attempted in all.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What the first wait may be.
    #[must_use]
    pub const fn base(&self) -> Duration {
        self.base
    }

    /// What no wait exceeds.
    #[must_use]
    pub const fn cap(&self) -> Duration {
        self.cap
    }

    /// The longest wait before the nth retry, counted from 1 (0 is taken as 1): `min(cap, base * 2^(n-1))`.
    #[must_use]
    pub fn ceiling(&self, retry: u32) -> Duration {
        let factor = 2_u32.checked_pow(retry.saturating_sub(1));
        factor.and_then(|factor| self.base.checked_mul(factor)).map_or(self.cap, |wait| wait.min(self.cap))
    }

    /// A wait before the nth retry: from zero to [`ceiling`](Self::ceiling), each equally likely.
    pub fn delay(&self, retry: u32, dice: &Dice) -> Duration {
        dice.up_to(self.ceiling(retry))
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempts(attempts) => {
                write!(
                    f,
                    "{attempts} attempts: choose 1 (no retry) to {MOST_ATTEMPTS}, the first one included"
                )
            }
            Self::BaseZero => {
                f.write_str("a base of zero would retry at once and in step: choose some milliseconds")
            }
            Self::CapBelowBase { base, cap } => {
                write!(f, "the cap {cap:?} is below the base {base:?}: raise the cap or lower the base")
            }
            Self::CapTooLong(cap) => {
                write!(f, "a wait of {cap:?} is no retry any more: choose a cap of at most {LONGEST_CAP:?}")
            }
        }
    }
}

impl std::error::Error for SettingsError {}
