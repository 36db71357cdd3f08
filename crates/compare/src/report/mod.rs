//! What `banyan diff` tells: which spots differ, how often, since when, at which stage, and how to see it oneself.
mod request;
mod sample;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::{
    request::{MAX_CURL_BYTES, REDACTED, Request, curl, is_secret, redact_target},
    sample::{MAX_SAMPLES, Sample},
};
use crate::{Compared, Mismatch, Noise, Spot, noise::MAX_REMEMBERED};

/// Stages that are told apart; later ones are counted with the last.
pub const MAX_STAGES: usize = 32;
/// Version of the JSON of a [`Report`].
const VERSION: u32 = 1;

/// Everything that comparing the two sides of a unit has found. Bounded (at most a few MB, however hostile the
/// answers), mergeable over nodes, and JSON to be kept and exchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    version: u32,
    noise: Noise,
    spots: BTreeMap<Spot, Found>,
    /// Comparisons without a second answer of the control.
    pairs: u64,
    /// Of those, how many differed.
    pairs_differing: u64,
}

/// What is remembered of a spot besides the counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Found {
    /// How often only the candidate differed, by stage.
    stages: BTreeMap<u32, u64>,
    /// Comparisons without a second answer in which the candidate differed.
    unjudged: u64,
    samples: Vec<Sample>,
}

/// When and where something was compared.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub at: u64,
    /// The replacement's percentage at that time, in steps of 0.01 %: 100 is 1 %.
    pub stage: u32,
    /// Whether samples show only the shape of values. Off only where the owner of the data agreed.
    pub redact: bool,
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Where, and in which way.
    pub spot: Spot,
    /// Triples in which it was looked at.
    pub compared: u64,
    /// Triples in which only the candidate differed.
    pub only_candidate: u64,
    /// Triples in which only the control differed from itself.
    pub only_control: u64,
    /// Triples in which both did.
    pub both: u64,
    /// Comparisons without a second answer in which the candidate differed: differences, or noise.
    pub unjudged: u64,
    /// In which share of answers the candidate is wrong, noise subtracted; 0 to 1.
    pub rate: f64,
    /// The evidence; see [`THRESHOLD`](crate::noise::THRESHOLD).
    pub e_value: f64,
    /// Whether the candidate surely differs.
    pub differs: bool,
    /// When only the candidate differed for the first time, in milliseconds since 1970.
    pub since: Option<u64>,
    /// When only the candidate differed for the last time.
    pub last: Option<u64>,
    /// How often only the candidate differed, by stage in steps of 0.01 %.
    pub stages: BTreeMap<u32, u64>,
    /// The first few times.
    pub samples: Vec<Sample>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            version: VERSION,
            noise: Noise::default(),
            spots: BTreeMap::new(),
            pairs: 0,
            pairs_differing: 0,
        }
    }
}

impl Report {
    /// Takes in what comparing a request's answers found; the same result as [`Noise::observe`].
    pub fn observe(
        &mut self,
        compared: &Compared,
        request: &Request<'_>,
        moment: Moment,
    ) -> Option<Mismatch> {
        let forgotten = self.noise.forgotten();
        let mismatch = self.noise.observe(compared, moment.at);
        if mismatch.is_none() {
            self.pairs += 1;
            self.pairs_differing += u64::from(!compared.candidate.is_empty());
        }
        if self.noise.forgotten() > forgotten {
            self.forget();
        }
        // What the control does as well is no news, and neither is the same spot twice.
        let mut known: BTreeSet<Spot> = compared.again.iter().flatten().cloned().collect();
        for difference in &compared.candidate {
            let spot = difference.spot();
            if !known.insert(spot.clone()) {
                continue;
            }
            let Some(found) = self.found(&spot, mismatch.is_some()) else { continue };
            found.note(mismatch.is_some(), moment.stage);
            if found.samples.len() < MAX_SAMPLES {
                found.samples.push(Sample::of(difference, request, moment));
            }
        }
        mismatch
    }

    /// What the counts say.
    #[must_use]
    pub const fn noise(&self) -> &Noise {
        &self.noise
    }

    /// Comparisons without a second answer of the control, and how many of them differed.
    #[must_use]
    pub const fn pairs(&self) -> (u64, u64) {
        (self.pairs, self.pairs_differing)
    }

    /// A line per spot: sure differences first, then by evidence, then by how often they were seen.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let judged = self.noise.spots().map(|(spot, _)| spot);
        let unjudged = self.spots.keys().filter(|spot| self.noise.get(spot).is_none());
        let mut rows: Vec<Row> = judged.chain(unjudged).map(|spot| self.row(spot)).collect();
        rows.sort_by(|left, right| {
            let sure = right.differs.cmp(&left.differs);
            sure.then(right.e_value.total_cmp(&left.e_value)).then(right.unjudged.cmp(&left.unjudged))
        });
        rows
    }

    /// Adds what another node has found.
    ///
    /// # Errors
    /// That the other is of a version that this program does not know; nothing has changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), UnknownVersion> {
        if other.version != VERSION {
            return Err(UnknownVersion(other.version));
        }
        self.noise.merge(&other.noise);
        self.pairs = self.pairs.saturating_add(other.pairs);
        self.pairs_differing = self.pairs_differing.saturating_add(other.pairs_differing);
        for (spot, theirs) in &other.spots {
            if self.noise.get(spot).is_some() || self.spots.len() < MAX_REMEMBERED {
                self.spots.entry(spot.clone()).or_default().merge(theirs);
            }
        }
        Ok(())
    }

    /// What is remembered of a spot, made if there is a place. Judged spots have one as long as their counts do.
    fn found(&mut self, spot: &Spot, judged: bool) -> Option<&mut Found> {
        if !self.spots.contains_key(spot) {
            if judged && self.noise.get(spot).is_none() {
                return None;
            }
            if judged && self.spots.len() >= MAX_REMEMBERED {
                self.forget();
            }
            if self.spots.len() >= MAX_REMEMBERED {
                return None;
            }
        }
        Some(self.spots.entry(spot.clone()).or_default())
    }

    /// Forgets whatever has no counts.
    fn forget(&mut self) {
        let noise = &self.noise;
        self.spots.retain(|known, _| noise.get(known).is_some());
    }

    fn row(&self, spot: &Spot) -> Row {
        let (tally, triples) = (self.noise.get(spot).cloned().unwrap_or_default(), self.noise.triples());
        let found = self.spots.get(spot).cloned().unwrap_or_default();
        Row {
            spot: spot.clone(),
            compared: tally.compared(triples),
            only_candidate: tally.only_candidate(),
            only_control: tally.only_control(),
            both: tally.both(),
            unjudged: found.unjudged,
            rate: tally.rate(triples),
            e_value: tally.e_value(),
            differs: tally.is_reported(),
            since: tally.first_seen(),
            last: tally.last_seen(),
            stages: found.stages,
            samples: found.samples,
        }
    }
}

/// A report written by another version of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a report of version {0} cannot be read: this program writes version {VERSION}")]
pub struct UnknownVersion(pub u32);

impl Found {
    fn note(&mut self, judged: bool, stage: u32) {
        if !judged {
            self.unjudged += 1;
            return;
        }
        let known = self.stages.contains_key(&stage) || self.stages.len() < MAX_STAGES;
        let last = self.stages.keys().next_back().copied().unwrap_or(stage);
        *self.stages.entry(if known { stage } else { last }).or_default() += 1;
    }

    fn merge(&mut self, other: &Self) {
        for (stage, count) in &other.stages {
            let known = self.stages.contains_key(stage) || self.stages.len() < MAX_STAGES;
            let last = self.stages.keys().next_back().copied().unwrap_or(*stage);
            let sum = self.stages.entry(if known { *stage } else { last }).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.unjudged = self.unjudged.saturating_add(other.unjudged);
        self.samples.extend(other.samples.iter().cloned());
        self.samples.sort();
        self.samples.dedup();
        self.samples.truncate(MAX_SAMPLES);
    }
}
