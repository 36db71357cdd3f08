//! What a shedder is told, checked when it is built.

use std::{fmt, time::Duration};

/// When there is too much to do, and how fast the line moves then.
///
/// The default is the paper's: 20 ms of waiting on average over 2,000 requests or a second; 5 % less, 1 % more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    wait: Duration,
    requests: u32,
    within: Duration,
    fall: f64,
    rise: f64,
}

/// Why settings were refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SettingsError {
    /// A threshold of zero, or above a second.
    Wait(Duration),
    /// Fewer than 10 requests, or more than a million.
    Requests(u32),
    /// A window below 10 ms or above a minute.
    Within(Duration),
    /// A share that is not above 0 and at most a half.
    Step(f64),
}

impl Settings {
    /// The mean wait that means too much to do: above 0, at most 1 s.
    ///
    /// # Errors
    ///
    /// Outside that range.
    pub fn with_wait(self, wait: Duration) -> Result<Self, SettingsError> {
        let allowed = !wait.is_zero() && wait <= Duration::from_secs(1);
        if allowed { Ok(Self { wait, ..self }) } else { Err(SettingsError::Wait(wait)) }
    }

    /// How many requests make a window (10 to 1,000,000), and after which time it ends anyway (10 ms to 1 min).
    ///
    /// # Errors
    ///
    /// Outside these ranges.
    pub fn with_window(self, requests: u32, within: Duration) -> Result<Self, SettingsError> {
        if !(10..=1_000_000).contains(&requests) {
            return Err(SettingsError::Requests(requests));
        }
        if within < Duration::from_millis(10) || within > Duration::from_secs(60) {
            return Err(SettingsError::Within(within));
        }
        Ok(Self { requests, within, ..self })
    }

    /// Which share less is admitted after a window with too much to do, and which share more after one without: above 0, at
    /// most 0.5.
    ///
    /// # Errors
    ///
    /// Outside that range.
    pub fn with_steps(self, fall: f64, rise: f64) -> Result<Self, SettingsError> {
        match [fall, rise].into_iter().find(|step| !(*step > 0.0 && *step <= 0.5)) {
            Some(step) => Err(SettingsError::Step(step)),
            None => Ok(Self { fall, rise, ..self }),
        }
    }

    /// The mean wait that means too much to do.
    #[must_use]
    pub const fn wait(&self) -> Duration {
        self.wait
    }

    /// How many requests make a window.
    #[must_use]
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// After which time a window ends anyway.
    #[must_use]
    pub const fn within(&self) -> Duration {
        self.within
    }

    /// Which share less is admitted after a window with too much to do.
    #[must_use]
    pub const fn fall(&self) -> f64 {
        self.fall
    }

    /// Which share more is admitted after a window without.
    #[must_use]
    pub const fn rise(&self) -> f64 {
        self.rise
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            wait: Duration::from_millis(20),
            requests: 2000,
            within: Duration::from_secs(1),
            fall: 0.05,
            rise: 0.01,
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait(wait) => {
                write!(f, "shedding cannot begin at a mean wait of {wait:?}: set more than 0 and at most 1 s")
            }
            Self::Requests(requests) => {
                write!(f, "a window of {requests} requests tells nothing: set 10 to 1,000,000")
            }
            Self::Within(within) => write!(f, "a window of {within:?} tells nothing: set 10 ms to 1 min"),
            Self::Step(step) => {
                write!(f, "the line cannot move by {step} of the load: set more than 0 and at most 0.5")
            }
        }
    }
}

impl std::error::Error for SettingsError {}
