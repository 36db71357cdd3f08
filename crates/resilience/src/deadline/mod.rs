//! Deadline: the instant at which the caller gives up, carried through everything that is done for it.
//!
//! A timeout per step is not enough: three steps of five seconds are fifteen, and a service that works on an answer nobody
//! waits for any more takes the time from those who still wait. One deadline per call bounds all of it (attempts, waits,
//! queues), and the next hop is told what is left, so that the whole chain gives up at the same time.
//!
//! Inside a process it is an instant. On the wire it is a number of milliseconds from now, in decimal digits: two machines
//! agree on how long a second is and hardly ever on what time it is. There is no standard for the name of the field that
//! carries it, so the name is the user's choice; whoever sends and whoever reads must agree on one.
//!
//! | on the wire | means |
//! |---|---|
//! | `0` | over: refuse, do nothing |
//! | `250` | 250 ms from the moment it was read |
//! | more than 30 years | as good as none: taken as 30 years |
//! | anything but digits | an error; whether it is refused or ignored is up to the reader |
//!
//! What is written is rounded down, so that a hop never believes to have more time than it has: less than a millisecond is
//! `0`. The time on the way is not in the number; [`Deadline::after_hop`] takes a margin for it.
//!
//! Not for: how long one step may take. That is a timeout; a timeout is a failure of the dependency and a deadline is not.
//!
//! ```
//! use std::time::Duration;
//!
//! use banyan_resilience::deadline::Deadline;
//! use tokio::time::Instant;
//!
//! let now = Instant::now();
//! let deadline = Deadline::from_millis_header("800", now)?.tighten(Duration::from_secs(15), now);
//! let later = now + Duration::from_millis(100);
//! assert_eq!(deadline.remaining(later), Duration::from_millis(700));
//! // The next hop is told 10 ms less: they pass on the way there and back.
//! assert_eq!(deadline.after_hop(Duration::from_millis(10), later).to_millis_header(later), 690);
//! assert!(deadline.is_over(now + Duration::from_millis(800)));
//! # Ok::<(), banyan_resilience::deadline::DeadlineError>(())
//! ```

#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use tokio::time::Instant;

/// No deadline is farther away. Adding this much to the time cannot overflow, and a sender that names more means "none".
const FARTHEST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// An instant at which the caller gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

/// A field that holds no deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadlineError {
    /// Nothing in it.
    Empty,
    /// Something else than ASCII digits: a sign, a point, a unit, a list.
    NotDigits,
}

impl Deadline {
    /// At this instant.
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// In so much time from now, at most 30 years.
    #[must_use]
    pub fn after(time: Duration, now: Instant) -> Self {
        Self(now.checked_add(time.min(FARTHEST)).unwrap_or(now))
    }

    /// From the value of a field: milliseconds from now, in decimal digits, with spaces and tabs around them allowed. Numbers
    /// of any length are taken; what exceeds 30 years is 30 years.
    ///
    /// # Errors
    /// [`DeadlineError`], when the value is not a number of that form.
    pub fn from_millis_header(text: &str, now: Instant) -> Result<Self, DeadlineError> {
        let digits = text.trim_matches([' ', '\t']);
        if digits.is_empty() {
            return Err(DeadlineError::Empty);
        }
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DeadlineError::NotDigits);
        }
        // Only digits, so the one thing left that can be wrong is that there are too many.
        let millis = digits.parse().unwrap_or(u64::MAX);
        Ok(Self::after(Duration::from_millis(millis), now))
    }

    /// For the value of a field: whole milliseconds from now, rounded down. 0 says that it is over: better than sending it,
    /// do not send the request.
    #[must_use]
    pub fn to_millis_header(self, now: Instant) -> u64 {
        u64::try_from(self.remaining(now).as_millis()).unwrap_or(u64::MAX)
    }

    /// The instant itself.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// This one, or in so much time from now if that is sooner.
    #[must_use]
    pub fn tighten(self, time: Duration, now: Instant) -> Self {
        self.min(Self::after(time, now))
    }

    /// What the next hop is told: this much sooner, but not before now. `margin` is for the way there and back, and for what
    /// is still to be done with the answer.
    #[must_use]
    pub fn after_hop(self, margin: Duration, now: Instant) -> Self {
        Self::after(self.remaining(now).saturating_sub(margin), now)
    }

    /// What is left. Zero when it is over.
    #[must_use]
    pub fn remaining(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// Whether the caller has given up. At the very instant it has.
    #[must_use]
    pub fn is_over(self, now: Instant) -> bool {
        self.0 <= now
    }

    /// Whether work that takes this long would still end in time. Work that cannot is better not begun.
    #[must_use]
    pub fn leaves(self, time: Duration, now: Instant) -> bool {
        time < self.remaining(now)
    }
}

impl From<Instant> for Deadline {
    fn from(instant: Instant) -> Self {
        Self(instant)
    }
}

impl fmt::Display for DeadlineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => {
                "the deadline is empty: send the milliseconds that are left, such as 250, or no field"
            }
            Self::NotDigits => {
                "the deadline is not a number: send the milliseconds that are left, such as 250"
            }
        })
    }
}

impl std::error::Error for DeadlineError {}
