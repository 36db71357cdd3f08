//! What a limit is told, checked when it is built.

use std::{fmt, time::Duration};

/// The most places a limit may have. Far beyond what one process keeps in flight, and small enough that counts of
/// places fit everywhere.
pub const MOST_PLACES: u32 = 1_000_000;
/// The longest a call may be told to wait for a place.
pub const LONGEST_QUEUE: Duration = Duration::from_secs(60);

/// How many calls may be under way at once, and how long others may wait for a place.
///
/// The default is adaptive: 20 places to start with, never below 1 nor above 200, and at most 100 ms in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    mode: Mode,
    start: u32,
    min: u32,
    max: u32,
    queue: Duration,
}

/// Whether the number of places follows what is observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It follows the dependency: places are added while more of them do more work.
    Adaptive,
    /// It stays as set: a bulkhead.
    Fixed,
}

/// Why settings were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// A limit without a place would refuse everything.
    NoPlace,
    /// More places than [`MOST_PLACES`].
    TooManyPlaces(u32),
    /// Not `min <= start <= max`.
    Order {
        /// As given.
        start: u32,
        /// As given.
        min: u32,
        /// As given.
        max: u32,
    },
    /// A wait beyond [`LONGEST_QUEUE`].
    QueueTooLong(Duration),
}

impl Settings {
    /// A limit that finds its level by itself, between `min` and `max` (1 to [`MOST_PLACES`]), beginning with `start`.
    ///
    /// # Errors
    ///
    /// If `min` is 0, `max` is too large, or the three are not in order.
    pub const fn adaptive(start: u32, min: u32, max: u32) -> Result<Self, SettingsError> {
        if min == 0 {
            return Err(SettingsError::NoPlace);
        }
        if max > MOST_PLACES {
            return Err(SettingsError::TooManyPlaces(max));
        }
        if start < min || start > max {
            return Err(SettingsError::Order { start, min, max });
        }
        Ok(Self { mode: Mode::Adaptive, start, min, max, queue: DEFAULT_QUEUE })
    }

    /// A limit that stays: a bulkhead of `places`, 1 to [`MOST_PLACES`].
    ///
    /// # Errors
    ///
    /// If there is no place, or there are too many.
    pub const fn fixed(places: u32) -> Result<Self, SettingsError> {
        match Self::adaptive(places, places, places) {
            Ok(settings) => Ok(Self { mode: Mode::Fixed, ..settings }),
            Err(error) => Err(error),
        }
    }

    /// The longest a call may wait for a place, 0 (never wait) to [`LONGEST_QUEUE`]; 100 ms unless set. It is an upper
    /// bound: whoever would not get a place within it is refused at once, as far as that can be foreseen.
    ///
    /// # Errors
    ///
    /// If `wait` is too long.
    pub const fn queue(self, wait: Duration) -> Result<Self, SettingsError> {
        if wait.as_nanos() > LONGEST_QUEUE.as_nanos() {
            return Err(SettingsError::QueueTooLong(wait));
        }
        Ok(Self { queue: wait, ..self })
    }

    /// Whether the limit moves.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Places to start with.
    #[must_use]
    pub const fn start(&self) -> u32 {
        self.start
    }

    /// The fewest places.
    #[must_use]
    pub const fn min(&self) -> u32 {
        self.min
    }

    /// The most places.
    #[must_use]
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// The longest wait for a place.
    #[must_use]
    pub const fn queue_wait(&self) -> Duration {
        self.queue
    }
}

const DEFAULT_QUEUE: Duration = Duration::from_millis(100);

impl Default for Settings {
    fn default() -> Self {
        Self { mode: Mode::Adaptive, start: 20, min: 1, max: 200, queue: DEFAULT_QUEUE }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlace => f.write_str("a limit of 0 would refuse every call: allow at least 1"),
            Self::TooManyPlaces(places) => {
                write!(f, "a limit of {places} limits nothing: allow at most {MOST_PLACES}, or use no limit")
            }
            Self::Order { start, min, max } => {
                write!(
                    f,
                    "the limit starts at {start}, which is not between its least, {min}, and its most, {max}"
                )
            }
            Self::QueueTooLong(wait) => {
                write!(f, "calls may not wait {wait:?} for a place: set at most {LONGEST_QUEUE:?}")
            }
        }
    }
}

impl std::error::Error for SettingsError {}
