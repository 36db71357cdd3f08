//! How much extra load there may be.

use std::{fmt, ops::RangeInclusive, time::Duration};

use super::TOKEN;

const RATIOS: RangeInclusive<u16> = 1..=10_000;
/// Far above what anybody retries, and far below what could overflow.
const MOST_PER_SECOND: u32 = 1_000_000;
const WINDOWS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

/// How much extra load there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    ratio: u16,
    per_second: u32,
    window: Duration,
}

/// Why there can be no such budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// No share at all, or more than everything; in basis points.
    Ratio(u16),
    /// A reserve beyond reason.
    PerSecond(u32),
    /// A window shorter than a second or longer than ten minutes.
    Window(Duration),
}

impl Default for Settings {
    /// 20 % of the requests of the last 10 s, and 2 per second.
    fn default() -> Self {
        Self { ratio: 2_000, per_second: 2, window: Duration::from_secs(10) }
    }
}

impl Settings {
    /// `ratio` is the share of requests that may be retried, in basis points: 1 (0.01 %) to 10,000 (100 %). `per_second`
    /// is what there is besides, 0 to 1,000,000. Both hold over `window`, 1 s to 10 min.
    ///
    /// # Errors
    /// [`SettingsError`], when a value lies outside its range.
    pub fn new(ratio: u16, per_second: u32, window: Duration) -> Result<Self, SettingsError> {
        if !RATIOS.contains(&ratio) {
            return Err(SettingsError::Ratio(ratio));
        }
        if per_second > MOST_PER_SECOND {
            return Err(SettingsError::PerSecond(per_second));
        }
        if !WINDOWS.contains(&window) {
            return Err(SettingsError::Window(window));
        }
        Ok(Self { ratio, per_second, window })
    }

    /// The share of requests that may be retried, in basis points.
    #[must_use]
    pub const fn ratio_basis_points(&self) -> u16 {
        self.ratio
    }

    /// How many retries a second there may be besides.
    #[must_use]
    pub const fn per_second(&self) -> u32 {
        self.per_second
    }

    /// Over how long requests and retries are counted.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// What a window has besides, in units. At most 6 * 10^12.
    pub(super) fn reserve(&self) -> u64 {
        let per_milli = u64::from(self.per_second) * (TOKEN / 1_000);
        u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX).saturating_mul(per_milli)
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(points) => write!(
                f,
                "a ratio of {points} basis points: choose 1 (0.01 %) to 10,000 (100 %); 2,000 is 20 %"
            ),
            Self::PerSecond(count) => {
                write!(f, "{count} retries per second besides: choose at most {MOST_PER_SECOND}, such as 2")
            }
            Self::Window(window) => write!(
                f,
                "a window of {window:?}: choose {:?} to {:?}, such as 10 s",
                WINDOWS.start(),
                WINDOWS.end()
            ),
        }
    }
}

impl std::error::Error for SettingsError {}
