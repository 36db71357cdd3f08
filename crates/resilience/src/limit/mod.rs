//! Concurrency limit: no more calls under way at a dependency than it can work on.
//!
//! A dependency that is asked for more than it can do does not do more; from a point on it does less, because what it
//! works on at the same time gets into its own way. By Little's law the calls in flight are the arrival rate times the
//! round trip, so when it slows down, callers without a limit send ever more at once, exactly when it can bear least.
//! A limit turns this round: the dependency gets what it can work on, and the rest is refused at once and can be
//! answered otherwise.
//!
//! The right limit is nobody's to know by heart, and it changes. [`Mode::Adaptive`] finds it (see `climb`): it adds
//! places while more of them bring more done, and takes them away when they only make everybody wait.
//! [`Mode::Fixed`] is a bulkhead: one slow dependency cannot take all the memory and connections there are.
//!
//! When not to use it: in front of something that has no bound of its own within reach (a cache in memory), or that
//! queues by design and is meant to (a message broker). And a limit in one process knows nothing of other processes;
//! they share a dependency fairly only because each of them sees the same round trips.
//!
//! ```
//! use std::time::Duration;
//! use banyan_resilience::{Verdict, limit::{Limit, Settings}};
//! use tokio::time::Instant;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let limit = Limit::new(Settings::default());
//! let start = Instant::now();
//! match limit.acquire(None, start).await {
//!     Ok(slot) => {
//!         // Call the dependency here.
//!         let now = Instant::now();
//!         limit.observe(slot.started(), &Verdict::Success, now - start, now);
//!         // Hold the slot until the answer has been read to its end.
//!         drop(slot);
//!     }
//!     Err(refusal) => assert!(refusal.retry_after >= Duration::from_millis(100)),
//! }
//! # }
//! ```

mod climb;
mod line;
mod places;
mod refusal;
mod settings;
mod slot;
mod trial;
mod tuner;
mod waiting;

use std::{
    future::Future,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use self::{
    line::{Line, Pace, Prospect},
    places::Places,
    tuner::{Sample, Tuner},
};
pub use self::{
    refusal::{Refusal, Why},
    settings::{LONGEST_QUEUE, MOST_PLACES, Mode, Settings, SettingsError},
    slot::{Slot, Started},
    waiting::{Entry, Waiting},
};
use crate::{
    Cause, Verdict,
    sync::{AtomicU64, Mutex, MutexGuard, Ordering::Relaxed},
};

/// How somebody in the queue is told.
type Teller = oneshot::Sender<Result<Slot, Refusal>>;

/// A limit on the calls under way at one dependency. Shared by all who call it.
#[derive(Debug)]
pub struct Limit {
    settings: Settings,
    places: Places,
    /// The level in force. Changes only with the line locked.
    level: AtomicU64,
    /// Nanoseconds; 0 before the first answers.
    round_trip: AtomicU64,
    /// Calls that found no free place, ever.
    pressed: AtomicU64,
    /// Calls that got none, ever.
    refused: AtomicU64,
    line: Mutex<Line<Teller>>,
    tuner: Mutex<Tuner>,
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Places there are.
    pub limit: u32,
    /// Calls under way. For a moment more than the limit after it was lowered.
    pub in_flight: u32,
    /// Calls that wait for a place.
    pub waiting: u32,
    /// Whether the limit moves.
    pub mode: Mode,
    /// The mean time of the latest successful calls, once there were some.
    pub round_trip: Option<Duration>,
}

impl Limit {
    /// A limit with nobody in flight.
    #[must_use]
    pub fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            places: Places::new(),
            level: AtomicU64::new(u64::from(settings.start())),
            round_trip: AtomicU64::new(0),
            pressed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            line: Mutex::new(Line::new(settings.queue_wait())),
            tuner: Mutex::new(Tuner::new(&settings)),
        })
    }

    /// A place, if one is free this moment and nobody waits. One compare-and-swap.
    #[must_use]
    pub fn try_acquire(self: &Arc<Self>, _now: Instant) -> Option<Slot> {
        let slot = self.take();
        if slot.is_none() {
            self.refused.fetch_add(1, Relaxed);
        }
        slot
    }

    /// A place, if need be after waiting for it: at most until the queue's wait is over or `until`, the caller's deadline,
    /// has come. Whoever is not going to get one is refused as soon as that can be foreseen: mostly at once, and
    /// nearly always within 50 ms of `now` unless the dependency slows down in just that moment.
    ///
    /// Dropping the future leaves the queue; no place is ever lost.
    ///
    /// # Errors
    ///
    /// If there is no place in time. The call was not sent.
    pub fn acquire(
        self: &Arc<Self>,
        until: Option<Instant>,
        now: Instant,
    ) -> impl Future<Output = Result<Slot, Refusal>> + Send + use<> {
        let limit = Arc::clone(self);
        async move {
            let mut waiting = match limit.enter(until, now) {
                Entry::In(slot) => return Ok(slot),
                Entry::Refused(refusal) => return Err(refusal),
                Entry::Waiting(waiting) => waiting,
            };
            loop {
                let ask_at = waiting.ask_at();
                tokio::select! {
                    biased;
                    answer = &mut waiting => return answer,
                    () = tokio::time::sleep_until(ask_at) => waiting.prospect(Instant::now())?,
                }
            }
        }
    }

    /// Like [`acquire`](Self::acquire), for those who bring timers of their own.
    pub fn enter(self: &Arc<Self>, until: Option<Instant>, now: Instant) -> Entry {
        if let Some(slot) = self.take() {
            return Entry::In(slot);
        }
        let pace = self.pace();
        let mut line = self.line();
        let now = line.at(now, pace);
        if let Err(why) = line.admits(until, pace, now) {
            self.refused.fetch_add(1, Relaxed);
            return Entry::Refused(refusal(&line, pace, why, now));
        }
        let (tell, answer) = oneshot::channel();
        self.places.wait();
        let ticket = line.join(tell, now);
        // The place may have become free in between, and whoever freed it saw nobody waiting.
        self.move_on(line);
        Entry::Waiting(Waiting::new(Arc::clone(self), ticket, until, answer))
    }

    /// Takes in how a call that held a place went. `took` is the time from its start to its answer, without the wait for
    /// the place and without the body.
    ///
    /// A success is a sample of the round trip; an overload or a timeout lowers an adaptive limit by a tenth, at most once
    /// per round trip; other failures say nothing of how long work takes, nor do calls that were ignored or cancelled.
    pub fn observe(self: &Arc<Self>, started: Started, verdict: &Verdict, took: Duration, now: Instant) {
        let good = match verdict {
            Verdict::Success => true,
            Verdict::Overload { .. } | Verdict::Failure { cause: Cause::Timeout | Cause::Overload, .. } => {
                false
            }
            Verdict::Failure { .. } | Verdict::Ignored | Verdict::Cancelled => return,
        };
        // Whoever finds the tuner busy on another thread goes on: it can do without a sample, a call cannot without its
        // thread. Bad news are rare and wait.
        let tuner = if good {
            self.tuner.try_lock().ok()
        } else {
            Some(self.tuner.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let Some(mut tuner) = tuner else { return };
        let sample = Sample {
            in_flight: started.in_flight(),
            took,
            now,
            pressed: self.pressed.load(Relaxed),
            refused: self.refused.load(Relaxed),
            counts: self.places.counts(),
        };
        let tuned = if good {
            tuner.sample(&sample)
        } else {
            tuner.congested(verdict.cause() == Some(Cause::Overload), &sample)
        };
        if let Some(round_trip) = tuned.round_trip {
            self.round_trip.store(u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        }
        if tuned.level != self.level() {
            self.set_level(tuned.level);
        }
    }

    /// How the limit stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let counts = self.places.counts();
        Status {
            limit: self.level(),
            in_flight: counts.in_flight,
            waiting: counts.waiting,
            mode: self.settings.mode(),
            round_trip: self.pace().round_trip,
        }
    }

    /// What the limit was built with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    fn take(self: &Arc<Self>) -> Option<Slot> {
        let taken = self.places.take(self.level());
        if taken.is_none() {
            self.pressed.fetch_add(1, Relaxed);
        }
        taken.map(|in_flight| Slot::new(Arc::clone(self), in_flight))
    }

    pub(self) fn give_back(self: &Arc<Self>) {
        if !self.places.give_back() {
            let line = self.line();
            self.places.give_back_to_line();
            self.move_on(line);
        }
    }

    pub(self) fn prospect(self: &Arc<Self>, number: u64, until: Option<Instant>, now: Instant) -> Prospect {
        let pace = self.pace();
        let mut line = self.line();
        let now = line.at(now, pace);
        let prospect = line.prospect(number, until, pace, now);
        if matches!(prospect, Prospect::Leave(_)) {
            self.places.stop_waiting(1);
            self.refused.fetch_add(1, Relaxed);
        }
        self.move_on(line);
        prospect
    }

    pub(self) fn leave(&self, number: u64) {
        let mut line = self.line();
        if line.leave(number) {
            self.places.stop_waiting(1);
        }
    }

    pub(self) fn refusal(&self, why: Why) -> Refusal {
        let line = self.line();
        line.latest()
            .map_or(Refusal { retry_after: SOONEST, why }, |now| refusal(&line, self.pace(), why, now))
    }

    /// Gives free places to those who wait and tells those whose time is over. They are told with the line unlocked, since
    /// a place that nobody takes comes back through it.
    fn move_on(self: &Arc<Self>, mut line: MutexGuard<'_, Line<Teller>>) {
        let pace = self.pace();
        let overdue = match line.latest() {
            Some(now) if line.is_standing() => line.overdue(now),
            _ => Vec::new(),
        };
        let count = u32::try_from(overdue.len()).unwrap_or(u32::MAX);
        self.places.stop_waiting(count);
        self.refused.fetch_add(u64::from(count), Relaxed);
        let refused =
            line.latest().filter(|_| !overdue.is_empty()).map(|now| refusal(&line, pace, Why::TimedOut, now));
        let mut seated = Vec::new();
        while let Some(in_flight) = self.places.seat(pace.limit) {
            seated.extend(line.next().map(|tell| (tell, in_flight)));
        }
        drop(line);
        for (tell, in_flight) in seated {
            // Whoever has gone meanwhile leaves the place to the next: dropping it comes through here again.
            drop(tell.send(Ok(Slot::new(Arc::clone(self), in_flight))));
        }
        for (tell, refusal) in overdue.into_iter().zip(refused.into_iter().cycle()) {
            drop(tell.send(Err(refusal)));
        }
    }

    fn set_level(self: &Arc<Self>, level: u32) {
        let line = self.line();
        self.level.store(u64::from(level), Relaxed);
        self.move_on(line);
    }

    fn level(&self) -> u32 {
        u32::try_from(self.level.load(Relaxed)).unwrap_or(MOST_PLACES)
    }

    fn pace(&self) -> Pace {
        let round_trip = self.round_trip.load(Relaxed);
        Pace { limit: self.level(), round_trip: (round_trip > 0).then(|| Duration::from_nanos(round_trip)) }
    }

    fn line(&self) -> MutexGuard<'_, Line<Teller>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SOONEST: Duration = Duration::from_millis(100);
const LATEST: Duration = Duration::from_secs(10);

/// Asking again makes sense once those who wait now have been served, and not before a call takes its time.
fn refusal(line: &Line<Teller>, pace: Pace, why: Why, now: Instant) -> Refusal {
    let served = line.expected(line.len(), pace, now).unwrap_or(SOONEST);
    Refusal { retry_after: served.max(pace.round_trip.unwrap_or_default()).clamp(SOONEST, LATEST), why }
}
