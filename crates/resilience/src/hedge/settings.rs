//! When a second leg is sent, and how many.

use std::{fmt, ops::RangeInclusive, time::Duration};

use crate::budget;

const QUANTILES: RangeInclusive<f64> = 0.5..=0.999;
const EXTRAS: RangeInclusive<u16> = 1..=10_000;

/// When a call is late.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum After {
    /// When so large a share of recent calls would have been answered: 0.95 is after the slowest twentieth begins.
    Quantile(f64),
    /// After this time.
    Fixed(Duration),
}

/// When a second leg is sent, and how many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    after: After,
    extra: u16,
}

/// Why it cannot be hedged like that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SettingsError {
    /// A quantile after which most calls, or next to none, would be hedged.
    Quantile(f64),
    /// A second leg at once, with every call.
    AfterZero,
    /// No extra load at all, or more than everything; in basis points.
    Extra(u16),
}

impl Default for Settings {
    /// After the 95th percentile, for at most 2 % of the calls.
    fn default() -> Self {
        Self { after: After::Quantile(0.95), extra: 200 }
    }
}

impl Settings {
    /// `after` is a quantile from 0.5 to 0.999 or a time above zero. `extra` is the share of calls that may have a second
    /// leg, in basis points: 1 (0.01 %) to 10,000 (100 %).
    ///
    /// # Errors
    /// [`SettingsError`], when a value lies outside its range.
    pub fn new(after: After, extra: u16) -> Result<Self, SettingsError> {
        match after {
            After::Quantile(quantile) if !QUANTILES.contains(&quantile) => {
                return Err(SettingsError::Quantile(quantile));
            }
            After::Fixed(Duration::ZERO) => return Err(SettingsError::AfterZero),
            After::Quantile(_) | After::Fixed(_) => {}
        }
        if !EXTRAS.contains(&extra) {
            return Err(SettingsError::Extra(extra));
        }
        Ok(Self { after, extra })
    }

    /// When a call is late.
    #[must_use]
    pub const fn after(&self) -> After {
        self.after
    }

    /// The share of calls that may have a second leg, in basis points.
    #[must_use]
    pub const fn extra_basis_points(&self) -> u16 {
        self.extra
    }

    /// Pays for extra legs: the share and nothing besides. What was checked here is within the bounds there.
    pub(super) fn budget(&self, window: Duration) -> budget::Settings {
        budget::Settings::new(self.extra, 0, window).unwrap_or_default()
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantile(quantile) => write!(
                f,
                "hedging after the quantile {quantile}: choose {} to {}, such as 0.95",
                QUANTILES.start(),
                QUANTILES.end()
            ),
            Self::AfterZero => f.write_str(
                "hedging after no time sends everything twice: choose a time above zero, or a quantile",
            ),
            Self::Extra(points) => write!(
                f,
                "extra load of {points} basis points: choose {} (0.01 %) to 10,000 (100 %); 200 is 2 %",
                EXTRAS.start()
            ),
        }
    }
}

impl std::error::Error for SettingsError {}
