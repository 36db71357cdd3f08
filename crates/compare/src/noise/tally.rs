//! What is counted about one spot.

use serde::{Deserialize, Serialize};

use super::{
    Differs, Mismatch, Seen,
    evidence::{THRESHOLD, e_value},
};
use crate::Spot;

/// Triples in which the control must have disagreed with itself before a spot can be noisy.
const NOISY_TRIPLES: u64 = 3;
/// One in so many triples makes a spot noisy.
const NOISY_SHARE: u64 = 100;

/// Counts of triples by who differs, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    only_candidate: u64,
    only_control: u64,
    both: u64,
    /// Triples that were seen before this was counted.
    missed: u64,
    last_triple: u64,
    since: Option<u64>,
    last: Option<u64>,
    reported: Option<u64>,
}

impl Tally {
    pub(super) fn since(missed: u64) -> Self {
        Self { missed, ..Self::default() }
    }

    /// Counts a triple in which somebody differs here.
    pub(super) fn add(&mut self, seen: Seen, triple: u64, at: u64, mismatch: &mut Mismatch) {
        let quiet = self.is_reported() || !self.is_noisy(triple - 1);
        self.last_triple = triple;
        match (seen.candidate, seen.control) {
            (true, false) => {
                self.only_candidate += 1;
                self.since.get_or_insert(at);
                self.last = Some(at);
                mismatch.candidate_only |= quiet;
            }
            (false, true) => {
                self.only_control += 1;
                mismatch.control_only |= quiet;
            }
            (true, true) => self.both += 1,
            (false, false) => {}
        }
        if self.reported.is_none() && self.e_value() >= THRESHOLD {
            self.reported = Some(at);
        }
    }

    /// Triples in which only the candidate differed from the control's first answer.
    #[must_use]
    pub const fn only_candidate(&self) -> u64 {
        self.only_candidate
    }

    /// Triples in which only the control differed from itself.
    #[must_use]
    pub const fn only_control(&self) -> u64 {
        self.only_control
    }

    /// Triples in which both did.
    #[must_use]
    pub const fn both(&self) -> u64 {
        self.both
    }

    /// Triples in which the spot was looked at, out of `triples` seen in all.
    #[must_use]
    pub const fn compared(&self, triples: u64) -> u64 {
        triples.saturating_sub(self.missed)
    }

    /// When only the candidate differed for the first time, in milliseconds since 1970.
    #[must_use]
    pub const fn first_seen(&self) -> Option<u64> {
        self.since
    }

    /// When only the candidate differed for the last time, in milliseconds since 1970.
    #[must_use]
    pub const fn last_seen(&self) -> Option<u64> {
        self.last
    }

    /// When the evidence sufficed, in milliseconds since 1970; never taken back. `None` also when it only suffices
    /// together with what other nodes have seen.
    #[must_use]
    pub const fn reported(&self) -> Option<u64> {
        self.reported
    }

    /// Whether the candidate surely differs here.
    #[must_use]
    pub fn is_reported(&self) -> bool {
        self.reported.is_some() || self.e_value() >= THRESHOLD
    }

    /// How much better 'the candidate is at fault' explains the counts than 'it is as the control'.
    #[must_use]
    pub fn e_value(&self) -> f64 {
        e_value(self.only_candidate, self.only_control)
    }

    /// The share of answers in which the candidate is wrong, noise subtracted; 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts above 2^53 are not reached in anybody's lifetime")]
    pub fn rate(&self, triples: u64) -> f64 {
        let excess = self.only_candidate.saturating_sub(self.only_control);
        excess as f64 / self.compared(triples).max(1) as f64
    }

    /// Whether the control is known to disagree with itself here.
    #[must_use]
    pub const fn is_noisy(&self, triples: u64) -> bool {
        let noise = self.only_control.saturating_add(self.both);
        noise >= NOISY_TRIPLES && noise.saturating_mul(NOISY_SHARE) >= self.compared(triples)
    }

    pub(super) fn differs(&self, spot: &Spot, triples: u64) -> Differs {
        Differs {
            spot: spot.clone(),
            since: self.since.unwrap_or_default(),
            rate: self.rate(triples),
            e_value: self.e_value(),
        }
    }

    pub(super) const fn last_triple(&self) -> u64 {
        self.last_triple
    }

    pub(super) const fn showed_up(&mut self, triple: u64) {
        self.last_triple = triple;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let sum = |ours: &mut u64, theirs: u64| *ours = ours.saturating_add(theirs);
        sum(&mut self.only_candidate, other.only_candidate);
        sum(&mut self.only_control, other.only_control);
        sum(&mut self.both, other.both);
        sum(&mut self.missed, other.missed);
        self.since = earlier(self.since, other.since);
        self.last = self.last.max(other.last);
        self.reported = earlier(self.reported, other.reported);
    }
}

/// The earlier of two moments, of those that there were.
fn earlier(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    left.into_iter().chain(right).min()
}
