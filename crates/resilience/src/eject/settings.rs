//! When an endpoint is put out, and for how long.

use std::{fmt, ops::RangeInclusive, time::Duration};

const SHARES: RangeInclusive<u16> = 1..=9_999;
const WINDOWS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);
/// Who is out for longer than a day should be taken out of the config.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// When an endpoint is put out, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    errors: u32,
    base: Duration,
    max: Duration,
    rate: Option<Rate>,
}

/// The share of calls that must succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    below: u16,
    at_least: u32,
    within: Duration,
}

/// Why endpoints cannot be ejected like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// Ejection after no error.
    ErrorsZero,
    /// Ejection for no time.
    BaseZero,
    /// A longest time below the first, or of more than a day.
    Max {
        /// The first time out.
        base: Duration,
        /// The longest time out.
        max: Duration,
    },
    /// A share of successes that none or every endpoint has; in basis points.
    Below(u16),
    /// A share of no calls.
    AtLeastZero,
    /// A window shorter than a second or longer than an hour.
    Within(Duration),
}

impl Default for Settings {
    /// After 5 failures in a row, for 30 s to 300 s; no rule about the share of successes.
    fn default() -> Self {
        Self { errors: 5, base: Duration::from_secs(30), max: Duration::from_secs(300), rate: None }
    }
}

impl Settings {
    /// Out after `errors` failures in a row, at least 1, for `base` at first and `max` at most: above zero, up to a day.
    ///
    /// # Errors
    /// [`SettingsError`], when a value lies outside its range.
    pub fn new(errors: u32, base: Duration, max: Duration) -> Result<Self, SettingsError> {
        if errors == 0 {
            return Err(SettingsError::ErrorsZero);
        }
        if base.is_zero() {
            return Err(SettingsError::BaseZero);
        }
        if max < base || max > LONGEST {
            return Err(SettingsError::Max { base, max });
        }
        Ok(Self { errors, base, max, rate: None })
    }

    /// Out also when too small a share of calls succeeds.
    #[must_use]
    pub const fn with_rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// How many failures in a row put an endpoint out.
    #[must_use]
    pub const fn errors(&self) -> u32 {
        self.errors
    }

    /// For how long it is out the first time.
    #[must_use]
    pub const fn base(&self) -> Duration {
        self.base
    }

    /// For how long at most.
    #[must_use]
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// The share of calls that must succeed, if that is asked for.
    #[must_use]
    pub const fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// For how long an endpoint is out that was out so often before.
    #[must_use]
    pub fn time_out(&self, ejections: u32) -> Duration {
        let factor = 2_u32.checked_pow(ejections);
        factor.and_then(|factor| self.base.checked_mul(factor)).map_or(self.max, |time| time.min(self.max))
    }
}

impl Rate {
    /// Out when fewer than `below` of the calls succeeded (in basis points, 1 to 9,999), of `at_least` calls or more (at
    /// least 1) `within` this time (1 s to 1 h; the rule looks back over half of it to all of it).
    ///
    /// # Errors
    /// [`SettingsError`], when a value lies outside its range.
    pub fn new(below: u16, at_least: u32, within: Duration) -> Result<Self, SettingsError> {
        if !SHARES.contains(&below) {
            return Err(SettingsError::Below(below));
        }
        if at_least == 0 {
            return Err(SettingsError::AtLeastZero);
        }
        if !WINDOWS.contains(&within) {
            return Err(SettingsError::Within(within));
        }
        Ok(Self { below, at_least, within })
    }

    /// The share of calls that must succeed, in basis points.
    #[must_use]
    pub const fn below_basis_points(&self) -> u16 {
        self.below
    }

    /// With fewer calls nothing is judged.
    #[must_use]
    pub const fn at_least(&self) -> u32 {
        self.at_least
    }

    /// How far the rule looks back.
    #[must_use]
    pub const fn within(&self) -> Duration {
        self.within
    }

    /// Whether so many successes of so many calls are too few.
    pub(super) fn is_broken(&self, good: u32, calls: u32) -> bool {
        calls >= self.at_least && u64::from(good) * 10_000 < u64::from(calls) * u64::from(self.below)
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ErrorsZero => f.write_str("ejection after no error: choose at least 1, such as 5"),
            Self::BaseZero => f.write_str("ejection for no time: choose a base above zero, such as 30 s"),
            Self::Max { base, max } => write!(
                f,
                "at most {max:?} out, and {base:?} the first time: choose a longest time from the base to {LONGEST:?}"
            ),
            Self::Below(points) => {
                write!(f, "a share of {points} basis points: choose 1 (0.01 %) to 9,999; 9,000 is 90 %")
            }
            Self::AtLeastZero => f.write_str("a share of at least no calls: choose at least 1, such as 100"),
            Self::Within(window) => write!(
                f,
                "a window of {window:?}: choose {:?} to {:?}, such as 10 s",
                WINDOWS.start(),
                WINDOWS.end()
            ),
        }
    }
}

impl std::error::Error for SettingsError {}
