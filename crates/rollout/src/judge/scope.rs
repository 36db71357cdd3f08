//! What is judged, and what the judge is told.

use banyan_flags::Percent;
use serde::{Deserialize, Serialize};

use crate::{Metric, Millis, Side, Sides};

/// What a judge looks at. Follows from the stored state ([`State::scope`](crate::State::scope)), so all nodes have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The number of the evidence. Another one: everything begins anew.
    pub epoch: u64,
    /// The number of the percentage within the epoch. Another one: what gates look at begins anew, the evidence goes on.
    pub lap: u32,
    /// The unit's percentage.
    pub percent: Percent,
    /// When the epoch began: evidence is kept by periods since then.
    pub began: Millis,
}

/// The index of a route in the list that the judge was made with. One that is not in it counts as `(other)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteIndex(pub u16);

/// One answer that went to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Its route.
    pub route: RouteIndex,
    /// Whose answer it was meant to be: a substitute counts for the side that it stands in for.
    pub side: Side,
    /// A 5xx, a timeout or a broken connection.
    pub failed: bool,
    /// Microseconds until the answer's head. Not looked at if it failed.
    pub latency_us: u64,
    /// A substitute, or an answer with a part missing or stale.
    pub degraded: bool,
    /// Whether it failed or not is also told in a [`Compared`], and must not be counted twice: as evidence for errors it
    /// counts there. Everything else counts here.
    pub compared: bool,
    /// A hash of the subject.
    pub subject: u64,
}

/// The same request asked of both sides.
///
/// Which answers are in it is the caller's choice, as long as it does not depend on how they turned out:
///
/// - one of each side: a pair;
/// - one of the other side and two of the side that answered the client, the answer that the client got and the one when
///   asked again: a triple. It tells more, and it is what mismatches need.
///
/// If the answer that the client got is among them, its [`Observation`] says `compared`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Its route.
    pub route: RouteIndex,
    /// How many answers of each side there are, and how many of them failed: a 5xx, a timeout or a broken connection.
    pub answers: Sides<Count>,
    /// What comparing the contents gave; `None` unless it was a triple.
    pub contents: Option<Contents>,
    /// A hash of the subject.
    pub subject: u64,
}

/// Whose contents differ from what the client got, in a triple. If both sides answer alike, these are even odds, whichever
/// side it was that answered the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The other side's differ somewhere where those of the same side asked again do not: a difference between the systems,
    /// counted as the candidate's.
    pub other_only: bool,
    /// Those of the same side asked again differ somewhere where the other side's do not: noise, counted as the control's.
    pub again_only: bool,
}

/// The metrics for which the candidate just failed: those of which an [`Exhibit`](super::Exhibit) is worth keeping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failed(u8);

impl Failed {
    pub(crate) const fn note(&mut self, metric: Metric) {
        self.0 |= 1 << metric.index();
    }

    /// Whether there is none, as nearly always.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn contains(self, metric: Metric) -> bool {
        self.0 & (1 << metric.index()) != 0
    }

    /// The first of them, by which the exhibit is filed.
    #[must_use]
    pub fn first(self) -> Option<Metric> {
        Metric::ALL.into_iter().find(|&metric| self.contains(metric))
    }
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// How many failed.
    pub failures: u64,
    /// Of how many.
    pub of: u64,
}

impl Count {
    /// One answer.
    #[must_use]
    pub fn one(failed: bool) -> Self {
        Self { failures: u64::from(failed), of: 1 }
    }

    pub(crate) fn add(&mut self, failed: bool) {
        self.of = self.of.saturating_add(1);
        self.failures = self.failures.saturating_add(u64::from(failed));
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.of = self.of.saturating_add(other.of);
        self.failures = self.failures.saturating_add(other.failures);
    }

    /// The share that failed; `None` of nothing.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of more than 2^53 is not known to the last digit"
    )]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.failures as f64 / self.of as f64)
    }
}
