//! What a breaker takes for broken, and how carefully it tries again.

use std::{fmt, time::Duration};

use super::ring::BUCKETS;

/// The longest any duration may be: beyond a day a breaker is a switch that somebody forgot.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The longest window: a bucket's count is 32 bits wide, so an hour bears ten million calls per second and thread.
const LONGEST_WINDOW: Duration = Duration::from_secs(3_600);
/// The shortest window: ten buckets of 10 ms. Shorter ones would hold fewer calls than any threshold worth having.
const SHORTEST_WINDOW: Duration = Duration::from_millis(100);
/// More callers at once are load and no longer probes.
const MOST_PROBES: u32 = 1_000;

/// How a breaker judges and recovers. Whatever is built is sound: a breaker that could never trip is refused here.
///
/// The defaults: open when at least 50 % of at least 20 calls failed within 10 s; stay open 5 s, then at
/// most 8 s while probing fails; let 3 probes in at once and close after 2 successes; a probe may take 15 s.
///
/// ```
/// use std::time::Duration;
///
/// use banyan_resilience::breaker::Settings;
///
/// let settings = Settings::default()
///     .with_ratio(0.3, 50, Duration::from_secs(30))?
///     .with_slow(Duration::from_secs(2), 0.8)?
///     .with_open(Duration::from_secs(10), Duration::from_secs(120))?;
/// assert!(settings.with_probes(0, 2).is_err(), "nobody would ever find out that the dependency is well again");
/// # Ok::<(), banyan_resilience::breaker::SettingsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    mode: Mode,
    open_for: Duration,
    open_at_most: Duration,
    probes: u32,
    close_after: u32,
    probe_timeout: Duration,
}

/// What makes a breaker open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Too many of the calls in a window failed, or were slow.
    Ratio {
        /// The share of failures that is too many.
        failures: Share,
        /// Fewer calls than this in the window prove nothing.
        of_at_least: u32,
        /// How long the window is. It slides in ten steps, so it holds between nine tenths of this and all of it.
        within: Duration,
        /// When slow calls are too many; `None` takes no notice of time.
        slow: Option<Slow>,
    },
    /// So many calls failed without a success in between, however far apart. For what is called too seldom for a window.
    Consecutive {
        /// How many.
        failures: u32,
    },
}

/// When slow calls are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// A call that took longer than this is slow, whether it succeeded or failed.
    pub over: Duration,
    /// The share of slow calls that is too many.
    pub share: Share,
}

/// A part of a whole in steps of 0.01 %, more than nothing and at most all of it. Whole numbers, because with floating
/// point 7 failures of 100 are fewer than 7 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

/// What is wrong with settings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SettingsError {
    /// A share that is nothing, more than all, or no number.
    Share {
        /// Which one.
        name: &'static str,
        /// What was given.
        given: f64,
    },
    /// A number out of its range.
    Count {
        /// Which one.
        name: &'static str,
        /// What was given.
        given: u32,
        /// The most there may be; the least is one.
        most: u32,
    },
    /// A duration out of its range.
    Time {
        /// Which one.
        name: &'static str,
        /// What was given.
        given: Duration,
        /// The least it may be.
        least: Duration,
        /// The most it may be.
        most: Duration,
    },
    /// Slow calls were to be judged by a breaker that counts failures in a row and looks at no window.
    SlowWithoutRatio,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Ratio {
                failures: Share(Share::WHOLE / 2),
                of_at_least: 20,
                within: Duration::from_secs(10),
                slow: None,
            },
            open_for: Duration::from_secs(5),
            // A dependency that is well again is found out within ten seconds. A few probes every eight harm nobody, and a
            // longer pause keeps callers out who could be served.
            open_at_most: Duration::from_secs(8),
            probes: 3,
            close_after: 2,
            // No call outlives the default deadline of 15 s, so no probe that lives is taken for a hanging one.
            probe_timeout: Duration::from_secs(15),
        }
    }
}

impl Settings {
    /// Opens when at least `failures` (a share, more than 0 and at most 1) of at least `of_at_least` calls failed in the
    /// last `within` (100 ms to 1 h). What was said about slow calls stays.
    ///
    /// # Errors
    /// When a value is out of its range.
    pub fn with_ratio(
        self,
        failures: f64,
        of_at_least: u32,
        within: Duration,
    ) -> Result<Self, SettingsError> {
        let slow = match self.mode {
            Mode::Ratio { slow, .. } => slow,
            Mode::Consecutive { .. } => None,
        };
        let mode = Mode::Ratio {
            failures: Share::checked("failures", failures)?,
            of_at_least: count("of_at_least", of_at_least, u32::MAX)?,
            within: time("within", within, SHORTEST_WINDOW, LONGEST_WINDOW)?,
            slow,
        };
        Ok(Self { mode, ..self })
    }

    /// Opens also when at least `share` (more than 0, at most 1) of the window's calls took longer than `over`, under the
    /// same least number of calls. A probe slower than that has failed.
    ///
    /// # Errors
    /// When a value is out of its range, or the breaker counts failures in a row.
    pub fn with_slow(self, over: Duration, share: f64) -> Result<Self, SettingsError> {
        let Mode::Ratio { failures, of_at_least, within, .. } = self.mode else {
            return Err(SettingsError::SlowWithoutRatio);
        };
        let over = time("slow.over", over, Duration::from_nanos(1), LONGEST)?;
        let slow = Some(Slow { over, share: Share::checked("slow.share", share)? });
        Ok(Self { mode: Mode::Ratio { failures, of_at_least, within, slow }, ..self })
    }

    /// Opens after so many failures in a row, at least 1. The usual number is 5.
    ///
    /// # Errors
    /// When it is 0.
    pub fn with_consecutive(self, failures: u32) -> Result<Self, SettingsError> {
        let failures = count("failures", failures, u32::MAX)?;
        Ok(Self { mode: Mode::Consecutive { failures }, ..self })
    }

    /// Stays open for `first`, twice as long after each time that probing failed, and at most `at_most`. Both at least
    /// 1 ms and at most a day. Jitter takes away up to a fifth, so that many callers do not probe in step; it never adds.
    ///
    /// # Errors
    /// When a duration is out of its range, or `at_most` is less than `first`.
    pub fn with_open(self, first: Duration, at_most: Duration) -> Result<Self, SettingsError> {
        let open_for = time("open_for", first, Duration::from_millis(1), LONGEST)?;
        let open_at_most = time("open_at_most", at_most, open_for, LONGEST)?;
        Ok(Self { open_for, open_at_most, ..self })
    }

    /// Lets `at_once` callers in at the same time while half-open, and closes after `close_after` of them succeeded. Both
    /// 1 to 1,000.
    ///
    /// # Errors
    /// When a number is out of its range.
    pub fn with_probes(self, at_once: u32, close_after: u32) -> Result<Self, SettingsError> {
        let probes = count("probes", at_once, MOST_PROBES)?;
        let close_after = count("close_after", close_after, MOST_PROBES)?;
        Ok(Self { probes, close_after, ..self })
    }

    /// A probe that has not answered after this long has failed, 1 ms to a day. It should be more than calls are given, so
    /// that it only catches what hangs in spite of them.
    ///
    /// # Errors
    /// When it is out of its range.
    pub fn with_probe_timeout(self, probe_timeout: Duration) -> Result<Self, SettingsError> {
        let probe_timeout = time("probe_timeout", probe_timeout, Duration::from_millis(1), LONGEST)?;
        Ok(Self { probe_timeout, ..self })
    }

    /// What makes it open.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// How long it stays open the first time, before jitter.
    #[must_use]
    pub const fn open_for(&self) -> Duration {
        self.open_for
    }

    /// How long it stays open at most.
    #[must_use]
    pub const fn open_at_most(&self) -> Duration {
        self.open_at_most
    }

    /// How many callers probe at the same time.
    #[must_use]
    pub const fn probes(&self) -> u32 {
        self.probes
    }

    /// How many probes must succeed.
    #[must_use]
    pub const fn close_after(&self) -> u32 {
        self.close_after
    }

    /// How long a probe may take.
    #[must_use]
    pub const fn probe_timeout(&self) -> Duration {
        self.probe_timeout
    }

    /// Above which time a call is slow.
    pub(super) const fn slow_over(&self) -> Option<Duration> {
        match self.mode {
            Mode::Ratio { slow: Some(slow), .. } => Some(slow.over),
            Mode::Ratio { slow: None, .. } | Mode::Consecutive { .. } => None,
        }
    }

    /// Nanoseconds of one bucket of the window; `None` when there is no window.
    pub(super) fn bucket_nanos(&self) -> Option<u64> {
        match self.mode {
            Mode::Ratio { within, .. } => {
                u64::try_from(within.as_nanos()).ok().map(|nanos| (nanos / BUCKETS as u64).max(1))
            }
            Mode::Consecutive { .. } => None,
        }
    }
}

impl Share {
    /// All of it.
    const WHOLE: u16 = 10_000;

    fn checked(name: &'static str, given: f64) -> Result<Self, SettingsError> {
        let steps = (given * f64::from(Self::WHOLE)).round();
        if !(1.0..=f64::from(Self::WHOLE)).contains(&steps) {
            return Err(SettingsError::Share { name, given });
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and between 1 and 10,000, as was just checked"
        )]
        let steps = steps as u16;
        Ok(Self(steps))
    }

    /// As a number: more than 0, at most 1.
    #[must_use]
    pub fn get(self) -> f64 {
        f64::from(self.0) / f64::from(Self::WHOLE)
    }

    /// Whether `part` is at least this share of `whole`. Nothing is no share of nothing.
    #[must_use]
    pub const fn is_reached(self, part: u64, whole: u64) -> bool {
        whole > 0 && part.saturating_mul(Self::WHOLE as u64) >= whole.saturating_mul(self.0 as u64)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 100.0)
    }
}

const fn count(name: &'static str, given: u32, most: u32) -> Result<u32, SettingsError> {
    if given == 0 || given > most { Err(SettingsError::Count { name, given, most }) } else { Ok(given) }
}

fn time(
    name: &'static str,
    given: Duration,
    least: Duration,
    most: Duration,
) -> Result<Duration, SettingsError> {
    if (least..=most).contains(&given) {
        Ok(given)
    } else {
        Err(SettingsError::Time { name, given, least, most })
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share { name, given } => {
                write!(f, "{name} is {given}; give a share of at least 0.0001 (0.01 %) and at most 1 (100 %)")
            }
            Self::Count { name, given, most: u32::MAX } => write!(f, "{name} is {given}; give at least 1"),
            Self::Count { name, given, most } => write!(f, "{name} is {given}; give 1 to {most}"),
            Self::Time { name, given, least, most } => {
                write!(f, "{name} is {given:?}; give at least {least:?} and at most {most:?}")
            }
            Self::SlowWithoutRatio => {
                f.write_str("slow calls are judged in a window; set a ratio instead of failures in a row")
            }
        }
    }
}

impl std::error::Error for SettingsError {}
