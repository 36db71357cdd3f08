//! Whether the candidate is worse than the control, one event at a time.
//!
//! A replacement at 1 % that fails 5 % of its calls moves the error rate of the whole from 0.1 % to 0.149 %: nobody who
//! compares with yesterday can see it. Candidate and control answer at the same time, the same kinds of requests, under
//! the same load; so the question that needs no yesterday is *whose* the next failure is. If both fail alike, it is the
//! candidate's with the chance of its share of the requests. Bets against that (`bets`) get rich only if it is wrong.
//! What they are worth is the evidence: an e-value, which under equal rates reaches 1/alpha at any time whatsoever with
//! a chance of at most alpha (Ville, 1939; Ramdas et al., "Game-theoretic statistics and safe anytime-valid inference",
//! 2023). So one may look after each event, on as many nodes and for as many days as one likes.
//!
//! | part | what it adds |
//! |---|---|
//! | `bets` | what one failure is worth |
//! | `share` | the chance that it is the candidate's |
//! | `periods`, `trail` | a good hour does not hide a bad minute |
//! | `wealth` | all bets on all routes as one number |
//! | `trailing`, `moments` | what is slow, and that slow answers come together |
//! | `subjects` | one user is no reason |
//! | `gates`, `bounds`, `sketch` | the other question: whether enough is known to go on |
//!
//! A [`Judge`] is what a node keeps. [`Evidence`] is what it has seen, to be written down and put together with that of
//! others; [`Evidence::judge`] says what it means.
//!
//! ```
//! use banyan_rollout::{Judge, Millis, Plan, Settings, Side, Verdict, judge::{Observation, RouteIndex, Scope}};
//!
//! let plan = Plan::new(Settings::default())?;
//! let scope = Scope { epoch: 1, lap: 1, percent: "1%".parse()?, began: Millis(0) };
//! let mut judge = Judge::new(scope, ["GET /articles/{id}"], Millis(0));
//! for subject in 0..4 {
//!     let answer = Observation {
//!         route: RouteIndex(0), side: Side::Candidate, failed: true, latency_us: 900, degraded: false,
//!         compared: false, subject,
//!     };
//!     let _ = judge.observe(&answer, Millis(1_000 + subject));
//! }
//! let Verdict::Worse(worse) = judge.verdict(&plan) else { panic!("four of four failed") };
//! assert!(worse.e_value >= 4_000.0 && worse.subjects == 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
mod bets;
mod bounds;
mod evidence;
mod exhibit;
mod gates;
mod moments;
mod periods;
mod scope;
mod share;
mod sketch;
mod subjects;
#[cfg(test)]
mod tests;
mod trail;
mod trailing;
mod verdict;
mod watch;
mod wealth;

use banyan_flags::Percent;

use self::{evidence::Stratum, wealth::Wealth};
pub use self::{
    evidence::{Evidence, OtherEpoch},
    exhibit::Exhibit,
    scope::{Compared, Contents, Count, Failed, Observation, RouteIndex, Scope},
    verdict::{Excess, Figures, Gate, GateVerdict, Judgement, StratumTally, Verdict, Worse},
    watch::Judge,
};
use crate::{Metric, Plan, Sides};

impl Evidence {
    /// Whether the candidate is worse.
    ///
    /// It is as soon as the evidence against one metric reaches metrics / alpha, counting only bets since whose beginning
    /// enough distinct subjects failed on the candidate. Of several metrics the one with the most evidence is named.
    #[must_use]
    pub fn verdict(&self, plan: &Plan) -> Verdict {
        let subjects = plan.roll_back().subjects;
        let judged =
            plan.roll_back().metrics.iter().map(|&metric| (metric, Wealth::of(self, metric, subjects)));
        let worst = judged.max_by(|a, b| a.1.ln.total_cmp(&b.1.ln));
        match worst {
            Some((metric, wealth)) if wealth.ln >= plan.threshold().ln() => {
                Verdict::Worse(Box::new(self.worse(metric, wealth, plan.threshold())))
            }
            _ => Verdict::Fine,
        }
    }

    fn worse(&self, metric: Metric, wealth: Wealth, threshold: f64) -> Worse {
        let mut strata: Vec<_> = self.strata.iter().filter_map(|stratum| stratum.tally(metric)).collect();
        let failures = |tally: &StratumTally| tally.counts.candidate.failures;
        strata.sort_by(|a, b| b.e_value.total_cmp(&a.e_value).then(failures(b).cmp(&failures(a))));
        Worse {
            metric,
            e_value: wealth.e_value(),
            threshold,
            ratio: if metric == Metric::Latency { times(&self.tally) } else { wealth.ratio },
            subjects: self.failed_subjects(metric),
            strata,
            exhibits: self.exhibits.of(metric),
        }
    }

    /// Everything that it says at `percent`, the percentage that the unit has.
    #[must_use]
    pub fn judge(&self, plan: &Plan, percent: Percent) -> Judgement {
        Judgement {
            verdict: self.verdict(plan),
            gates: gates::gates(self, plan.gates(), percent),
            figures: plan.roll_back().metrics.iter().map(|&metric| self.figures(metric)).collect(),
        }
    }

    fn figures(&self, metric: Metric) -> Figures {
        let counts = self.tally.counts(metric);
        Figures {
            metric,
            counts,
            excess: bounds::excess(counts.candidate, counts.control),
            e_value: Wealth::of(self, metric, 0).e_value(),
            subjects: self.failed_subjects(metric),
        }
    }

    /// The last requests that failed on the candidate, in whatever way, the newest first: at most 32.
    #[must_use]
    pub fn exhibits(&self) -> Vec<Exhibit> {
        Metric::ALL
            .into_iter()
            .flat_map(|metric| self.exhibits.of(metric))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .rev()
            .collect()
    }

    fn failed_subjects(&self, metric: Metric) -> u32 {
        self.subjects.get(&metric).map_or(0, |subjects| subjects.since(0))
    }
}

/// How many times as often the candidate is slow: bets on moments do not say.
fn times(tally: &evidence::Tally) -> f64 {
    let slow = tally.counts(Metric::Latency);
    match (slow.candidate.share(), slow.control.share()) {
        (Some(candidate), Some(control)) if control > 0.0 => candidate / control,
        _ => 1.0,
    }
}

impl Stratum {
    fn tally(&self, metric: Metric) -> Option<StratumTally> {
        let case = self.cases.get(&metric)?;
        let count = |failures, of| Count { failures, of };
        Some(StratumTally {
            route: self.route.clone(),
            source: self.source,
            counts: Sides {
                candidate: count(case.failures.candidate, self.seen.candidate),
                control: count(case.failures.control, self.seen.control),
            },
            e_value: wealth::alone(&case.trail),
        })
    }
}
