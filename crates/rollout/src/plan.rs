//! What a person decided before the rollout: stages, how long, what must hold to go on, what ends it.

use std::{fmt, time::Duration};

use banyan_flags::Percent;

use crate::{Authority, Metric, Unsafe, rollback_is_safe};

/// Longest `hold` of a stage: 30 days. Longer is a typing error.
const LONGEST_HOLD: Duration = Duration::from_secs(30 * 24 * 3600);
/// Most stages: one can be shown per line.
const MOST_STAGES: usize = 64;
/// Most subjects that can be asked for: as many as evidence remembers.
pub(crate) const MOST_SUBJECTS: u32 = 64;

/// A plan as it is written, not checked yet. The default is the plan that a rollout without any words has.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Percentages in the order in which they are reached: strictly rising, above 0 %. The last may be less than 100 %.
    pub stages: Vec<Percent>,
    /// The shortest time at each stage. More than zero, at most 30 days.
    pub hold: Duration,
    /// What must hold to go on.
    pub gates: Gates,
    /// What ends it.
    pub roll_back: RollBack,
    /// Whose data is read, written and told: whether a rollback loses anything.
    pub authority: Authority,
    /// Whether the unit has routes that write. Without, a rollback is always safe.
    pub writes: bool,
}

/// What must hold to go on to the next stage (`advance_when`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gates {
    /// The candidate answered at least so many requests at this stage. At least 1.
    pub requests: u64,
    /// With 95 % confidence, the candidate's share of errors exceeds the control's by at most this: above 0, at most 1.
    pub excess_errors: f64,
    /// The candidate's 99th percentile exceeds the control's by at most this share of it: 0.3 is "+30%". Above 0, at
    /// most 100.
    pub latency_p99: f64,
    /// With 95 % confidence, the share of other answers exceeds what the control's own noise gives by at most this: above 0,
    /// at most 1. `None` where nothing is compared (no shadow): then it is not measured, and does not hold anything up.
    pub mismatches: Option<f64>,
    /// With 95 % confidence, the candidate's share of degraded answers exceeds the control's by at most this: above 0, at
    /// most 1.
    pub degraded: f64,
}

/// What ends a rollout (`roll_back`).
#[derive(Clone, Debug, PartialEq)]
pub struct RollBack {
    /// The chance of a false rollback over the whole rollout, all metrics together: above 0, at most 0.1.
    pub alpha: f64,
    /// At least so many distinct subjects failed on the candidate: 1 to 64.
    pub subjects: u32,
    /// What is judged. `alpha` is shared out evenly over them.
    pub metrics: Vec<Metric>,
}

impl Default for Settings {
    fn default() -> Self {
        let stages = [100, 500, 1_000, 2_500, 5_000, 10_000];
        Self {
            stages: stages.into_iter().filter_map(|points| Percent::from_basis_points(points).ok()).collect(),
            hold: Duration::from_secs(60),
            gates: Gates::default(),
            roll_back: RollBack::default(),
            authority: Authority::default(),
            writes: false,
        }
    }
}

impl Default for Gates {
    fn default() -> Self {
        Self { requests: 300, excess_errors: 0.01, latency_p99: 0.3, mismatches: Some(0.001), degraded: 0.01 }
    }
}

impl Default for RollBack {
    fn default() -> Self {
        Self { alpha: 0.001, subjects: 3, metrics: Metric::ALL.to_vec() }
    }
}

/// Which part of the [`Settings`] is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `stages` as a whole.
    Stages,
    /// One of `stages`, counted from 0.
    Stage(usize),
    /// `hold`.
    Hold,
    /// `advance_when.requests`.
    Requests,
    /// `advance_when.excess_errors`.
    ExcessErrors,
    /// `advance_when.latency_p99`.
    LatencyP99,
    /// `advance_when.mismatches`.
    Mismatches,
    /// `advance_when.degraded`.
    Degraded,
    /// `roll_back.alpha`.
    Alpha,
    /// `roll_back.subjects`.
    Subjects,
    /// `roll_back.metrics`.
    Metrics,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stages => f.write_str("stages"),
            Self::Stage(index) => write!(f, "stages[{index}]"),
            Self::Hold => f.write_str("hold"),
            Self::Requests => f.write_str("advance_when.requests"),
            Self::ExcessErrors => f.write_str("advance_when.excess_errors"),
            Self::LatencyP99 => f.write_str("advance_when.latency_p99"),
            Self::Mismatches => f.write_str("advance_when.mismatches"),
            Self::Degraded => f.write_str("advance_when.degraded"),
            Self::Alpha => f.write_str("roll_back.alpha"),
            Self::Subjects => f.write_str("roll_back.subjects"),
            Self::Metrics => f.write_str("roll_back.metrics"),
        }
    }
}

/// Why there can be no such plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}; {hint}")]
pub struct PlanError {
    /// Where.
    pub field: Field,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// A checked plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan(Settings);

impl Plan {
    /// A plan, if all of it makes sense.
    ///
    /// # Errors
    /// The first [`PlanError`]. [`Self::check`] has all of them.
    pub fn new(settings: Settings) -> Result<Self, PlanError> {
        match Self::check(&settings).into_iter().next() {
            Some(error) => Err(error),
            None => Ok(Self(settings)),
        }
    }

    /// Everything that is wrong, in the order of the fields; nothing for a plan that can be.
    #[must_use]
    pub fn check(settings: &Settings) -> Vec<PlanError> {
        let mut errors = stage_errors(&settings.stages);
        if settings.hold.is_zero() || settings.hold > LONGEST_HOLD {
            let hint = "say how long a stage lasts at least, such as 60s; at most 30 days";
            errors.push(error(Field::Hold, format!("{:?} is no time to hold a stage", settings.hold), hint));
        }
        errors.extend(gate_errors(&settings.gates));
        errors.extend(roll_back_errors(&settings.roll_back));
        errors
    }

    /// The settings that it was made from.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.0
    }

    /// The percentages, in the order in which they are reached. At least one.
    #[must_use]
    pub fn stages(&self) -> &[Percent] {
        &self.0.stages
    }

    /// The stage that comes after `percent`; `None` at the last stage and beyond it.
    #[must_use]
    pub fn next(&self, percent: Percent) -> Option<Percent> {
        self.0.stages.iter().copied().find(|&stage| stage > percent)
    }

    /// The index of the stage at which `percent` is: the last one that it has reached; `None` below the first.
    #[must_use]
    pub fn stage_of(&self, percent: Percent) -> Option<usize> {
        self.0.stages.iter().rposition(|&stage| stage <= percent)
    }

    /// The shortest time at each stage.
    #[must_use]
    pub const fn hold(&self) -> Duration {
        self.0.hold
    }

    /// What must hold to go on.
    #[must_use]
    pub const fn gates(&self) -> &Gates {
        &self.0.gates
    }

    /// What ends it.
    #[must_use]
    pub const fn roll_back(&self) -> &RollBack {
        &self.0.roll_back
    }

    /// The evidence against one metric with which the candidate counts as worse: metrics / alpha.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        let metrics = u32::try_from(self.0.roll_back.metrics.len()).unwrap_or(u32::MAX);
        f64::from(metrics) / self.0.roll_back.alpha
    }

    /// Whether subjects on the replacement can be sent back.
    ///
    /// # Errors
    /// [`Unsafe`] when they would lose what they wrote.
    pub fn rollback_is_safe(&self) -> Result<(), Unsafe> {
        rollback_is_safe(&self.0.authority, self.0.writes)
    }
}

fn error(field: Field, what: impl Into<String>, hint: impl Into<String>) -> PlanError {
    PlanError { field, what: what.into(), hint: hint.into() }
}

fn stage_errors(stages: &[Percent]) -> Vec<PlanError> {
    if stages.is_empty() {
        return vec![error(
            Field::Stages,
            "there is no stage",
            "write at least one, such as [ 1%, 10%, 100% ]",
        )];
    }
    if stages.len() > MOST_STAGES {
        let what = format!("{} stages", stages.len());
        return vec![error(Field::Stages, what, format!("at most {MOST_STAGES} make sense"))];
    }
    let mut errors = Vec::new();
    if stages[0] == Percent::ZERO {
        let hint = "begin with the first percentage that gets the replacement, such as 1%";
        errors.push(error(
            Field::Stage(0),
            "at 0% nobody gets the replacement, and nothing can be judged",
            hint,
        ));
    }
    for (index, pair) in stages.windows(2).enumerate() {
        if pair[1] <= pair[0] {
            let what = format!("{} does not come after {}", pair[1], pair[0]);
            errors.push(error(Field::Stage(index + 1), what, "stages go up: each more than the one before"));
        }
    }
    errors
}

fn gate_errors(gates: &Gates) -> Vec<PlanError> {
    let mut errors = Vec::new();
    if gates.requests == 0 {
        let hint = "say how many answers it takes to believe anything, such as 300";
        errors.push(error(Field::Requests, "0 requests show nothing", hint));
    }
    let shares = [
        (Field::ExcessErrors, Some(gates.excess_errors), "1%"),
        (Field::Mismatches, gates.mismatches, "0.1%"),
        (Field::Degraded, Some(gates.degraded), "+1%"),
    ];
    for (field, share, example) in shares {
        if share.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
            let what = "no number of answers can show that there is no excess at all, or one above 100%";
            errors.push(error(field, what, format!("a share above 0% and up to 100%, such as {example}")));
        }
    }
    if !(gates.latency_p99 > 0.0 && gates.latency_p99 <= 100.0) {
        let what = "two latencies are never measured as the same";
        errors.push(error(
            Field::LatencyP99,
            what,
            "how much slower is still well, such as +30%; at most +10000%",
        ));
    }
    errors
}

fn roll_back_errors(roll_back: &RollBack) -> Vec<PlanError> {
    let mut errors = Vec::new();
    if !(roll_back.alpha > 0.0 && roll_back.alpha <= 0.1) {
        let what = format!("{} is no chance of a false rollback", roll_back.alpha);
        errors.push(error(Field::Alpha, what, "above 0 and at most 0.1, such as 0.001"));
    }
    if !(1..=MOST_SUBJECTS).contains(&roll_back.subjects) {
        let what = format!("{} subjects cannot be asked for", roll_back.subjects);
        errors.push(error(Field::Subjects, what, format!("1 to {MOST_SUBJECTS}")));
    }
    let metrics = &roll_back.metrics;
    if metrics.is_empty() {
        let hint = "name at least one of errors, latency, mismatches, degraded";
        errors.push(error(Field::Metrics, "nothing is judged", hint));
    }
    if let Some(twice) = metrics.iter().enumerate().find(|(at, metric)| metrics[..*at].contains(metric)) {
        errors.push(error(Field::Metrics, format!("{} is there twice", twice.1), "name each metric once"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percents(points: &[u16]) -> Vec<Percent> {
        points.iter().map(|&points| Percent::from_basis_points(points).unwrap()).collect()
    }

    fn wrong(change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let mut settings = Settings::default();
        change(&mut settings);
        Plan::check(&settings).iter().map(|error| error.field.to_string()).collect()
    }

    #[test]
    fn the_default_is_what_the_documentation_shows() {
        let plan = Plan::new(Settings::default()).unwrap();
        let stages: Vec<_> = plan.stages().iter().map(Percent::to_string).collect();
        assert_eq!(stages, ["1%", "5%", "10%", "25%", "50%", "100%"]);
        assert_eq!((plan.hold(), plan.gates().requests), (Duration::from_secs(60), 300));
        assert!((plan.threshold() - 4_000.0).abs() < 1e-9);
    }

    #[test]
    fn every_error_names_its_field() {
        type Change = fn(&mut Settings);
        let changes: [(Change, &str); 20] = [
            (|plan| plan.stages = Vec::new(), "stages"),
            (|plan| plan.stages = percents(&[1; 65]), "stages"),
            (|plan| plan.stages = percents(&[0, 100]), "stages[0]"),
            (|plan| plan.stages = percents(&[100, 500, 500]), "stages[2]"),
            (|plan| plan.stages = percents(&[500, 100]), "stages[1]"),
            (|plan| plan.hold = Duration::ZERO, "hold"),
            (|plan| plan.hold = Duration::MAX, "hold"),
            (|plan| plan.gates.requests = 0, "advance_when.requests"),
            (|plan| plan.gates.excess_errors = 0.0, "advance_when.excess_errors"),
            (|plan| plan.gates.excess_errors = f64::NAN, "advance_when.excess_errors"),
            (|plan| plan.gates.latency_p99 = -0.3, "advance_when.latency_p99"),
            (|plan| plan.gates.mismatches = Some(1.1), "advance_when.mismatches"),
            (|plan| plan.gates.degraded = f64::INFINITY, "advance_when.degraded"),
            (|plan| plan.roll_back.alpha = 0.0, "roll_back.alpha"),
            (|plan| plan.roll_back.alpha = 0.11, "roll_back.alpha"),
            (|plan| plan.roll_back.alpha = f64::NAN, "roll_back.alpha"),
            (|plan| plan.roll_back.subjects = 0, "roll_back.subjects"),
            (|plan| plan.roll_back.subjects = 65, "roll_back.subjects"),
            (|plan| plan.roll_back.metrics = Vec::new(), "roll_back.metrics"),
            (|plan| plan.roll_back.metrics = vec![Metric::Errors; 2], "roll_back.metrics"),
        ];
        for (change, field) in changes {
            assert_eq!(wrong(change), [field]);
        }
        let two = wrong(|plan| (plan.hold, plan.gates.requests) = (Duration::ZERO, 0));
        assert_eq!(two, ["hold", "advance_when.requests"], "all at once");
    }

    #[test]
    fn stages_are_found_from_any_percentage() {
        let plan =
            Plan::new(Settings { stages: percents(&[100, 500, 5_000]), ..Settings::default() }).unwrap();
        let at = |points| Percent::from_basis_points(points).unwrap();
        assert_eq!((plan.next(at(0)), plan.stage_of(at(0))), (Some(at(100)), None));
        assert_eq!((plan.next(at(100)), plan.stage_of(at(100))), (Some(at(500)), Some(0)));
        assert_eq!((plan.next(at(300)), plan.stage_of(at(300))), (Some(at(500)), Some(0)));
        assert_eq!((plan.next(at(5_000)), plan.stage_of(at(9_000))), (None, Some(2)));
    }
}
