//! A dependency with a knee, an open-loop load in front of it, and a limit between them, as a discrete-event simulation:
//! no thread, no timer, no clock. The same seed gives the same run to the last nanosecond.
//!
//! The dependency is the incident replay's database: a service takes 40 ms while no more than `knee` calls are in flight,
//! and beyond that so much longer that less and less gets done.

#![allow(dead_code, unreachable_pub, reason = "every test that includes this model uses another part of it")]
#![allow(
    clippy::cast_possible_truncation,
    reason = "times are positive and a few thousand seconds, so tenths of a second and nanoseconds of them fit"
)]

pub mod report;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    future::Future as _,
    ops::Range,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use banyan_resilience::{
    Cause, Dice, Verdict,
    limit::{Entry, Limit, Refusal, Settings, Slot, Started, Waiting},
};
use tokio::time::Instant;

pub use self::report::Report;

/// How service times scatter around their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scatter {
    /// Not at all.
    None,
    /// Exponentially: standard deviation equal to the mean.
    Exponential,
    /// Log-normally with the same standard deviation: a heavier tail.
    Lognormal,
}

/// What a dependency does and what is asked of it, over time. Times are seconds from the start.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    pub seconds: f64,
    pub knee: fn(f64) -> f64,
    pub scatter: Scatter,
    /// Requests per second from a time on.
    pub load: Vec<(f64, f64)>,
    /// Whether arrivals are random (Poisson) instead of evenly spaced.
    pub poisson: bool,
    /// How many times slower in a range of time.
    pub slow: Vec<(Range<f64>, f64)>,
    /// When it answers errors within a millisecond.
    pub errors: Vec<Range<f64>>,
    /// When it does not answer at all: calls time out after 3 s.
    pub hangs: Vec<Range<f64>>,
    pub settings: Settings,
    pub seed: u64,
}

/// The base service time, seconds.
pub const SERVICE: f64 = 0.040;
const TIMEOUT: f64 = 3.0;

impl Scenario {
    pub fn new(name: &str, seconds: f64) -> Self {
        Self {
            name: name.to_owned(),
            seconds,
            knee: |_| 49.0,
            scatter: Scatter::None,
            load: Vec::new(),
            poisson: false,
            slow: Vec::new(),
            errors: Vec::new(),
            hangs: Vec::new(),
            settings: Settings::default(),
            seed: 1,
        }
    }

    pub fn load(mut self, from: f64, rate: f64) -> Self {
        self.load.push((from, rate));
        self
    }

    pub fn slow(mut self, when: Range<f64>, times: f64) -> Self {
        self.slow.push((when, times));
        self
    }

    pub fn errors(mut self, when: Range<f64>) -> Self {
        self.errors.push(when);
        self
    }

    pub fn hangs(mut self, when: Range<f64>) -> Self {
        self.hangs.push(when);
        self
    }

    pub fn scatter(mut self, scatter: Scatter) -> Self {
        self.scatter = scatter;
        self
    }

    pub fn poisson(mut self) -> Self {
        self.poisson = true;
        self
    }

    pub fn knee(mut self, knee: fn(f64) -> f64) -> Self {
        self.knee = knee;
        self
    }

    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Requests per second at a time.
    pub fn rate(&self, at: f64) -> f64 {
        self.load.iter().take_while(|(from, _)| *from <= at).last().map_or(0.0, |(_, rate)| *rate)
    }

    fn times(&self, at: f64) -> f64 {
        self.slow.iter().filter(|(when, _)| when.contains(&at)).map(|(_, times)| times).product()
    }

    /// What the dependency can do, requests per second.
    pub fn capacity(&self, at: f64) -> f64 {
        let out = self.errors.iter().chain(&self.hangs).any(|when| when.contains(&at));
        if out { 0.0 } else { ((self.knee)(at) + 0.1) / SERVICE / self.times(at) }
    }

    /// The mean service time of a call that begins at `at` as one of `n`.
    pub fn service(&self, n: f64, at: f64) -> f64 {
        let knee = (self.knee)(at);
        let over = (n - (knee + 0.1)) / (knee + 0.1);
        let slower = if n <= knee { 1.0 } else { n / (knee + 0.1) * (0.411 * over).mul_add(over, 1.0) };
        SERVICE * slower * self.times(at)
    }

    /// Runs it.
    pub fn run(self) -> Report {
        World::new(self).run()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive,
    Ask(u64),
    Done(u64),
}

struct Call {
    arrived: f64,
    began: f64,
    slot: Slot,
    verdict: Verdict,
}

struct World {
    scenario: Scenario,
    dice: Dice,
    epoch: Instant,
    limit: Arc<Limit>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    numbers: u64,
    waiting: BTreeMap<u64, (f64, Pin<Box<Waiting>>)>,
    calls: BTreeMap<u64, Call>,
    woken: Arc<Mutex<Vec<u64>>>,
    report: Report,
}

struct Bell {
    number: u64,
    woken: Arc<Mutex<Vec<u64>>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.woken.lock().expect("no test panics under it").push(self.number);
    }
}

impl World {
    fn new(scenario: Scenario) -> Self {
        Self {
            dice: Dice::seeded(scenario.seed),
            epoch: Instant::now(),
            limit: Limit::new(scenario.settings),
            events: BinaryHeap::new(),
            numbers: 0,
            waiting: BTreeMap::new(),
            calls: BTreeMap::new(),
            woken: Arc::default(),
            report: Report::new(&scenario),
            scenario,
        }
    }

    fn run(mut self) -> Report {
        self.at(0.0, Event::Arrive);
        while let Some(Reverse((nanos, _, event))) = self.events.pop() {
            let now = nanos as f64 / 1e9;
            if now >= self.scenario.seconds {
                break;
            }
            match event {
                Event::Arrive => self.arrive(now),
                Event::Ask(number) => self.ask(number, now),
                Event::Done(number) => self.done(number, now),
            }
            self.wake(now);
            self.report.status(now, &self.limit.status());
        }
        self.report
    }

    fn at(&mut self, seconds: f64, event: Event) {
        self.numbers += 1;
        self.events.push(Reverse(((seconds * 1e9).ceil() as u64 + 1, self.numbers, event)));
    }

    fn instant(&self, seconds: f64) -> Instant {
        self.epoch + Duration::from_secs_f64(seconds)
    }

    fn arrive(&mut self, now: f64) {
        let rate = self.scenario.rate(now);
        if rate > 0.0 {
            let gap = if self.scenario.poisson { -(1.0 - self.dice.share()).ln() } else { 1.0 } / rate;
            self.at(now + gap, Event::Arrive);
        } else {
            self.at(now + 0.010, Event::Arrive);
            return;
        }
        self.report.offered(now);
        self.numbers += 1;
        let number = self.numbers;
        match self.limit.enter(None, self.instant(now)) {
            Entry::In(slot) => self.begin(slot, now, now),
            Entry::Refused(refusal) => self.refused(now, now, &refusal),
            Entry::Waiting(waiting) => {
                let ask_at = waiting.ask_at().duration_since(self.epoch).as_secs_f64();
                self.at(ask_at, Event::Ask(number));
                self.waiting.insert(number, (now, Box::pin(waiting)));
                self.poll(number, now);
            }
        }
    }

    fn ask(&mut self, number: u64, now: f64) {
        let at = self.instant(now);
        let Some((arrived, waiting)) = self.waiting.get_mut(&number) else { return };
        let arrived = *arrived;
        match waiting.prospect(at) {
            Ok(()) => {
                let ask_at = waiting.ask_at().duration_since(self.epoch).as_secs_f64();
                self.at(ask_at, Event::Ask(number));
            }
            Err(refusal) => {
                self.waiting.remove(&number);
                self.refused(arrived, now, &refusal);
            }
        }
    }

    fn wake(&mut self, now: f64) {
        loop {
            let woken = std::mem::take(&mut *self.woken.lock().expect("no test panics under it"));
            if woken.is_empty() {
                return;
            }
            for number in woken {
                self.poll(number, now);
            }
        }
    }

    fn poll(&mut self, number: u64, now: f64) {
        let Some((arrived, waiting)) = self.waiting.get_mut(&number) else { return };
        let arrived = *arrived;
        let waker = Waker::from(Arc::new(Bell { number, woken: Arc::clone(&self.woken) }));
        if let Poll::Ready(answer) = waiting.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.waiting.remove(&number);
            match answer {
                Ok(slot) => self.begin(slot, arrived, now),
                Err(refusal) => self.refused(arrived, now, &refusal),
            }
        }
    }

    fn refused(&mut self, arrived: f64, now: f64, refusal: &Refusal) {
        assert!(refusal.retry_after >= Duration::from_millis(100), "{refusal:?}");
        self.report.refused(arrived, now);
    }

    fn begin(&mut self, slot: Slot, arrived: f64, now: f64) {
        let n = self.calls.len() as f64 + 1.0;
        let during = |ranges: &[Range<f64>]| ranges.iter().any(|when| when.contains(&now));
        let (takes, verdict) = if during(&self.scenario.hangs) {
            (TIMEOUT, Verdict::retryable(Cause::Timeout))
        } else if during(&self.scenario.errors) {
            (0.001, Verdict::retryable(Cause::Error))
        } else {
            let takes = self.scenario.service(n, now) * self.scatter();
            if takes > TIMEOUT {
                (TIMEOUT, Verdict::retryable(Cause::Timeout))
            } else {
                (takes, Verdict::Success)
            }
        };
        self.numbers += 1;
        let number = self.numbers;
        self.at(now + takes, Event::Done(number));
        self.calls.insert(number, Call { arrived, began: now, slot, verdict });
        self.report.in_flight(now, self.calls.len());
    }

    fn done(&mut self, number: u64, now: f64) {
        let call = self.calls.remove(&number).expect("what is done was begun");
        let started: Started = call.slot.started();
        let took = Duration::from_secs_f64((now - call.began).max(0.0));
        self.limit.observe(started, &call.verdict, took, self.instant(now));
        self.report.answered(call.arrived, call.began, now, &call.verdict);
    }

    fn scatter(&self) -> f64 {
        let u = 1.0 - self.dice.share();
        match self.scenario.scatter {
            Scatter::None => 1.0,
            Scatter::Exponential => -u.ln(),
            Scatter::Lognormal => {
                // A mean of 1 and a standard deviation of 1.
                let sigma2 = 2.0_f64.ln();
                let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * self.dice.share()).cos();
                sigma2.sqrt().mul_add(normal, -sigma2 / 2.0).exp()
            }
        }
    }
}
