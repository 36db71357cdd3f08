//! The decision whether to go again.

use std::{fmt, time::Duration};

use tokio::time::Instant;

use super::Settings;
use crate::{Cause, Dice, Verdict};

/// The longest `Retry-After` that a call without a deadline waits for. With a deadline, the deadline decides.
const PATIENCE: Duration = Duration::from_secs(60);

/// An attempt has ended: how, and what is left.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// What it said about the dependency. A refusal of our own side (an open breaker, a throttle, a limit) is
    /// [`Verdict::Ignored`], and is never followed by another attempt.
    pub verdict: &'a Verdict,
    /// Whether the request may run more than once, and can: for HTTP, [`Facts::repeatable`](super::Facts::repeatable).
    ///
    /// One that may not is still sent again after [`Cause::Unreachable`] if the classifier calls that retryable: what was
    /// not reached has seen nothing of it.
    pub repeatable: bool,
    /// The time.
    pub now: Instant,
    /// When the caller gives up. Another attempt must begin before.
    pub deadline: Option<Instant>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Go again after this wait.
    After(Duration),
    /// What there is, is the result.
    Stop(Stop),
}

/// Why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// Nobody asked for retries.
    NotConfigured,
    /// It succeeded.
    Success,
    /// The result says nothing about the dependency: the caller's own mistake, or a refusal of our own side.
    Ignored,
    /// Nobody waits any more.
    Cancelled,
    /// A failure that would only be repeated.
    Fatal,
    /// As many attempts as allowed have been made.
    Attempts,
    /// It may have had its effect, and may not have it twice; or there is nothing left to send.
    NotRepeatable,
    /// The dependency wants to be left alone for longer than the caller waits.
    RetryAfter,
    /// The caller would have given up before the next attempt began.
    Deadline,
    /// Too many retries of late, of all calls together.
    Budget,
}

impl Stop {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NotConfigured,
        Self::Success,
        Self::Ignored,
        Self::Cancelled,
        Self::Fatal,
        Self::Attempts,
        Self::NotRepeatable,
        Self::RetryAfter,
        Self::Deadline,
        Self::Budget,
    ];

    /// One word for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotConfigured => "not-configured",
            Self::Success => "success",
            Self::Ignored => "ignored",
            Self::Cancelled => "cancelled",
            Self::Fatal => "fatal",
            Self::Attempts => "attempts",
            Self::NotRepeatable => "not-repeatable",
            Self::RetryAfter => "retry-after",
            Self::Deadline => "deadline",
            Self::Budget => "budget",
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether to go again, and when.
///
/// `budget` is asked last, and only if nothing else stands in the way: what it says `true` to is spent.
#[must_use]
pub fn decide(
    settings: &Settings,
    situation: &Situation<'_>,
    dice: &Dice,
    budget: impl FnOnce() -> bool,
) -> Next {
    if let Some(stop) = forbidden(settings, situation) {
        return Next::Stop(stop);
    }
    match wait(settings, situation, dice) {
        Err(stop) => Next::Stop(stop),
        Ok(_) if !budget() => Next::Stop(Stop::Budget),
        Ok(wait) => Next::After(wait),
    }
}

/// What stands in the way, whatever the time is.
fn forbidden(settings: &Settings, situation: &Situation<'_>) -> Option<Stop> {
    let unreached = match situation.verdict {
        Verdict::Success => return Some(Stop::Success),
        Verdict::Ignored => return Some(Stop::Ignored),
        Verdict::Cancelled => return Some(Stop::Cancelled),
        Verdict::Failure { retryable: false, .. } => return Some(Stop::Fatal),
        Verdict::Failure { cause, retryable: true } => *cause == Cause::Unreachable,
        Verdict::Overload { .. } => false,
    };
    if situation.attempt >= settings.attempts() {
        return Some(Stop::Attempts);
    }
    (!situation.repeatable && !unreached).then_some(Stop::NotRepeatable)
}

/// How long to wait, if the next attempt can then still begin in time.
fn wait(settings: &Settings, situation: &Situation<'_>, dice: &Dice) -> Result<Duration, Stop> {
    let jitter = settings.delay(situation.attempt, dice);
    let Verdict::Overload { retry_after: Some(asked) } = *situation.verdict else {
        return if fits(situation, jitter) { Ok(jitter) } else { Err(Stop::Deadline) };
    };
    if !fits(situation, asked) || (situation.deadline.is_none() && asked > PATIENCE) {
        return Err(Stop::RetryAfter);
    }
    // Everybody who was refused in the same second was told the same time. The jitter on top keeps them from coming back
    // in the same instant, as far as there is room for it.
    let apart = asked.saturating_add(jitter);
    Ok(if fits(situation, apart) { apart } else { asked })
}

/// Whether an attempt after this wait begins before the deadline.
fn fits(situation: &Situation<'_>, wait: Duration) -> bool {
    match (situation.now.checked_add(wait), situation.deadline) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(begins), Some(deadline)) => begins < deadline,
    }
}
