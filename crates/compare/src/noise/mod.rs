//! Which differences are more than noise.
//!
//! Two answers to one request differ for many reasons that are nobody's fault: the time, random ids, lists without an
//! order, floats summed in another order. What is noise at a place cannot be known in advance, but it can be asked:
//! the control answers twice, and where it disagrees with itself, the candidate may disagree too. One such triple
//! says little; many say exactly which places differ *more often* for the candidate than for the control itself.
//!
//! Per spot (a path and a kind of difference) the triples fall into four groups:
//!
//! | the candidate differs from the control | the control differs from itself | counts as |
//! |---|---|---|
//! | no | no | agreement; nothing is kept |
//! | yes | no | `only_candidate`: evidence against the candidate |
//! | no | yes | `only_control`: evidence for it |
//! | yes | yes | `both`: noise, no evidence at all |
//!
//! When the candidate behaves as the control does, `only_candidate` and `only_control` are equally likely, whatever
//! the noise. What the counts say against that is the [e-value](evidence::ln_e).
mod evidence;
mod tally;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::{
    evidence::{FALSE_ALARMS, THRESHOLD, e_value, ln_e},
    tally::Tally,
};
use crate::{Compared, Spot};

/// Spots that are remembered; more are counted together, see [`Noise::other`].
pub const MAX_REMEMBERED: usize = 256;
/// Triples after which a spot that did not show again gives its place to a new one, when there is no other place. A
/// difference in one answer of 200 stays away that long once in 20,000 times.
pub const IDLE_TRIPLES: u64 = 2_000;

/// What triples have said so far about every spot. Bounded, mergeable over nodes; its JSON is what nodes exchange.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Noise {
    triples: u64,
    spots: BTreeMap<Spot, Tally>,
    other: Tally,
    forgotten: u64,
    /// No spot can be idle before this triple; spares looking for one each time.
    #[serde(skip)]
    busy_until: u64,
}

/// What one triple says about the candidate as a whole, for whoever judges a rollout.
///
/// When the candidate behaves as the control does, either field alone is as likely as the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// At some quiet spot the candidate differs and the control's second answer does not.
    pub candidate_only: bool,
    /// At some quiet spot the control's second answer differs and the candidate does not.
    pub control_only: bool,
}

/// A spot where the candidate differs, surely.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differs {
    /// Where, and in which way.
    pub spot: Spot,
    /// When only the candidate differed there for the first time, in milliseconds since 1970.
    pub since: u64,
    /// In which share of answers it is wrong, noise subtracted; 0 to 1.
    pub rate: f64,
    /// How much better 'the candidate is at fault' explains what was seen than 'it is as the control'.
    pub e_value: f64,
}

impl Noise {
    /// Takes in a triple seen at `at` (milliseconds since 1970). `None` when the control was not asked again: then
    /// nothing can be said.
    ///
    /// A spot is *quiet* until the control has disagreed with itself there in three triples and in 1 % of all, or when
    /// it is known to differ in spite of it. Other spots have no say in the result: with a timestamp in every answer,
    /// nearly every triple would speak for and against the candidate at once. Which spots are quiet is known before
    /// the triple is looked at, so the odds stay even.
    pub fn observe(&mut self, compared: &Compared, at: u64) -> Option<Mismatch> {
        let again: BTreeSet<&Spot> = compared.again.as_ref()?.iter().collect();
        let candidate: BTreeSet<Spot> = compared.candidate.iter().map(crate::Difference::spot).collect();
        self.triples += 1;
        let (triples, mut mismatch, mut rest) = (self.triples, Mismatch::default(), Seen::default());
        let all: BTreeSet<&Spot> = candidate.iter().chain(again.iter().copied()).collect();
        for spot in all {
            let seen = Seen { candidate: candidate.contains(spot), control: again.contains(spot) };
            match self.tally(spot) {
                Some(tally) => tally.add(seen, triples, at, &mut mismatch),
                None => rest = rest.or(seen),
            }
        }
        // However many spots are not remembered, a triple counts once for all of them.
        if rest != Seen::default() {
            self.other.add(rest, triples, at, &mut mismatch);
        }
        Some(mismatch)
    }

    /// Triples seen.
    #[must_use]
    pub const fn triples(&self) -> u64 {
        self.triples
    }

    /// What is known of a spot.
    #[must_use]
    pub fn get(&self, spot: &Spot) -> Option<&Tally> {
        self.spots.get(spot)
    }

    /// All spots that are remembered.
    pub fn spots(&self) -> impl Iterator<Item = (&Spot, &Tally)> {
        self.spots.iter()
    }

    /// What is known of all spots together that found no place.
    #[must_use]
    pub const fn other(&self) -> &Tally {
        &self.other
    }

    /// Spots whose place was given to others.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Where the candidate surely differs, the surest first.
    ///
    /// Of places where it behaves as the control does, at most [`FALSE_ALARMS`] (1 in 1,000) are ever among them, over
    /// any number of triples and of looks.
    #[must_use]
    pub fn differs(&self) -> Vec<Differs> {
        let reported = self.spots.iter().filter(|(_, tally)| tally.is_reported());
        let mut all: Vec<Differs> = reported.map(|(spot, tally)| tally.differs(spot, self.triples)).collect();
        all.sort_by(|left, right| right.e_value.total_cmp(&left.e_value));
        all
    }

    /// Adds what another node has seen. The counts add up because triples of different nodes are different requests.
    ///
    /// Merging is commutative, and associative as long as everything finds a place.
    pub fn merge(&mut self, other: &Self) {
        for (spot, theirs) in &other.spots {
            if self.spots.len() < MAX_REMEMBERED || self.spots.contains_key(spot) {
                let ours = self.spots.entry(spot.clone()).or_default();
                ours.merge(theirs);
            } else {
                self.other.merge(theirs);
            }
        }
        self.other.merge(&other.other);
        self.triples = self.triples.saturating_add(other.triples);
        // Triples of two nodes have no common order: nobody is idle at first.
        self.busy_until = 0;
        self.spots.values_mut().for_each(|tally| tally.showed_up(self.triples));
        self.forgotten = self.forgotten.saturating_add(other.forgotten);
    }

    /// The tally of a spot, made if there is a place for it.
    fn tally(&mut self, spot: &Spot) -> Option<&mut Tally> {
        if !self.spots.contains_key(spot) {
            if self.spots.len() >= MAX_REMEMBERED {
                let idle = self.idle()?;
                self.spots.remove(&idle);
                self.forgotten += 1;
            }
            // A place given anew begins anew: what was counted before belonged to somebody else.
            let missed = if self.forgotten > 0 { self.triples - 1 } else { 0 };
            self.spots.insert(spot.clone(), Tally::since(missed));
        }
        self.spots.get_mut(spot)
    }

    /// The spot that showed itself longest ago, if that is long enough and nobody was told about it.
    fn idle(&mut self) -> Option<Spot> {
        if self.triples < self.busy_until {
            return None;
        }
        let idle = self.spots.iter().filter(|(_, tally)| !tally.is_reported());
        let oldest = idle.min_by_key(|(_, tally)| tally.last_triple());
        let due = oldest.map_or(self.triples, |(_, tally)| tally.last_triple()).saturating_add(IDLE_TRIPLES);
        if self.triples > due {
            return oldest.map(|(spot, _)| spot.clone());
        }
        self.busy_until = due;
        None
    }
}

impl PartialEq for Noise {
    /// What is known, not what is spared.
    fn eq(&self, other: &Self) -> bool {
        let known = |noise: &Self| (noise.triples, noise.forgotten);
        known(self) == known(other) && self.spots == other.spots && self.other == other.other
    }
}

/// Who differs from the control's first answer at a spot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    candidate: bool,
    control: bool,
}

impl Seen {
    const fn or(self, other: Self) -> Self {
        Self { candidate: self.candidate || other.candidate, control: self.control || other.control }
    }
}
