//! What one node has seen, in a form that can be written down and put together with what others saw.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Contents, Count, exhibit::Exhibits, periods, sketch::Sketch, subjects::Subjects, trail::Trail};
use crate::{Metric, Side, Sides, Source, version::Version};

/// The evidence of one epoch: of one node, or of several put together.
///
/// What nodes see is independent of each other, and the product of independent fair games is a fair game: so logarithms
/// add up, metric by metric, stratum by stratum, bet by bet. Bets are told apart by the number of the period in which
/// they began, counted from the beginning of the epoch by each node's own clock. Clocks that differ by minutes make a bet
/// begin at different moments on different nodes; each of these moments was chosen without looking ahead, so the
/// product is still fair.
///
/// Everything is whole numbers. Merging is associative and commutative to the last bit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub(super) version: Version<1>,
    /// The number of the evidence: see [`Scope`](super::Scope).
    pub epoch: u64,
    /// The number of the percentage within it.
    pub lap: u32,
    /// The newest period: 1 at the beginning of the epoch.
    pub(super) period: u32,
    /// How many routes share the half of the money that is bet on single strata.
    pub(super) routes: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) strata: Vec<Stratum>,
    /// What was bet on slowness, on all routes together: what stops, stops on all of them at once.
    #[serde(default, skip_serializing_if = "Trail::is_empty")]
    pub(super) moments: Trail,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) subjects: BTreeMap<Metric, Subjects>,
    #[serde(default = "Exhibits::new", skip_serializing_if = "Exhibits::is_empty")]
    pub(super) exhibits: Exhibits,
    pub(super) tally: Tally,
}

/// One route, as seen in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stratum {
    pub(super) route: String,
    pub(super) source: Source,
    /// Answers of each side over the epoch: of pairs, both are the number of pairs.
    pub(super) seen: Sides<u64>,
    pub(super) cases: BTreeMap<Metric, Case>,
}

/// One metric in one stratum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) failures: Sides<u64>,
    #[serde(default, skip_serializing_if = "Trail::is_empty")]
    pub(super) trail: Trail,
}

/// What gates look at: everything since the unit has its percentage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) errors: Sides<Count>,
    /// Answers that were judged by their latency, and those slower than the control's trailing 99th percentile.
    pub(super) slow: Sides<Count>,
    pub(super) degraded: Sides<Count>,
    pub(super) mismatches: Sides<Count>,
    /// Latencies of answers that did not fail.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(super) latency: Sides<Sketch>,
}

fn is_empty(latency: &Sides<Sketch>) -> bool {
    latency.candidate.is_empty() && latency.control.is_empty()
}

impl Tally {
    pub(super) const fn counts(&self, metric: Metric) -> Sides<Count> {
        match metric {
            Metric::Errors => self.errors,
            Metric::Latency => self.slow,
            Metric::Mismatches => self.mismatches,
            Metric::Degraded => self.degraded,
        }
    }

    pub(super) fn compare(&mut self, contents: Contents) {
        self.mismatches.of_mut(Side::Candidate).add(contents.other_only);
        self.mismatches.of_mut(Side::Control).add(contents.again_only);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (own, others) in [
            (&mut self.errors, &other.errors),
            (&mut self.slow, &other.slow),
            (&mut self.degraded, &other.degraded),
            (&mut self.mismatches, &other.mismatches),
        ] {
            own.candidate.merge(others.candidate);
            own.control.merge(others.control);
        }
        self.latency.candidate.merge(&other.latency.candidate);
        self.latency.control.merge(&other.latency.control);
    }
}

/// Evidence of different epochs has nothing to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("evidence of epoch {other} does not belong to epoch {own}")]
pub struct OtherEpoch {
    own: u64,
    other: u64,
}

impl Evidence {
    /// Nothing seen yet.
    #[must_use]
    pub fn none(epoch: u64, lap: u32) -> Self {
        Self {
            version: Version,
            epoch,
            lap,
            period: 1,
            routes: 0,
            strata: Vec::new(),
            moments: Trail::default(),
            subjects: BTreeMap::new(),
            exhibits: Exhibits::new(),
            tally: Tally::default(),
        }
    }

    /// Adds what another node saw.
    ///
    /// What gates look at is added up only from those that are at the same percentage; of a node that has not heard of the
    /// last step yet, or has heard of it first, only what belongs to the later one counts.
    ///
    /// # Errors
    /// [`OtherEpoch`], and nothing has changed.
    pub fn merge(&mut self, other: &Self) -> Result<(), OtherEpoch> {
        if self.epoch != other.epoch {
            return Err(OtherEpoch { own: self.epoch, other: other.epoch });
        }
        self.period = self.period.max(other.period);
        self.routes = self.routes.max(other.routes);
        other.strata.iter().for_each(|stratum| self.add(stratum));
        self.moments.merge(&other.moments);
        self.fold();
        for (&metric, subjects) in &other.subjects {
            self.subjects.entry(metric).or_default().merge(subjects);
        }
        self.exhibits.merge(other.exhibits.clone());
        match self.lap.cmp(&other.lap) {
            std::cmp::Ordering::Equal => self.tally.merge(&other.tally),
            std::cmp::Ordering::Less => (self.lap, self.tally) = (other.lap, other.tally.clone()),
            std::cmp::Ordering::Greater => {}
        }
        Ok(())
    }

    /// What the candidate does at this percentage, beside what the control did since the epoch began: in the answers that
    /// clients got.
    pub(super) fn against_the_past(&self, metric: Metric) -> Sides<Count> {
        let mut control = Count::default();
        for stratum in self.strata.iter().filter(|stratum| stratum.source == Source::Live) {
            let failures = stratum.cases.get(&metric).map_or(0, |case| case.failures.control);
            control.merge(Count { failures, of: stratum.seen.control });
        }
        Sides { candidate: self.tally.counts(metric).candidate, control }
    }

    /// Adds a stratum to the one of the same name.
    pub(super) fn add(&mut self, other: &Stratum) {
        let key = |stratum: &Stratum| (stratum.route.clone(), stratum.source);
        match self.strata.binary_search_by_key(&key(other), key) {
            Ok(index) => self.strata[index].merge(other),
            Err(index) => self.strata.insert(index, other.clone()),
        }
    }

    /// Puts together what no living bet tells apart.
    pub(super) fn fold(&mut self) {
        let living = periods::alive(self.period);
        let cases = self.strata.iter_mut().flat_map(|stratum| stratum.cases.values_mut());
        cases.for_each(|case| case.trail.fold(&living));
        self.moments.fold(&living);
    }
}

impl Stratum {
    fn merge(&mut self, other: &Self) {
        merge_counts(&mut self.seen, other.seen);
        for (&metric, case) in &other.cases {
            let own = self.cases.entry(metric).or_default();
            merge_counts(&mut own.failures, case.failures);
            own.trail.merge(&case.trail);
        }
    }
}

fn merge_counts(own: &mut Sides<u64>, other: Sides<u64>) {
    own.candidate = own.candidate.saturating_add(other.candidate);
    own.control = own.control.saturating_add(other.control);
}
