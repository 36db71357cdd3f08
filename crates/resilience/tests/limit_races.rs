//! The limit under every order of events that a scheduler can think of.
//!
//! The limit's own source files are compiled a second time, into this crate, where `crate::sync` is shuttle's, as in
//! `breaker_races.rs`. What is to be seen: between a call that looks for a place, one that gives its place back, one that
//! gives up waiting and a limit that moves, no place is lost, none is given twice, and nobody waits for a place that is
//! free.
#![allow(dead_code, unreachable_pub, reason = "the limit is here as a whole, and the tests use a part of it")]

#[path = "../src/limit/mod.rs"]
pub mod limit;
#[path = "../src/verdict.rs"]
mod verdict;

/// What the limit finds under this name in the library is the standard library's.
mod sync {
    pub(crate) use shuttle::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    };
}

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use shuttle::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
};
use tokio::time::Instant;

use self::limit::{Entry, Limit, Settings, Slot, Waiting};
pub use self::verdict::{Cause, Verdict};

const SCHEDULES: usize = 2000;

/// A limit that threads share, with who is in at the moment.
struct Scene {
    limit: Arc<Limit>,
    now: Instant,
    held: AtomicU32,
    most: u32,
}

impl Scene {
    fn new(settings: Settings, most: u32) -> Arc<Self> {
        let limit = Limit::new(settings);
        Arc::new(Self { limit, now: Instant::now(), held: AtomicU32::new(0), most })
    }

    /// Holds a place for a moment.
    fn hold(&self, slot: Slot) {
        let held = self.held.fetch_add(1, SeqCst) + 1;
        assert!(held <= self.most, "{held} at once, {} allowed", self.most);
        self.held.fetch_sub(1, SeqCst);
        drop(slot);
    }

    /// Asks for a place and waits for it by asking again and again.
    fn patient(&self) {
        match self.limit.enter(None, self.now) {
            Entry::In(slot) => self.hold(slot),
            Entry::Refused(refusal) => panic!("nobody is refused: {refusal}"),
            Entry::Waiting(mut waiting) => loop {
                if let Some(slot) = look(&mut waiting) {
                    return self.hold(slot);
                }
                thread::yield_now();
            },
        }
    }

    /// Asks for a place and goes away.
    fn fickle(&self) {
        match self.limit.enter(None, self.now) {
            Entry::In(slot) => self.hold(slot),
            Entry::Refused(refusal) => panic!("nobody is refused: {refusal}"),
            Entry::Waiting(waiting) => drop(waiting),
        }
    }

    fn ends_empty(&self) {
        let status = self.limit.status();
        assert_eq!((status.in_flight, status.waiting), (0, 0), "{status:?}");
        assert!(self.limit.try_acquire(self.now).is_some(), "the place is there for the next");
    }
}

fn look(waiting: &mut Waiting) -> Option<Slot> {
    match Pin::new(waiting).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer.expect("nobody is refused")),
        Poll::Pending => None,
    }
}

/// Runs a scene under random schedules and under such as look for rare bugs.
fn explore(scene: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(scene, SCHEDULES);
    shuttle::check_pct(scene, SCHEDULES, 3);
}

fn one_place() -> Settings {
    Settings::fixed(1)
        .and_then(|settings| settings.queue(Duration::from_secs(60)))
        .expect("one place, a long queue")
}

fn all(threads: Vec<thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

#[test]
fn a_place_given_back_while_somebody_joins_the_queue_is_not_lost() {
    explore(|| {
        let scene = Scene::new(one_place(), 1);
        let threads = (0..3).map(|_| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.patient())
        });
        all(threads.collect());
        scene.ends_empty();
    });
}

#[test]
fn a_place_given_to_somebody_who_leaves_in_that_moment_goes_on() {
    explore(|| {
        let scene = Scene::new(one_place(), 1);
        let threads = (0..4).map(|number| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || if number % 2 == 0 { scene.patient() } else { scene.fickle() })
        });
        all(threads.collect());
        scene.ends_empty();
    });
}

#[test]
fn a_limit_that_moves_meanwhile_loses_no_place() {
    explore(|| {
        let settings =
            Settings::adaptive(2, 1, 2).and_then(|settings| settings.queue(Duration::from_secs(60)));
        let scene = Scene::new(settings.expect("one or two places"), 2);
        let mut threads: Vec<_> = (0..3)
            .map(|_| {
                let scene = Arc::clone(&scene);
                thread::spawn(move || scene.patient())
            })
            .collect();
        let lowering = Arc::clone(&scene);
        threads.push(thread::spawn(move || {
            let overload = Verdict::Overload { retry_after: None };
            let Some(slot) = lowering.limit.try_acquire(lowering.now) else { return };
            lowering.limit.observe(slot.started(), &overload, Duration::ZERO, lowering.now);
        }));
        all(threads);
        scene.ends_empty();
    });
}
