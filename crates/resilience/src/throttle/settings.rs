//! How much a dependency may refuse before less is sent.

use std::{fmt, ops::RangeInclusive, time::Duration};

const FACTORS: RangeInclusive<f64> = 1.1..=100.0;
const CAPS: RangeInclusive<f64> = 0.01..=0.99;
/// A bucket is a 24th of the window, and steps are at least a tenth of a second.
const WINDOWS: RangeInclusive<Duration> = Duration::from_secs(3)..=Duration::from_secs(3600);

/// How much a dependency may refuse before less is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    factor: f64,
    window: Duration,
    cap: f64,
}

/// Why there can be no such throttle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SettingsError {
    /// A factor with which a healthy dependency would be throttled, or hardly any.
    Factor(f64),
    /// A window that is too short or too long.
    Window(Duration),
    /// A cap that drops nothing or everything.
    Cap(f64),
}

impl Default for Settings {
    /// K = 2 over 120 s, at most 90 % dropped.
    fn default() -> Self {
        Self { factor: 2.0, window: Duration::from_secs(120), cap: 0.9 }
    }
}

impl Settings {
    /// `factor` is the K of the formula, 1.1 to 100: calls are dropped when fewer than one in K is accepted. `window` is how
    /// far it looks back, 3 s to 1 h. `cap` is the largest share that is dropped, 0.01 to 0.99: something has to get
    /// through, else it could never notice a recovery.
    ///
    /// # Errors
    /// [`SettingsError`], when a value lies outside its range.
    pub fn new(factor: f64, window: Duration, cap: f64) -> Result<Self, SettingsError> {
        if !FACTORS.contains(&factor) {
            return Err(SettingsError::Factor(factor));
        }
        if !WINDOWS.contains(&window) {
            return Err(SettingsError::Window(window));
        }
        if !CAPS.contains(&cap) {
            return Err(SettingsError::Cap(cap));
        }
        Ok(Self { factor, window, cap })
    }

    /// The K of the formula.
    #[must_use]
    pub const fn factor(&self) -> f64 {
        self.factor
    }

    /// How far it looks back.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// The largest share that is dropped.
    #[must_use]
    pub const fn cap(&self) -> f64 {
        self.cap
    }

    /// The formula.
    #[expect(clippy::cast_precision_loss, reason = "a probability needs no more digits")]
    pub(super) fn probability(&self, requests: u64, accepts: u64) -> f64 {
        let (requests, accepts) = (requests as f64, accepts as f64);
        (self.factor.mul_add(-accepts, requests) / (requests + 1.0)).clamp(0.0, self.cap)
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factor(factor) => write!(
                f,
                "a factor of {factor}: choose {} to {}; 2 drops calls when fewer than half are accepted",
                FACTORS.start(),
                FACTORS.end()
            ),
            Self::Window(window) => write!(
                f,
                "a window of {window:?}: choose {:?} to {:?}, such as 120 s",
                WINDOWS.start(),
                WINDOWS.end()
            ),
            Self::Cap(cap) => write!(
                f,
                "a cap of {cap}: choose {} to {}; a recovery is noticed by what gets through",
                CAPS.start(),
                CAPS.end()
            ),
        }
    }
}

impl std::error::Error for SettingsError {}
