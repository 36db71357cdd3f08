//! What is played, and what must come out.

use banyan_flags::Percent;
use banyan_rollout::{
    Action, Event, Plan, State,
    machine::{Act, Phase},
    step,
};

use super::{
    runs::{Spread, play},
    world::{RATE, START, Traffic, World},
};

/// How much to play.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    pub(super) seed: u64,
    /// Runs of each scenario.
    pub(super) runs: u64,
    /// Runs of those that play hours.
    pub(super) long_runs: u64,
    /// Requests of a run in which nothing may happen.
    pub(super) equal_requests: u64,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) what: String,
    pub(super) runs: usize,
    pub(super) measured: String,
    pub(super) bar: String,
    pub(super) passed: bool,
}

/// A scenario.
pub(super) type Scenario = fn(&Plan, Effort) -> Line;

/// All of them, in the order of the table.
pub(super) const SCENARIOS: [Scenario; 12] = [
    fails_20,
    fails_5,
    fails_2,
    turns_bad,
    tenfold,
    tenfold_unshadowed,
    slow,
    equal,
    uneven,
    stopping,
    healthy,
    both_fail,
];

fn percent(points: u16) -> Percent {
    Percent::from_basis_points(points).unwrap_or(Percent::FULL)
}

/// So many percent of a count that fits.
#[expect(clippy::cast_precision_loss, reason = "counts of a simulation")]
const fn float(count: u64) -> f64 {
    count as f64
}

fn spread(values: impl IntoIterator<Item = f64>, unit: &str) -> (String, f64, f64) {
    Spread::of(values).map_or_else(
        || ("never".to_owned(), f64::INFINITY, f64::INFINITY),
        |Spread { median, p95, max }| {
            (format!("median {median:.0}, p95 {p95:.0}, most {max:.0} {unit}"), median, max)
        },
    )
}

fn fails_20(plan: &Plan, effort: Effort) -> Line {
    fails(plan, effort, 0.20, 20.0)
}

fn fails_5(plan: &Plan, effort: Effort) -> Line {
    fails(plan, effort, 0.05, 90.0)
}

fn fails_2(plan: &Plan, effort: Effort) -> Line {
    fails(plan, effort, 0.02, 300.0)
}

/// A candidate that fails from the beginning, against a control that fails 0.1 %, at 1 % and without a shadow.
fn fails(plan: &Plan, effort: Effort, errors: f64, bar: f64) -> Line {
    let found = play(effort.seed, effort.runs, |seed| {
        let mut world = World::new(seed, percent(100), Traffic::failing(errors));
        let caught = world.until_worse(plan, 10_000_000).is_some();
        if caught { float(world.candidates) } else { f64::INFINITY }
    });
    let runs = found.len();
    let (measured, median, _) = spread(found, "candidate requests");
    Line {
        what: format!("fails {:.0} % against 0.1 %, at 1 %", errors * 100.0),
        runs,
        measured,
        bar: format!("median at most {bar}"),
        passed: median <= bar,
    }
}

/// The same after an hour in which both sides were alike: what was well must not hide what is bad.
fn turns_bad(plan: &Plan, effort: Effort) -> Line {
    let found = play(effort.seed, effort.long_runs, |seed| {
        let mut world = World::new(seed, percent(100), Traffic::failing(0.001));
        if world.until_worse(plan, 3_600 * RATE).is_some() {
            return f64::NAN;
        }
        let before = world.candidates;
        world.traffic = Traffic::failing(0.05);
        let caught = world.until_worse(plan, 10_000_000).is_some();
        if caught { float(world.candidates - before) } else { f64::INFINITY }
    });
    let runs = found.len();
    let (measured, median, _) =
        spread(found.into_iter().filter(|found| !found.is_nan()), "candidate requests");
    Line {
        what: "the same with 5 %, after an hour that was well".to_owned(),
        runs,
        measured,
        bar: "median at most 250".to_owned(),
        passed: median <= 250.0,
    }
}

/// A tenfold difference, where little of it reaches people: the shadow asks both.
fn tenfold(plan: &Plan, effort: Effort) -> Line {
    let (line, most) = seconds_to_ten_times(plan, effort, 0.1);
    Line { bar: "most at most 60 s".to_owned(), passed: most <= 60.0, ..line }
}

fn tenfold_unshadowed(plan: &Plan, effort: Effort) -> Line {
    seconds_to_ten_times(plan, effort, 0.0).0
}

fn seconds_to_ten_times(plan: &Plan, effort: Effort, shadow: f64) -> (Line, f64) {
    let found = play(effort.seed, effort.runs, |seed| {
        let mut world = World::new(seed, percent(100), Traffic { shadow, ..Traffic::failing(0.01) });
        let caught = world.until_worse(plan, 3_600 * RATE).is_some();
        if caught { float(world.requests) / float(RATE) } else { f64::INFINITY }
    });
    let runs = found.len();
    let (measured, _, most) = spread(found, "s");
    let shadowed = if shadow > 0.0 { "with a shadow of 10 %" } else { "without a shadow" };
    let what = format!("fails 1 % against 0.1 %, at 1 %, {shadowed}");
    (Line { what, runs, measured, bar: "-".to_owned(), passed: true }, most)
}

/// How a whole rollout ended.
#[derive(Clone, Copy, Debug)]
enum End {
    RolledBack { seconds: f64, at: Percent },
    Complete { seconds: f64 },
    Holds,
}

/// The whole rollout, with the real machine: judged once a second, as the driver does.
fn roll_out(plan: &Plan, seed: u64, traffic: Traffic, most_seconds: u64) -> End {
    let act = Act { by: "simulation".to_owned(), why: String::new() };
    let mut world = World::new(seed, Percent::ZERO, traffic);
    let mut state = State::default();
    let mut event = Event::Start { act, percent: Percent::ZERO };
    for _ in 0..most_seconds {
        if let Ok(next) = step(plan, &state, &event, world.now()) {
            let moved = next.actions.iter().any(|action| matches!(action, Action::SetPercent(_)));
            state = next.state;
            if let (true, Some(scope)) = (moved, state.scope()) {
                world.enter(scope);
            }
        }
        let seconds = world.now().since(START).as_secs_f64();
        match &state.phase {
            Phase::RolledBack(back) => return End::RolledBack { seconds, at: back.from },
            Phase::Complete { .. } => return End::Complete { seconds },
            _ => {}
        }
        (0..RATE).for_each(|_| _ = world.request());
        let percent = state.percent().unwrap_or(Percent::ZERO);
        event = Event::Judged(Box::new(world.judge.evidence().judge(plan, percent)));
    }
    End::Holds
}

/// Twice as slow on one request in twenty: hardly any of them is slower than what is slow anyway.
fn slow(plan: &Plan, effort: Effort) -> Line {
    let traffic = Traffic { twice_as_slow: 0.05, ..Traffic::EQUAL };
    let found = play(effort.seed, effort.long_runs, |seed| roll_out(plan, seed, traffic, 7_200));
    let runs = found.len();
    let seconds = found.iter().filter_map(|end| match end {
        End::RolledBack { seconds, .. } => Some(*seconds),
        End::Complete { .. } | End::Holds => None,
    });
    let caught = seconds.clone().count();
    let furthest = found.iter().filter_map(|end| match end {
        End::RolledBack { at, .. } => Some(*at),
        End::Complete { .. } | End::Holds => None,
    });
    let furthest = furthest.max().map_or("-".to_owned(), |at| at.to_string());
    let (measured, ..) = spread(seconds, "s");
    Line {
        what: "twice as slow on 5 % of requests, a whole rollout".to_owned(),
        runs,
        measured: format!("{caught} caught; {measured}; at {furthest} at the latest"),
        bar: "all are caught".to_owned(),
        passed: caught == runs,
    }
}

/// Two sides that are alike, at every stage: nothing may happen.
fn equal(plan: &Plan, effort: Effort) -> Line {
    false_rollbacks(plan, effort, Traffic::EQUAL, "equal")
}

/// The same with heavy users that come and go on the candidate's side.
fn uneven(plan: &Plan, effort: Effort) -> Line {
    let effort = Effort { runs: effort.long_runs, ..effort };
    false_rollbacks(
        plan,
        effort,
        Traffic { heavy: 0.05, ..Traffic::EQUAL },
        "equal, with heavy users that come and go",
    )
}

/// The same while each side stands still for a moment every ten seconds, by itself: many answers are slow at once.
fn stopping(plan: &Plan, effort: Effort) -> Line {
    let effort = Effort { runs: effort.long_runs, ..effort };
    false_rollbacks(
        plan,
        effort,
        Traffic { stops: 0.1, ..Traffic::EQUAL },
        "equal, each stopping for 0.15 s every 10 s",
    )
}

/// The same while both fail often: a dependency of both is down.
fn both_fail(plan: &Plan, effort: Effort) -> Line {
    let traffic =
        Traffic { errors: banyan_rollout::Sides { candidate: 0.2, control: 0.2 }, ..Traffic::EQUAL };
    let effort = Effort { runs: effort.long_runs, ..effort };
    false_rollbacks(plan, effort, traffic, "equal, and failing 20 % both")
}

fn false_rollbacks(plan: &Plan, effort: Effort, traffic: Traffic, what: &str) -> Line {
    const STAGES: [u16; 5] = [100, 500, 1_000, 2_500, 5_000];
    let found = play(effort.seed, effort.runs, |seed| {
        let stage = percent(STAGES[usize::try_from(seed % 5).unwrap_or(0)]);
        let worse = World::new(seed, stage, traffic).until_worse(plan, effort.equal_requests);
        worse.map(|metric| format!("{metric} at {stage}"))
    });
    let runs = found.len();
    let wrong: Vec<String> = found.into_iter().flatten().collect();
    let most = runs.div_ceil(1_000);
    let mut measured = format!("{} rolled back", wrong.len());
    if !wrong.is_empty() {
        measured = format!("{measured}: {}", wrong.join(", "));
    }
    Line {
        what: format!("{what}: {} requests, at 1 % to 50 %", effort.equal_requests),
        runs,
        measured,
        bar: format!("at most {most}"),
        passed: wrong.len() <= most,
    }
}

/// And a candidate that is well gets through.
fn healthy(plan: &Plan, effort: Effort) -> Line {
    let found = play(effort.seed, effort.long_runs, |seed| roll_out(plan, seed, Traffic::EQUAL, 7_200));
    let runs = found.len();
    let seconds = found.iter().filter_map(|end| match end {
        End::Complete { seconds } => Some(*seconds),
        End::RolledBack { .. } | End::Holds => None,
    });
    let complete = seconds.clone().count();
    let (measured, ..) = spread(seconds, "s");
    Line {
        what: "equal, a whole rollout".to_owned(),
        runs,
        measured: format!("{complete} complete; {measured}"),
        bar: "all are complete".to_owned(),
        passed: complete == runs,
    }
}
