//! The breaker that callers share: the state machine behind its lock, and the ways around the lock.

use std::{
    mem,
    sync::{OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    change::{Change, Forced, State},
    gate::{Gate, Kind, Word},
    machine::{self, Answer, Event, Machine, Phase},
    permit::{Permit, Rare, Refusal, Ticket},
    ring::{Place, Tick},
    settings::Settings,
    status::Status,
    successes::Successes,
    trouble::{Counts, End, Trouble},
};
use crate::{
    Cause, Dice, Verdict,
    sync::{Mutex, MutexGuard},
};

/// A circuit breaker for one dependency, shared by all who call it.
///
/// It reads no clock: every moment is an argument, and they should come from one clock. Moments that lie somewhat in the past
/// (threads that were held up) are counted where they belong.
#[derive(Debug)]
pub struct Breaker {
    gate: Gate,
    settings: Settings,
    /// The first moment it was told; all others count from there.
    start: OnceLock<Instant>,
    /// Quick successes, by bucket, if there is a window.
    window: Option<Window>,
    inner: Mutex<Inner>,
}

/// What becomes of a permit or a refusal.
type Admission = Result<(Ticket, Option<Rare>), Refusal>;

#[derive(Debug)]
struct Window {
    bucket_nanos: u64,
    successes: Successes,
}

/// What only changes when something is wrong. On cache lines of its own, away from what everybody reads.
#[derive(Debug)]
#[repr(align(128))]
struct Inner {
    machine: Machine,
    trouble: Trouble,
    last: Option<(Change, Tick)>,
}

impl Breaker {
    /// A closed breaker that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let machine = Machine::default();
        let window =
            settings.bucket_nanos().map(|bucket_nanos| Window { bucket_nanos, successes: Successes::new() });
        let trouble = if window.is_some() { Trouble::in_window() } else { Trouble::in_a_row() };
        Self {
            gate: Gate::new(&machine),
            settings,
            start: OnceLock::new(),
            window,
            inner: Mutex::new(Inner { machine, trouble, last: None }),
        }
    }

    /// How it judges.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Asks to make a call now.
    ///
    /// # Errors
    /// When the breaker is open, or half-open with all places for probes taken.
    #[inline]
    pub fn acquire(&self, now: Instant, dice: &Dice) -> Result<Permit<'_>, Refusal> {
        let word = self.gate.word();
        if word.kind() == Kind::Closed {
            return Ok(Permit { breaker: self, ticket: Ticket(word), rare: None });
        }
        match *self.acquire_unless_closed(word, self.tick(now), dice) {
            Ok((ticket, rare)) => Ok(Permit { breaker: self, ticket, rare: rare.map(Box::new) }),
            Err(refusal) => Err(refusal),
        }
    }

    /// Takes in that a call failed after its permit had recorded a success: the body of an answer broke, or was not what
    /// its head promised. The call is then counted once, as a failure. Nothing changes when the breaker has changed its
    /// state since the permit was issued.
    pub fn note_late_failure(
        &self,
        ticket: Ticket,
        cause: Cause,
        now: Instant,
        dice: &Dice,
    ) -> Option<Change> {
        let now = self.tick(now);
        let mut inner = self.lock();
        if !inner.is_current(ticket) {
            return None;
        }
        let event = if matches!(inner.machine.phase(), Phase::HalfOpen { .. }) {
            Event::BrokeLate(cause, dice)
        } else {
            inner.trouble.add_late(cause, self.place(now, ticket.0.epoch()));
            self.gate.set_failing(inner.trouble.is_a_run());
            Event::Counted(self.counts_to_judge(&inner, now), dice)
        };
        self.step(&mut inner, event, now).1
    }

    /// Holds the breaker in a state until a moment. Forced closed, nothing opens it; forced open, everything is refused.
    /// When the time is over it is its own again: closed after it was forced closed, and half-open after it was forced
    /// open, so that a few probes go ahead of the crowd.
    ///
    /// Nothing happens, and there is no change, when `until` is over already or the breaker is held like that already.
    pub fn force(&self, to: Forced, until: Instant, now: Instant) -> Option<Change> {
        // In this order: the first moment a breaker is told becomes the one it counts from.
        let now = self.tick(now);
        let until = self.tick(until);
        self.step(&mut self.lock(), Event::Forced(to, until), now).1
    }

    /// Ends a forced state before its time, in the same way. Without one nothing happens.
    pub fn release(&self, now: Instant) -> Option<Change> {
        let now = self.tick(now);
        self.step(&mut self.lock(), Event::Released, now).1
    }

    /// How it is now.
    #[must_use]
    pub fn status(&self, now: Instant) -> Status {
        let now = self.tick(now);
        let inner = self.lock();
        let Counts { calls, slow, causes } = self.counts(&inner, now);
        let (mut forced, mut open_remaining, mut probing) = (None, None, 0);
        match inner.machine.phase() {
            Phase::Closed => {}
            Phase::Open { until } => open_remaining = Some(until.ahead_of(now)),
            Phase::HalfOpen { probes, .. } => probing = u32::try_from(probes.len()).unwrap_or(u32::MAX),
            Phase::Forced { to, until } => {
                forced = self.on_clock(*until).filter(|_| now < *until).map(|until| (*to, until));
                open_remaining = (*to == Forced::Open).then(|| until.ahead_of(now));
            }
        }
        Status {
            state: inner.machine.state(),
            forced,
            calls,
            failures: causes.total(),
            slow,
            causes,
            open_remaining,
            probes: probing,
            last: inner.last.map(|(change, at)| (change, now.ahead_of(at))),
        }
    }

    /// Away from the way that nearly every call takes. The answer is boxed so that it comes back in a register: returned
    /// through memory, it would make the compiler build the common answer in memory as well, which costs more than all the
    /// rest of it.
    #[cold]
    fn acquire_unless_closed(&self, word: Word, now: Tick, dice: &Dice) -> Box<Admission> {
        let settled = self.gate.settled_until();
        if settled <= now {
            return Box::new(self.acquire_by_lock(now, dice));
        }
        Box::new(match word.kind() {
            Kind::ForcedClosed | Kind::Closed => Ok((Ticket(word), None)),
            Kind::Open | Kind::ForcedOpen => Err(Refusal::new(State::Open, settled.ahead_of(now))),
            Kind::HalfOpen => Err(Refusal::new(State::HalfOpen, machine::WHILE_PROBING)),
        })
    }

    fn acquire_by_lock(&self, now: Tick, dice: &Dice) -> Admission {
        let mut inner = self.lock();
        let (answer, change) = self.step(&mut inner, Event::Asked(dice), now);
        if answer == Some(Answer::Refuse) {
            let refusal = Refusal::new(inner.machine.state(), inner.machine.retry_after(now));
            return Err(Refusal { change, ..refusal });
        }
        let probe = (answer == Some(Answer::Probe)).then_some(now);
        Ok((Ticket(Word::of(&inner.machine)), Rare::of(probe, change)))
    }

    /// What a verdict means here.
    #[inline]
    pub(super) fn judge(&self, verdict: &Verdict, took: Duration) -> End {
        let slow = self.settings.slow_over().is_some_and(|over| took > over);
        match (verdict, verdict.cause()) {
            (_, Some(cause)) => End::Failed { cause, slow },
            (Verdict::Success, None) if slow => End::Slow,
            (Verdict::Success, None) => End::Well,
            _ => End::Unknown,
        }
    }

    /// A call that was no probe has ended.
    #[inline]
    pub(super) fn ended(&self, ticket: Ticket, end: End, now: Instant, dice: &Dice) -> Option<Change> {
        match end {
            End::Unknown => None,
            End::Well if !self.gate.is_failing() => {
                self.succeeded(ticket, now);
                None
            }
            End::Well | End::Slow | End::Failed { .. } => self.ended_badly(ticket, end, now, dice),
        }
    }

    #[inline]
    fn succeeded(&self, ticket: Ticket, now: Instant) {
        // Nobody asks whether the breaker has moved on since: a late success is counted in a lap of its own epoch, and that
        // is in no window any more.
        if let Some(window) = &self.window {
            window.successes.add(window.place(self.tick(now), ticket.0.epoch()));
        }
    }

    /// Badly, or well when that ends a run of failures.
    #[cold]
    fn ended_badly(&self, ticket: Ticket, end: End, now: Instant, dice: &Dice) -> Option<Change> {
        let now = self.tick(now);
        let mut inner = self.lock();
        if !inner.is_current(ticket) {
            return None;
        }
        inner.trouble.add(end, self.place(now, ticket.0.epoch()));
        self.gate.set_failing(inner.trouble.is_a_run());
        let event = Event::Counted(self.counts_to_judge(&inner, now), dice);
        self.step(&mut inner, event, now).1
    }

    /// A probe has ended.
    pub(super) fn probed(
        &self,
        ticket: Ticket,
        since: Tick,
        end: End,
        now: Instant,
        dice: &Dice,
    ) -> Option<Change> {
        let now = self.tick(now);
        let mut inner = self.lock();
        if !inner.is_current(ticket) {
            return None;
        }
        self.step(&mut inner, Event::Probed(since, end, dice), now).1
    }

    /// A probe was given up.
    pub(super) fn dropped(&self, ticket: Ticket, since: Tick) {
        let mut inner = self.lock();
        if inner.is_current(ticket) {
            self.step(&mut inner, Event::Dropped(since), since);
        }
    }

    /// Takes the machine one step on and tells everybody.
    fn step(&self, inner: &mut Inner, event: Event<'_>, now: Tick) -> (Option<Answer>, Option<Change>) {
        let (machine, answer, change) = mem::take(&mut inner.machine).step(event, now, &self.settings);
        inner.machine = machine;
        if let Some(change) = change {
            inner.last = Some((change, now));
            inner.trouble.end_run();
        }
        self.gate.publish(&inner.machine, &self.settings);
        (answer, change)
    }

    fn counts(&self, inner: &Inner, now: Tick) -> Counts {
        let place = self.place(now, inner.machine.epoch());
        let successes = self.window.as_ref().map_or(0, |window| window.successes.sum(place));
        inner.trouble.counts(place, successes)
    }

    /// The counts, or as much of them as shows that no threshold is reached. Adding up what every core has counted is dear,
    /// and a failure now and then does not need it.
    fn counts_to_judge(&self, inner: &Inner, now: Tick) -> Counts {
        let trouble = inner.trouble.counts(self.place(now, inner.machine.epoch()), 0);
        if machine::may_be_too_many(&trouble, &self.settings) { self.counts(inner, now) } else { trouble }
    }

    /// Without a window every moment is in the same place.
    fn place(&self, now: Tick, epoch: u64) -> Place {
        self.window.as_ref().map_or(Place::NONE, |window| window.place(now, epoch))
    }

    #[inline]
    fn tick(&self, now: Instant) -> Tick {
        Tick::since(*self.start.get_or_init(|| now), now)
    }

    fn on_clock(&self, tick: Tick) -> Option<Instant> {
        self.start.get().and_then(|start| tick.on_clock(*start))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that is done under the lock panics; if it did, the machine would be whole all the same.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn place(&self, now: Tick, epoch: u64) -> Place {
        Place::of(now, epoch, self.bucket_nanos)
    }
}

impl Inner {
    /// Whether a permit was issued in the state the breaker is in.
    fn is_current(&self, ticket: Ticket) -> bool {
        Word::of(&self.machine) == ticket.0
    }
}
