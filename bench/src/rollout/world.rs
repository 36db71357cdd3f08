//! A unit under a rollout, with its traffic: everything but the judge is made up.

use std::{sync::LazyLock, time::Duration};

use banyan_flags::Percent;
use banyan_resilience::Dice;
use banyan_rollout::{
    Judge, Metric, Millis, Plan, Side, Sides, Verdict,
    judge::{Compared, Contents, Count, Failed, Observation, RouteIndex, Scope},
};

/// Requests per second.
pub(super) const RATE: u64 = 1_000;
const RATE_PER_SECOND: f64 = 1_000.0;
/// Subjects, each of which asks as often as any other unless the traffic is uneven.
const SUBJECTS: u64 = 100_000;
/// How much of the traffic each route has, added up. A route of its own fails as often as the others.
const ROUTES: [(&str, f64); 4] = [
    ("GET /articles", 0.6),
    ("GET /articles/{id}", 0.9),
    ("GET /articles/{id}/comments", 0.99),
    ("POST /articles", 1.0),
];
/// Routes that are shadowed: those before the last one, which writes.
const READING: u16 = 3;
/// How long a side stops, in milliseconds: every request that comes meanwhile is slow.
const STOP: u64 = 150;
/// When it all begins.
pub(super) const START: Millis = Millis(1_700_000_000_000);

/// How both sides answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    /// The share of requests that fail.
    pub(super) errors: Sides<f64>,
    /// The share of the candidate's answers that take twice as long.
    pub(super) twice_as_slow: f64,
    /// The share of degraded answers, on both sides alike.
    pub(super) degraded: f64,
    /// The share of requests that are asked of both sides, the answering one being asked again.
    pub(super) shadow: f64,
    /// The share of answers whose content differs by chance, whoever gave them.
    pub(super) noise: f64,
    /// The share of all requests that ten subjects of the candidate make for five minutes of every ten.
    pub(super) heavy: f64,
    /// How often a second each side stops for [`STOP`], by itself.
    pub(super) stops: f64,
}

impl Traffic {
    /// Two sides that are as good as each other, none of them perfect; a tenth is shadowed.
    pub(super) const EQUAL: Self = Self {
        errors: Sides { candidate: 0.001, control: 0.001 },
        twice_as_slow: 0.0,
        degraded: 0.001,
        shadow: 0.1,
        noise: 0.002,
        heavy: 0.0,
        stops: 0.0,
    };

    /// The same without a shadow, with a candidate that fails so often.
    pub(super) const fn failing(candidate: f64) -> Self {
        Self { errors: Sides { candidate, control: 0.001 }, shadow: 0.0, ..Self::EQUAL }
    }
}

/// One unit, and the judge of it.
pub(super) struct World {
    pub(super) judge: Judge,
    pub(super) traffic: Traffic,
    /// Requests so far.
    pub(super) requests: u64,
    /// Those that the candidate answered.
    pub(super) candidates: u64,
    percent: Percent,
    /// Up to which request each side stands still.
    stopped: Sides<u64>,
    dice: Dice,
}

impl World {
    pub(super) fn new(seed: u64, percent: Percent, traffic: Traffic) -> Self {
        let scope = Scope { epoch: 1, lap: 1, percent, began: START };
        // Seeds that follow each other must not give throws that follow each other.
        let dice = Dice::seeded(Dice::seeded(seed).number());
        let judge = Judge::new(scope, ROUTES.map(|(name, _)| name), START);
        Self { judge, traffic, requests: 0, candidates: 0, percent, stopped: Sides::default(), dice }
    }

    pub(super) fn now(&self) -> Millis {
        START.after(Duration::from_millis(self.requests * 1_000 / RATE))
    }

    /// The unit gets another percentage.
    pub(super) fn enter(&mut self, scope: Scope) {
        self.percent = scope.percent;
        self.judge.enter(scope, self.now());
    }

    /// One more request. Says what the candidate failed in.
    pub(super) fn request(&mut self) -> Failed {
        let now = self.now();
        self.requests += 1;
        if self.requests.is_multiple_of(RATE) {
            self.judge.tick(now);
        }
        self.stop();
        let (side, subject) = self.subject();
        self.candidates += u64::from(side == Side::Candidate);
        let route = self.route();
        let failed = self.chance(*self.traffic.errors.of(side));
        let compared = route.0 < READING && self.chance(self.traffic.shadow);
        let seen = Observation {
            route,
            side,
            failed,
            latency_us: self.latency(side),
            degraded: self.chance(self.traffic.degraded),
            compared,
            subject,
        };
        let live = self.judge.observe(&seen, now);
        if !compared {
            return live;
        }
        let pair = self.triple(&seen);
        let shadow = self.judge.compare(&pair, now);
        if live.is_empty() { shadow } else { live }
    }

    /// Asks until the candidate counts as worse, but not more than `most` times. Looks after each of its failures, since
    /// nothing else can turn a verdict. What it is worse in.
    pub(super) fn until_worse(&mut self, plan: &Plan, most: u64) -> Option<Metric> {
        let last = self.requests + most;
        while self.requests < last {
            if self.request().is_empty() {
                continue;
            }
            if let Verdict::Worse(worse) = self.judge.verdict(plan) {
                return Some(worse.metric);
            }
        }
        None
    }

    fn subject(&self) -> (Side, u64) {
        let heavy = self.traffic.heavy > 0.0 && self.requests / (300 * RATE) % 2 == 1;
        let inside = u64::from(self.percent.basis_points()) * (SUBJECTS / 10_000);
        let subject = if heavy && self.chance(self.traffic.heavy) {
            self.dice.number() % 10
        } else {
            self.dice.number() % SUBJECTS
        };
        (if subject < inside { Side::Candidate } else { Side::Control }, subject)
    }

    fn route(&self) -> RouteIndex {
        let thrown = self.dice.share();
        let place = ROUTES.iter().zip(0..).find(|((_, up_to), _)| thrown < *up_to);
        RouteIndex(place.map_or(0, |(_, index)| index))
    }

    /// The other side, and the answering one again.
    fn triple(&self, seen: &Observation) -> Compared {
        let answer = |side| Count::one(self.chance(*self.traffic.errors.of(side)));
        let mut answers = Sides { candidate: answer(Side::Candidate), control: answer(Side::Control) };
        let answered = match seen.side {
            Side::Candidate => &mut answers.candidate,
            Side::Control => &mut answers.control,
        };
        answered.of += 1;
        answered.failures += u64::from(seen.failed);
        let noisy = || self.chance(self.traffic.noise);
        let contents = Some(Contents { other_only: noisy(), again_only: noisy() });
        Compared { route: seen.route, answers, contents, subject: seen.subject }
    }

    /// Each side stops now and then, whatever its share of the requests is.
    fn stop(&mut self) {
        for side in [Side::Candidate, Side::Control] {
            if self.chance(self.traffic.stops / RATE_PER_SECOND) {
                let until = self.requests + STOP * RATE / 1_000;
                match side {
                    Side::Candidate => self.stopped.candidate = until,
                    Side::Control => self.stopped.control = until,
                }
            }
        }
    }

    fn latency(&self, side: Side) -> u64 {
        let usual = LATENCIES[usize::from(u16::try_from(self.dice.number() >> 52).unwrap_or(0))];
        let slow = side == Side::Candidate && self.chance(self.traffic.twice_as_slow);
        let waits = if self.requests < *self.stopped.of(side) { STOP * 1_000 } else { 0 };
        waits + if slow { usual * 2 } else { usual }
    }

    /// Most chances are none at all, and those cost no throw.
    fn chance(&self, of: f64) -> bool {
        of > 0.0 && self.dice.share() < of
    }
}

/// Latencies in microseconds, each as likely as any other: a median of 20 ms and a long tail (log-normal with sigma 0.5, so
/// that one in a hundred takes more than three times as long).
static LATENCIES: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let dice = Dice::seeded(20_000);
    let throws = (0..4_096).map(|_| {
        // Box and Muller: two even throws make a normal one.
        let (radius, angle) = (dice.share().max(1e-12), dice.share());
        let normal = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
        Duration::from_secs_f64(0.020 * (0.5 * normal).exp())
    });
    throws.map(|latency| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)).collect()
});
