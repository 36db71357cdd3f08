//! What an operator reads when a breaker moves.

use std::{fmt, time::Duration};

use crate::Cause;

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It lets them pass and watches how they end.
    Closed,
    /// It refuses them.
    Open,
    /// It lets a few pass to see whether the dependency is well again.
    HalfOpen,
}

/// A state an operator holds a breaker in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forced {
    /// Every call is refused.
    Open,
    /// No call is refused, whatever fails.
    Closed,
}

/// That a breaker moved, or that what holds it in its state is another now: an operator may force closed what is closed, and
/// give it back later. Its `Display` is the sentence for logs, and does not claim a move that was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Change {
    /// The state it was in.
    pub from: State,
    /// The state it is in now.
    pub to: State,
    /// Its `Display` is the sentence for logs and dashboards.
    pub why: Why,
}

/// Why a breaker moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Too many calls in the window failed.
    Failures {
        /// In what ways, and so how many.
        causes: Causes,
        /// Of how many.
        calls: u64,
        /// The window.
        within: Duration,
    },
    /// Too many calls in the window were slow.
    Slow {
        /// How many.
        slow: u64,
        /// Of how many.
        calls: u64,
        /// Slower than this.
        over: Duration,
        /// The window.
        within: Duration,
    },
    /// Too many calls failed with no success in between.
    InARow(Causes),
    /// A probe failed, or the answer to it broke afterwards.
    ProbeFailed(Cause),
    /// A probe succeeded and took longer than this, which counts as slow.
    ProbeSlow(Duration),
    /// A probe has not answered for this long.
    ProbeHung(Duration),
    /// So many probes succeeded.
    ProbesSucceeded(u32),
    /// It was open long enough; the next callers probe.
    OpenOver,
    /// An operator forces a state for so long.
    Forced {
        /// Which one.
        to: Forced,
        /// How long.
        lasts: Duration,
    },
    /// The time of the forced state is over.
    ForcedOver,
    /// An operator gave the breaker back to itself.
    Released,
}

/// Failures by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Causes([u32; Cause::ALL.len()]);

impl State {
    /// One word for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

impl From<Forced> for State {
    fn from(forced: Forced) -> Self {
        match forced {
            Forced::Open => Self::Open,
            Forced::Closed => Self::Closed,
        }
    }
}

impl Causes {
    /// How many failed in this way.
    #[must_use]
    pub const fn of(&self, cause: Cause) -> u64 {
        self.0[cause as usize] as u64
    }

    /// How many failed in any way.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().copied().map(u64::from).sum()
    }

    /// Those that occurred, the most frequent first.
    pub fn iter(&self) -> impl Iterator<Item = (Cause, u64)> {
        let mut counts = Cause::ALL.map(|cause| (cause, self.of(cause)));
        // A stable sort: causes as frequent as one another stay in the order of `Cause::ALL`.
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.into_iter().filter(|(_, count)| *count > 0)
    }

    pub(super) const fn add(&mut self, cause: Cause) {
        let count = &mut self.0[cause as usize];
        *count = count.saturating_add(1);
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `closed -> open: 5 failures in a row (5 timeouts)`, `closed as before: released from the forced state`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, why } = self;
        if from == to { write!(f, "{to} as before: {why}") } else { write!(f, "{from} -> {to}: {why}") }
    }
}

/// `9 timeouts, 3 resets`.
impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (turn, (cause, count)) in self.iter().enumerate() {
            let comma = if turn == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {}", cause.counted(count))?;
        }
        Ok(())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures { causes, calls, within } => {
                write!(f, "{} of {calls} failed in {} ({causes})", causes.total(), Span(*within))
            }
            Self::Slow { slow, calls, over, within } => {
                let were = if *slow == 1 { "was" } else { "were" };
                write!(f, "{slow} of {calls} {were} slower than {} in {}", Span(*over), Span(*within))
            }
            Self::InARow(causes) => match causes.total() {
                1 => write!(f, "1 failure ({causes})"),
                failures => write!(f, "{failures} failures in a row ({causes})"),
            },
            Self::ProbeFailed(cause) => write!(f, "a probe failed (1 {})", cause.counted(1)),
            Self::ProbeSlow(over) => write!(f, "a probe was slower than {}", Span(*over)),
            Self::ProbeHung(after) => write!(f, "a probe did not answer within {}", Span(*after)),
            Self::ProbesSucceeded(1) => f.write_str("1 probe succeeded"),
            Self::ProbesSucceeded(probes) => write!(f, "{probes} probes succeeded"),
            Self::OpenOver => f.write_str("the time of the open state is over"),
            Self::Forced { to, lasts } => write!(f, "forced {} for {}", State::from(*to), Span(*lasts)),
            Self::ForcedOver => f.write_str("the time of the forced state is over"),
            Self::Released => f.write_str("released from the forced state"),
        }
    }
}

/// A duration in a sentence: `10 s`, `1.5 s`, `250 ms`.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            time if time.as_secs() > 0 => {
                // Milliseconds are as fine as a sentence about seconds needs them.
                write!(f, "{} s", (time.as_secs_f64() * 1e3).round() / 1e3)
            }
            time if time.subsec_micros() % 1_000 == 0 => write!(f, "{} ms", time.subsec_millis()),
            time => write!(f, "{} us", time.subsec_micros()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn causes(given: &[(Cause, u32)]) -> Causes {
        let mut causes = Causes::default();
        for (cause, count) in given {
            (0..*count).for_each(|_| causes.add(*cause));
        }
        causes
    }

    #[test]
    fn the_sentences_are_those_that_operators_know() {
        let (two, ten) = (Duration::from_secs(2), Duration::from_secs(10));
        let mixed = causes(&[(Cause::Reset, 3), (Cause::Timeout, 9)]);
        let sentences = [
            (
                Why::Failures { causes: mixed, calls: 20, within: ten },
                "12 of 20 failed in 10 s (9 timeouts, 3 resets)",
            ),
            (
                Why::Slow { slow: 17, calls: 20, over: two, within: ten },
                "17 of 20 were slower than 2 s in 10 s",
            ),
            (Why::InARow(causes(&[(Cause::Timeout, 5)])), "5 failures in a row (5 timeouts)"),
            (Why::ProbeFailed(Cause::Timeout), "a probe failed (1 timeout)"),
            (Why::ProbeSlow(Duration::from_millis(1_500)), "a probe was slower than 1.5 s"),
            (Why::ProbeHung(Duration::from_millis(250)), "a probe did not answer within 250 ms"),
            (Why::ProbesSucceeded(2), "2 probes succeeded"),
            (Why::Forced { to: Forced::Open, lasts: Duration::from_secs(300) }, "forced open for 300 s"),
            (Why::ForcedOver, "the time of the forced state is over"),
        ];
        for (why, sentence) in sentences {
            assert_eq!(why.to_string(), sentence);
        }
    }

    #[test]
    fn a_change_that_moved_nothing_does_not_claim_a_move() {
        let change = |from, to, why| Change { from, to, why }.to_string();
        assert_eq!(
            change(State::Closed, State::Closed, Why::Released),
            "closed as before: released from the forced state"
        );
        assert_eq!(
            change(State::Open, State::HalfOpen, Why::Released),
            "open -> half-open: released from the forced state"
        );
    }

    #[test]
    fn causes_come_in_order_of_number_and_then_of_their_own() {
        let causes = causes(&[(Cause::Other, 2), (Cause::Error, 2), (Cause::Reset, 7)]);
        let found: Vec<_> = causes.iter().collect();
        assert_eq!(found, [(Cause::Reset, 7), (Cause::Error, 2), (Cause::Other, 2)]);
        assert_eq!(causes.total(), 11);
    }
}
