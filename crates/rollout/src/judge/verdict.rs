//! What the evidence says: worse or not, what may go on, and the figures to show.

use serde::{Deserialize, Serialize};

use super::{Count, Exhibit};
use crate::{Metric, Sides, Source};

/// Whether the candidate is worse than the control.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// There is no such evidence: it is well, or nothing is known yet. Whether it may go on is what the gates say.
    Fine,
    /// There is, with a bounded chance of being wrong.
    Worse(Box<Worse>),
}

/// In what the candidate is worse, and what shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worse {
    /// What it is worse in.
    pub metric: Metric,
    /// The evidence against 'equal rates': under equal rates it reaches `threshold` with a chance of at most 1/`threshold`,
    /// however often one looks.
    pub e_value: f64,
    /// What was enough: metrics / alpha.
    pub threshold: f64,
    /// How many times as often the candidate fails, by the bet that won most.
    pub ratio: f64,
    /// Distinct subjects that failed on the candidate, counted up to 64.
    pub subjects: u32,
    /// Failures per route and source over the whole epoch, those of interest first.
    pub strata: Vec<StratumTally>,
    /// The last requests that failed in this way.
    pub exhibits: Vec<Exhibit>,
}

/// How often both sides failed on one route, as seen in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StratumTally {
    /// The route.
    pub route: String,
    /// How it was seen.
    pub source: Source,
    /// Failures of each side. For errors, latency and degraded answers of live requests: of all requests of that side; for
    /// pairs: of all requests that were asked of both.
    pub counts: Sides<Count>,
    /// The evidence of this stratum alone, for a bet that was there from the start.
    pub e_value: f64,
}

/// What all the evidence says at one moment: this is what [`step`](crate::step) decides by.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Worse or not.
    pub verdict: Verdict,
    /// Each gate, in the order in which they are shown.
    pub gates: Vec<Gate>,
    /// The figures of each metric that is judged.
    pub figures: Vec<Figures>,
}

impl Judgement {
    /// Whether nothing stands against the next stage but time.
    #[must_use]
    pub fn may_advance(&self) -> bool {
        self.verdict == Verdict::Fine && self.gates.iter().all(|gate| gate.verdict != GateVerdict::Hold)
    }
}

/// One condition of going on.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Its key in the config.
    pub name: &'static str,
    /// What was measured; `None` where nothing was. For shares that are bounded: the upper bound.
    pub measured: Option<f64>,
    /// What it may be at most (`requests`: at least); `None` where nothing was asked for.
    pub threshold: Option<f64>,
    /// Answers of the candidate that it is measured by.
    pub sample: u64,
    /// Whether it lets pass.
    pub verdict: GateVerdict,
    /// Why, in a sentence.
    pub why: String,
}

/// Whether a gate lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateVerdict {
    /// It does.
    Pass,
    /// Not yet: there is too little data, or what there is is not good enough.
    Hold,
    /// There is no way to measure it here, such as mismatches where nothing is compared. It does not stand in the way.
    NotMeasured,
}

impl GateVerdict {
    /// As it is shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Hold => "hold",
            Self::NotMeasured => "not measured",
        }
    }
}

/// One metric at the present percentage.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Which.
    pub metric: Metric,
    /// Failures of each side since the unit has this percentage.
    pub counts: Sides<Count>,
    /// How much more often the candidate fails; `None` without answers of both sides.
    pub excess: Option<Excess>,
    /// The evidence of the whole epoch.
    pub e_value: f64,
    /// Distinct subjects that failed on the candidate during the epoch, counted up to 64.
    pub subjects: u32,
}

/// A difference of two shares: each bound is passed with a chance of 5 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Excess {
    /// Lower bound, -1 to 1.
    pub low: f64,
    /// As measured.
    pub measured: f64,
    /// Upper bound, -1 to 1.
    pub high: f64,
}
