//! The breaker under every order of events that a scheduler can think of.
//!
//! The breaker's own source files are compiled a second time, into this crate, where `crate::sync` is shuttle's: each access
//! to an atomic or a lock is a point at which another thread may go on. Schedules are drawn by chance from a seed that a
//! failure prints, half of them by a scheduler that looks for bugs of few, rare switches (PCT: Burckhardt and others, "A
//! Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010).
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the breaker is here as a whole, and the tests use a part of it"
)]

#[path = "../src/breaker/mod.rs"]
pub mod breaker;
#[path = "../src/verdict.rs"]
mod verdict;

/// What the breaker finds under this name in the library is the standard library's.
mod sync {
    pub(crate) use shuttle::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    };
}

use std::{sync::Arc, time::Duration};

pub use banyan_resilience::Dice;
use shuttle::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
};
use tokio::time::Instant;

use self::breaker::{Breaker, Change, Forced, Permit, Settings, State};
pub use self::verdict::{Cause, Verdict};

const FAILED: Verdict = Verdict::fatal(Cause::Reset);
const QUICK: Duration = Duration::from_millis(1);
const THREADS: u32 = 3;

/// A breaker that threads share, and a moment that stands still.
struct Scene {
    breaker: Breaker,
    dice: Dice,
    now: Instant,
}

impl Scene {
    fn new(settings: Settings, now: Instant) -> Self {
        Self { breaker: Breaker::new(settings), dice: Dice::seeded(1), now }
    }

    /// A breaker of which the next caller probes.
    fn about_to_probe(settings: Settings, start: Instant) -> Self {
        let mut scene = Self::new(settings, start);
        while scene.breaker.status(start).state == State::Closed {
            scene.call(FAILED);
        }
        scene.now += Duration::from_secs(60);
        scene
    }

    fn ask(&self) -> Option<Permit<'_>> {
        self.breaker.acquire(self.now, &self.dice).ok()
    }

    fn end(&self, permit: Permit<'_>, verdict: Verdict) -> Option<Change> {
        permit.record(&verdict, QUICK, self.now, &self.dice)
    }

    fn call(&self, verdict: Verdict) -> Option<Change> {
        self.end(self.ask()?, verdict)
    }
}

/// Few calls, so that a schedule leads through several states.
fn small() -> Settings {
    Settings::default()
        .with_ratio(0.5, 2, Duration::from_secs(10))
        .and_then(|settings| settings.with_probes(1, 1))
        .expect("sound settings")
}

/// Runs `scene` in many schedules.
fn in_many_orders(test: impl Fn(Instant) + Send + Sync + Copy + 'static) {
    let start = Instant::now();
    shuttle::check_random(move || test(start), 2_000);
    shuttle::check_pct(move || test(start), 2_000, 3);
}

/// Runs one body per thread, each with its number, and waits for all.
fn threads(scene: &Arc<Scene>, body: impl Fn(&Scene, u32) + Send + Sync + Copy + 'static) {
    let started: Vec<_> = (0..THREADS)
        .map(|number| {
            let scene = Arc::clone(scene);
            thread::spawn(move || body(&scene, number))
        })
        .collect();
    for thread in started {
        thread.join().expect("no thread panics");
    }
}

#[test]
fn probes_are_never_more_than_there_are_places() {
    in_many_orders(|start| {
        let settings = small().with_probes(2, 100).expect("sound");
        let scene = Arc::new(Scene::about_to_probe(settings, start));
        let probing = Arc::new(AtomicU32::new(0));
        let started: Vec<_> = (0..4)
            .map(|number| {
                let (scene, probing) = (Arc::clone(&scene), Arc::clone(&probing));
                thread::spawn(move || {
                    for turn in 0..2 {
                        let Some(permit) = scene.ask() else { continue };
                        assert!(probing.fetch_add(1, SeqCst) < 2, "a third one at once");
                        thread::yield_now();
                        probing.fetch_sub(1, SeqCst);
                        match (number + turn) % 3 {
                            0 => drop(permit),
                            1 => assert_eq!(scene.end(permit, Verdict::Ignored), None),
                            _ => assert_eq!(scene.end(permit, Verdict::Success), None),
                        }
                    }
                })
            })
            .collect();
        started.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
        assert_eq!(scene.breaker.status(scene.now).probes, 0, "every place came back");
        assert!(scene.ask().is_some());
    });
}

#[test]
fn one_caller_is_told_of_each_change() {
    in_many_orders(|start| {
        let scene = Arc::new(Scene::new(small(), start));
        let told = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&told);
        let started: Vec<_> = (0..THREADS)
            .map(|_| {
                let (scene, told) = (Arc::clone(&scene), Arc::clone(&counter));
                thread::spawn(move || {
                    for _ in 0..2 {
                        if let Some(change) = scene.call(FAILED) {
                            assert_eq!((change.from, change.to), (State::Closed, State::Open));
                            told.fetch_add(1, SeqCst);
                        }
                    }
                })
            })
            .collect();
        started.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
        assert_eq!(told.load(SeqCst), 1);
        assert_eq!(scene.breaker.status(start).state, State::Open);
    });
}

#[test]
fn no_success_is_lost_while_failures_are_counted() {
    in_many_orders(|start| {
        let never = small().with_ratio(1.0, 1_000, Duration::from_secs(10)).expect("sound");
        let scene = Arc::new(Scene::new(never, start));
        threads(&scene, |scene, number| {
            for turn in 0..3 {
                let verdict = if (number + turn) % 3 == 0 { FAILED } else { Verdict::Success };
                assert_eq!(scene.call(verdict), None);
            }
        });
        let status = scene.breaker.status(start);
        assert_eq!((status.calls, status.failures), (9, 3));
    });
}

#[test]
fn nothing_of_before_a_trip_is_counted_after_it() {
    in_many_orders(|start| {
        let scene = Arc::new(Scene::new(small(), start));
        let later = Arc::clone(&scene);
        // Two calls that began early end at any moment of the time in which the breaker opens, probes and closes.
        let early: Vec<_> = [Verdict::Success, FAILED]
            .into_iter()
            .map(|verdict| {
                let scene = Arc::clone(&scene);
                let (asked, was_asked) = shuttle::sync::mpsc::channel();
                let thread = thread::spawn(move || {
                    let permit = scene.ask().expect("it is closed");
                    asked.send(()).expect("somebody waits");
                    scene.end(permit, verdict)
                });
                was_asked.recv().expect("it asks");
                thread
            })
            .collect();
        let opener = later.call(FAILED).or_else(|| later.call(FAILED)).or_else(|| later.call(FAILED));
        let over = start + Duration::from_secs(60);
        let probe = later.breaker.acquire(over, &later.dice).expect("the open time is over");
        assert!(probe.is_probe());
        let change = probe.record(&Verdict::Success, QUICK, over, &later.dice).expect("one is enough");
        assert_eq!(change.to, State::Closed);
        let mut changes: Vec<_> =
            early.into_iter().filter_map(|thread| thread.join().expect("no panic")).collect();
        changes.extend(opener);
        assert_eq!(changes.len(), 1, "it opened once: {changes:?}");
        let status = later.breaker.status(over);
        assert_eq!((status.state, status.calls), (State::Closed, 0));
    });
}

#[test]
fn a_run_of_failures_ends_with_a_success_whatever_happens_beside() {
    in_many_orders(|start| {
        let scene = Arc::new(Scene::new(small().with_consecutive(10).expect("sound"), start));
        threads(&scene, |scene, number| {
            for turn in 0..2 {
                let verdict = if (number + turn) % 2 == 0 { FAILED } else { Verdict::Success };
                assert_eq!(scene.call(verdict), None);
            }
        });
        assert_eq!(scene.call(Verdict::Success), None);
        assert_eq!(scene.breaker.status(start).failures, 0);
        assert_eq!((0..9).find_map(|_| scene.call(FAILED)), None);
        assert!(scene.call(FAILED).is_some());
    });
}

#[test]
fn whoever_forces_it_is_obeyed_by_all_who_ask_afterwards() {
    in_many_orders(|start| {
        let scene = Arc::new(Scene::new(small(), start));
        let until = start + Duration::from_secs(60);
        let worker = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                for _ in 0..3 {
                    scene.call(FAILED);
                }
            })
        };
        assert!(scene.breaker.force(Forced::Closed, until, start).is_some());
        assert!(scene.ask().is_some(), "forced closed");
        assert!(scene.breaker.force(Forced::Open, until, start).is_some());
        assert!(scene.ask().is_none(), "forced open");
        worker.join().expect("no panic");
        assert!(scene.ask().is_none(), "still");
        assert_eq!(scene.breaker.release(start).map(|change| change.to), Some(State::HalfOpen));
        assert!(scene.ask().is_some_and(|permit| permit.is_probe()));
    });
}
