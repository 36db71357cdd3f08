//! A rollout: the stage, the gates, the evidence.

use std::time::Duration;

use banyan_config::plan::{Rollout, Unit};
use banyan_flags::Percent;
use banyan_rollout::{
    Judgement, State,
    judge::{Count, Exhibit, Figures, Gate, StratumTally, Worse},
    machine::{Phase, Why},
};
use banyan_state::RolloutEntry;
use serde::Serialize;
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::{
    rollout::{Known, calendar, worse_in_words},
    span::seconds,
};

/// A rollout of a unit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolloutView {
    /// Name of the unit.
    unit: String,
    /// `idle`, `running`, `paused`, `rolled back`, `complete` or `aborted`.
    phase: &'static str,
    /// Share of subjects on the replacement now.
    #[schema(example = "5%")]
    percent: String,
    /// Shares in the order in which they are reached.
    stages: Vec<String>,
    /// Which of them it is at, from 1; null while nothing is under way.
    stage: Option<usize>,
    /// The share after this one; null at the last stage.
    next: Option<String>,
    /// Since when it is at this stage, paused or ended.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Seconds that each stage lasts at least.
    hold_s: f64,
    /// Seconds that this one was watched.
    held_s: Option<f64>,
    /// Seconds that it lasts at least from now on.
    left_s: Option<f64>,
    /// Why nothing goes up at present, although no person said so.
    blocked: Option<String>,
    /// Why it is paused, or how it ended.
    note: Option<String>,
    /// Counts with each stage, pause and start. Also the `ETag`.
    version: u64,
    /// Who made the last step.
    by: Option<String>,
    /// Why, in their words.
    why: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// What must hold to go on; empty while nothing is under way.
    gates: Vec<GateView>,
    evidence: EvidenceView,
    /// What was worse, if it was rolled back or should have been.
    worse: Option<WorseView>,
    /// The chance of a false rollback over the whole rollout is at most this.
    #[schema(example = 0.001)]
    false_rollback_at_most: f64,
    rollback: RollbackView,
    /// Who is told: scheme and host.
    alerts: Vec<String>,
}

/// One condition of going on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GateView {
    /// Its key in the config.
    name: &'static str,
    /// What was measured; for shares the upper bound at 95 %; null where nothing was.
    measured: Option<f64>,
    /// What it may be at most; `requests`: at least; null where nothing was asked for.
    threshold: Option<f64>,
    /// Answers of the replacement that it is measured by.
    sample: u64,
    /// `pass`, `hold` or `not measured`, which does not stand in the way.
    verdict: &'static str,
    why: String,
}

/// What speaks for a rollback.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceView {
    /// With this much against one metric it is rolled back.
    threshold: f64,
    /// Distinct subjects that must have failed on the replacement besides.
    subjects: u32,
    /// Empty while nothing is under way.
    metrics: Vec<MetricView>,
    /// The last requests that failed on the replacement, the newest first; empty while nothing is under way.
    exhibits: Vec<ExhibitView>,
}

/// One metric that is judged.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricView {
    /// `errors`, `latency`, `mismatches` or `degraded`.
    metric: &'static str,
    candidate: CountView,
    control: CountView,
    /// How much more often the replacement fails; null without answers of both.
    excess: Option<ExcessView>,
    /// The evidence; 1 is none.
    e_value: f64,
    /// Distinct subjects that failed on the replacement, counted up to 64.
    subjects: u32,
}

/// So many of so many.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountView {
    failures: u64,
    of: u64,
}

/// A difference of two shares, with bounds each of which is passed with a chance of 5 %.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExcessView {
    low: f64,
    measured: f64,
    high: f64,
}

/// In what the replacement is worse.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorseView {
    /// In a sentence.
    text: String,
    metric: &'static str,
    /// The evidence.
    e_value: f64,
    /// What was enough.
    threshold: f64,
    /// How many times as often the replacement fails, by the bet that won most.
    ratio: f64,
    /// Distinct subjects that failed on the replacement, counted up to 64.
    subjects: u32,
    /// By route, those of interest first.
    routes: Vec<StratumView>,
    /// Requests that failed in this way, the newest first.
    exhibits: Vec<ExhibitView>,
}

/// One route, as seen in one way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StratumView {
    route: String,
    /// `live` answers, or a `pair`: the same request asked of both.
    source: &'static str,
    candidate: CountView,
    control: CountView,
    e_value: f64,
}

/// A request that failed on the replacement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExhibitView {
    #[schema(format = DateTime)]
    at: String,
    /// What it failed in.
    metric: &'static str,
    route: String,
    /// A status, `timeout`, `reset`, or the paths that differ.
    what: String,
    /// Until the head of the answer; null where there was none.
    latency_ms: Option<f64>,
    trace_id: String,
}

/// Whether everybody can be sent back to legacy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RollbackView {
    /// Whether nothing would be lost.
    safe: bool,
    /// What would be.
    why: Option<String>,
    /// What can be done instead.
    alternatives: Vec<&'static str>,
}

/// One step in the history of a rollout.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolloutHistoryView {
    /// Version of the record that the step made; some have none.
    version: u64,
    /// What was done.
    #[schema(example = "1% -> 5%")]
    what: String,
    /// Share that was set with it.
    percent: Option<String>,
    by: String,
    why: String,
    #[schema(format = DateTime)]
    at: String,
}

impl RolloutView {
    /// `percent` is where the unit stands; `seen` is there while it is judged; `blocked` is why nothing goes up, as this node
    /// sees it.
    pub(crate) fn new(
        unit: &Unit,
        rollout: &Rollout,
        known: &Known,
        percent: Percent,
        seen: Option<(Judgement, Vec<Exhibit>)>,
        blocked: Option<String>,
    ) -> Self {
        let (plan, state) = (&rollout.plan, &known.state);
        let under_way = state.percent().is_some();
        let (judgement, exhibits) = seen.unzip();
        let gates = judgement.as_ref().map(|judgement| judgement.gates.iter().map(GateView::from).collect());
        let last = known.last.as_ref();
        Self {
            unit: unit.name.to_string(),
            phase: state.phase.name().name(),
            percent: percent.to_string(),
            stages: plan.stages().iter().map(ToString::to_string).collect(),
            stage: state.stage(plan).map(|stage| stage + 1),
            next: plan.next(percent).filter(|_| under_way).map(|next| next.to_string()),
            since: since(state),
            hold_s: seconds(plan.hold()),
            held_s: held(state).map(seconds),
            left_s: state.left(plan).map(seconds),
            blocked: blocked.or_else(|| state.blocked.as_ref().map(ToString::to_string)),
            note: known.unreadable.clone().or_else(|| note(state)),
            version: known.tag(),
            by: last.map(|last| last.by.clone()),
            why: last.map(|last| last.why.clone()),
            at: last.map(|last| rfc3339(last.at)),
            gates: gates.unwrap_or_default(),
            evidence: EvidenceView::new(plan, judgement.as_ref(), &exhibits.unwrap_or_default()),
            worse: worse(state),
            false_rollback_at_most: plan.roll_back().alpha,
            rollback: RollbackView::new(plan),
            alerts: rollout.alerts.iter().map(ToString::to_string).collect(),
        }
    }

    /// The version, for the `ETag`.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }
}

fn since(state: &State) -> Option<String> {
    let at = match &state.phase {
        Phase::Idle => return None,
        Phase::Running(running) => running.since,
        Phase::Paused(paused) => paused.since,
        Phase::RolledBack(rolled_back) => rolled_back.at,
        Phase::Complete { at, .. } | Phase::Aborted { at, .. } => *at,
    };
    Some(rfc3339(calendar(at)))
}

fn held(state: &State) -> Option<Duration> {
    match &state.phase {
        Phase::Running(running) => Some(running.held.time()),
        _ => None,
    }
}

fn note(state: &State) -> Option<String> {
    let signed = |by: &str, why: &str| {
        if why.is_empty() { format!("by {by}") } else { format!("by {by}: {why}") }
    };
    match &state.phase {
        Phase::Idle | Phase::Running(_) => None,
        Phase::Paused(paused) => Some(match &paused.why {
            Why::Person(act) => format!("paused {}", signed(&act.by, &act.why)),
            Why::PercentSet(act) => {
                format!("paused, since the percentage was set by hand, {}", signed(&act.by, &act.why))
            }
            Why::Unsafe { why, .. } => format!("the replacement is worse, but {why}"),
        }),
        Phase::RolledBack(rolled_back) => Some(format!("rolled back from {}", rolled_back.from)),
        Phase::Complete { percent, .. } => Some(format!("complete at {percent}")),
        Phase::Aborted { from, act, forced, .. } => {
            let forced = if *forced { ", forced," } else { "" };
            Some(format!("aborted{forced} at {from} {}", signed(&act.by, &act.why)))
        }
    }
}

fn worse(state: &State) -> Option<WorseView> {
    let (evidence, at) = match &state.phase {
        Phase::RolledBack(rolled_back) => (&rolled_back.evidence, rolled_back.at),
        Phase::Paused(paused) => match &paused.why {
            Why::Unsafe { evidence, .. } => (evidence, paused.since),
            _ => return None,
        },
        _ => return None,
    };
    Some(WorseView::new(evidence, at.since(state.began)))
}

/// JSON has no infinity.
fn finite(value: f64) -> f64 {
    value.clamp(f64::MIN, f64::MAX)
}

impl EvidenceView {
    fn new(plan: &banyan_rollout::Plan, judgement: Option<&Judgement>, exhibits: &[Exhibit]) -> Self {
        let metrics = judgement.map(|judgement| judgement.figures.iter().map(MetricView::from).collect());
        Self {
            threshold: plan.threshold(),
            subjects: plan.roll_back().subjects,
            metrics: metrics.unwrap_or_default(),
            exhibits: exhibits.iter().map(ExhibitView::from).collect(),
        }
    }
}

impl WorseView {
    /// `within` is the time from the beginning of the evidence to the verdict.
    pub(crate) fn new(worse: &Worse, within: Duration) -> Self {
        Self {
            text: worse_in_words(worse, within),
            metric: worse.metric.name(),
            e_value: finite(worse.e_value),
            threshold: worse.threshold,
            ratio: finite(worse.ratio),
            subjects: worse.subjects,
            routes: worse.strata.iter().map(StratumView::from).collect(),
            exhibits: worse.exhibits.iter().map(ExhibitView::from).collect(),
        }
    }
}

impl RollbackView {
    fn new(plan: &banyan_rollout::Plan) -> Self {
        match plan.rollback_is_safe() {
            Ok(()) => Self { safe: true, why: None, alternatives: Vec::new() },
            Err(refused) => Self {
                safe: false,
                alternatives: refused.alternatives.iter().map(|alternative| alternative.advice()).collect(),
                why: Some(refused.why),
            },
        }
    }
}

impl From<&Gate> for GateView {
    fn from(gate: &Gate) -> Self {
        Self {
            name: gate.name,
            measured: gate.measured.map(finite),
            threshold: gate.threshold,
            sample: gate.sample,
            verdict: gate.verdict.name(),
            why: gate.why.clone(),
        }
    }
}

impl From<&Figures> for MetricView {
    fn from(figures: &Figures) -> Self {
        let excess = figures.excess.map(|excess| ExcessView {
            low: excess.low,
            measured: excess.measured,
            high: excess.high,
        });
        Self {
            metric: figures.metric.name(),
            candidate: figures.counts.candidate.into(),
            control: figures.counts.control.into(),
            excess,
            e_value: finite(figures.e_value),
            subjects: figures.subjects,
        }
    }
}

impl From<Count> for CountView {
    fn from(count: Count) -> Self {
        Self { failures: count.failures, of: count.of }
    }
}

impl From<&StratumTally> for StratumView {
    fn from(tally: &StratumTally) -> Self {
        Self {
            route: tally.route.clone(),
            source: tally.source.name(),
            candidate: tally.counts.candidate.into(),
            control: tally.counts.control.into(),
            e_value: finite(tally.e_value),
        }
    }
}

impl From<&Exhibit> for ExhibitView {
    fn from(exhibit: &Exhibit) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a latency for people")]
        let latency_ms = exhibit.latency_us.map(|latency| latency as f64 / 1e3);
        Self {
            at: rfc3339(calendar(exhibit.at)),
            metric: exhibit.metric.name(),
            route: exhibit.route.clone(),
            what: exhibit.what.clone(),
            latency_ms,
            trace_id: exhibit.trace.clone(),
        }
    }
}

impl From<RolloutEntry> for RolloutHistoryView {
    fn from(entry: RolloutEntry) -> Self {
        Self {
            version: entry.version,
            what: entry.what,
            percent: entry.percent.map(|percent| percent.to_string()),
            by: entry.by,
            why: entry.why,
            at: rfc3339(entry.at),
        }
    }
}
