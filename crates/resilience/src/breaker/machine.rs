//! The breaker as a state machine: what happens next, given what happened. It knows no locks, clocks or counters.
//!
//! | state | event | becomes |
//! |---|---|---|
//! | closed | asked | closed, passes |
//! | closed | counted, a threshold is reached | open |
//! | open, time not over | asked | open, refuses |
//! | open, time over | asked | half-open, the asker is the first probe |
//! | half-open, a probe hangs | asked, or a probe ended | open, for longer |
//! | half-open, a place is free | asked | half-open, one more probe |
//! | half-open, no place is free | asked | half-open, refuses |
//! | half-open | a probe succeeded, enough did | closed |
//! | half-open | a probe succeeded, others must | half-open, its place is free |
//! | half-open | a probe failed or was slow | open, for longer |
//! | half-open | a probe says nothing, or was dropped | half-open, its place is free |
//! | any | forced | forced |
//! | forced closed | asked | forced closed, passes |
//! | forced open | asked | forced open, refuses |
//! | forced closed | its time is over, or released | closed |
//! | forced open | its time is over, or released | half-open |
//!
//! What is not in the table changes nothing. Forced open ends half-open, because whoever forced it had a reason to doubt
//! the dependency, and two probes cost less than a flood.
//!
//! Every change of state begins an epoch. Results carry the epoch their permit was issued in, and those of an earlier
//! one never get here.

use std::time::Duration;

use super::{
    change::{Change, Forced, State, Why},
    ring::Tick,
    settings::{Mode, Settings},
    trouble::{Counts, End},
};
use crate::{Cause, Dice};

/// The share of an open time that jitter may take away.
const JITTER: f64 = 0.2;
/// What a caller is told to wait who finds all probing places taken. Probes answer as quickly as calls do, and no better
/// guess exists.
pub(super) const WHILE_PROBING: Duration = Duration::from_secs(1);

/// State, and what must outlive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    phase: Phase,
    epoch: u64,
    /// How often it opened since it was last closed.
    trips: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Closed,
    Open {
        until: Tick,
    },
    HalfOpen {
        /// When the probes under way began.
        probes: Vec<Tick>,
        successes: u32,
    },
    Forced {
        to: Forced,
        until: Tick,
    },
}

/// What happened. What may open the breaker brings the dice that its jitter is thrown with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event<'a> {
    /// A caller wants to pass.
    Asked(&'a Dice),
    /// Something went wrong, and these are the counts with it.
    Counted(Counts, &'a Dice),
    /// A probe that began then has ended.
    Probed(Tick, End, &'a Dice),
    /// A probe that began then was given up.
    Dropped(Tick),
    /// The answer to a probe that had succeeded broke.
    BrokeLate(Cause, &'a Dice),
    /// An operator forces a state.
    Forced(Forced, Tick),
    /// An operator gives up a forced state.
    Released,
}

/// What to tell a caller who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Pass,
    /// Pass, in one of the places for probes.
    Probe,
    Refuse,
}

impl Default for Machine {
    fn default() -> Self {
        // Epochs begin at 1, so that what an unused ring holds is of an earlier one.
        Self { phase: Phase::Closed, epoch: 1, trips: 0 }
    }
}

impl Machine {
    pub(super) const fn phase(&self) -> &Phase {
        &self.phase
    }

    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) const fn state(&self) -> State {
        match self.phase {
            Phase::Closed | Phase::Forced { to: Forced::Closed, .. } => State::Closed,
            Phase::Open { .. } | Phase::Forced { to: Forced::Open, .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Until when everybody who asks gets the same answer, so that nobody has to come in and ask for it.
    pub(super) fn settled_until(&self, settings: &Settings) -> Tick {
        match &self.phase {
            Phase::Open { until } | Phase::Forced { until, .. } => *until,
            Phase::HalfOpen { probes, .. } if is_full(probes, settings) => {
                oldest(probes).map_or(Tick::ZERO, |since| since.after(settings.probe_timeout()))
            }
            Phase::HalfOpen { .. } | Phase::Closed => Tick::ZERO,
        }
    }

    /// What a caller who is refused is told to wait.
    pub(super) const fn retry_after(&self, now: Tick) -> Duration {
        match self.phase {
            Phase::Open { until } | Phase::Forced { until, .. } => until.ahead_of(now),
            Phase::HalfOpen { .. } | Phase::Closed => WHILE_PROBING,
        }
    }

    /// What happens next. An answer comes with [`Event::Asked`] and with nothing else.
    pub(super) fn step(
        self,
        event: Event<'_>,
        now: Tick,
        settings: &Settings,
    ) -> (Self, Option<Answer>, Option<Change>) {
        let (machine, change) = match event {
            Event::Asked(dice) => {
                let (machine, answer, change) = self.asked(now, settings, dice);
                return (machine, Some(answer), change);
            }
            Event::Counted(counts, dice) => self.counted(&counts, now, settings, dice),
            Event::Probed(since, end, dice) => self.probed(since, end, now, settings, dice),
            Event::Dropped(since) => (self.freed(since), None),
            Event::BrokeLate(cause, dice) => self.broke_late(cause, now, settings, dice),
            Event::Forced(to, until) => self.forced(to, until, now),
            Event::Released => self.released(Why::Released),
        };
        (machine, None, change)
    }

    fn asked(self, now: Tick, settings: &Settings, dice: &Dice) -> (Self, Answer, Option<Change>) {
        match &self.phase {
            Phase::Closed => (self, Answer::Pass, None),
            Phase::Open { until } if now < *until => (self, Answer::Refuse, None),
            Phase::Open { .. } => begin_probe(self.half_open(Why::OpenOver), now),
            Phase::HalfOpen { probes, .. } if hangs(probes, now, settings) => {
                let why = Why::ProbeHung(settings.probe_timeout());
                let (machine, change) = self.open(why, now, settings, dice);
                (machine, Answer::Refuse, change)
            }
            Phase::HalfOpen { probes, .. } if is_full(probes, settings) => (self, Answer::Refuse, None),
            Phase::HalfOpen { .. } => begin_probe((self, None), now),
            Phase::Forced { to: Forced::Open, until } if now < *until => (self, Answer::Refuse, None),
            Phase::Forced { to: Forced::Closed, until } if now < *until => (self, Answer::Pass, None),
            Phase::Forced { to: Forced::Open, .. } => begin_probe(self.released(Why::ForcedOver), now),
            Phase::Forced { to: Forced::Closed, .. } => {
                let (machine, change) = self.released(Why::ForcedOver);
                (machine, Answer::Pass, change)
            }
        }
    }

    fn counted(self, counts: &Counts, now: Tick, settings: &Settings, dice: &Dice) -> Moved {
        match (&self.phase, reached(counts, settings)) {
            (Phase::Closed, Some(why)) => self.open(why, now, settings, dice),
            _ => (self, None),
        }
    }

    fn probed(self, since: Tick, end: End, now: Tick, settings: &Settings, dice: &Dice) -> Moved {
        let Phase::HalfOpen { probes, .. } = &self.phase else {
            return (self, None);
        };
        // Before its place is freed: a probe that comes back after its time hung, whether or not anybody asked meanwhile.
        if hangs(probes, now, settings) {
            return self.open(Why::ProbeHung(settings.probe_timeout()), now, settings, dice);
        }
        match end {
            End::Well => self.freed(since).one_more_success(settings),
            End::Slow => {
                let over = settings.slow_over().unwrap_or_default();
                self.open(Why::ProbeSlow(over), now, settings, dice)
            }
            End::Failed { cause, .. } => self.open(Why::ProbeFailed(cause), now, settings, dice),
            End::Unknown => (self.freed(since), None),
        }
    }

    fn broke_late(self, cause: Cause, now: Tick, settings: &Settings, dice: &Dice) -> Moved {
        match self.phase {
            Phase::HalfOpen { .. } => self.open(Why::ProbeFailed(cause), now, settings, dice),
            Phase::Closed | Phase::Open { .. } | Phase::Forced { .. } => (self, None),
        }
    }

    fn forced(self, to: Forced, until: Tick, now: Tick) -> Moved {
        let phase = Phase::Forced { to, until };
        if until <= now || phase == self.phase {
            return (self, None);
        }
        // What an operator decides begins a new story: nothing of before counts when it ends.
        Self { trips: 0, ..self }.enter(phase, Why::Forced { to, lasts: until.ahead_of(now) })
    }

    fn released(self, why: Why) -> Moved {
        match self.phase {
            Phase::Forced { to: Forced::Closed, .. } => self.enter(Phase::Closed, why),
            Phase::Forced { to: Forced::Open, .. } => self.half_open(why),
            Phase::Closed | Phase::Open { .. } | Phase::HalfOpen { .. } => (self, None),
        }
    }

    fn open(self, why: Why, now: Tick, settings: &Settings, dice: &Dice) -> Moved {
        let until = now.after(open_time(self.trips, settings, dice));
        let trips = self.trips.saturating_add(1);
        Self { trips, ..self }.enter(Phase::Open { until }, why)
    }

    fn half_open(self, why: Why) -> Moved {
        self.enter(Phase::HalfOpen { probes: Vec::new(), successes: 0 }, why)
    }

    fn one_more_success(mut self, settings: &Settings) -> Moved {
        let Phase::HalfOpen { successes, .. } = &mut self.phase else {
            return (self, None);
        };
        *successes += 1;
        let enough = *successes;
        if enough < settings.close_after() {
            return (self, None);
        }
        Self { trips: 0, ..self }.enter(Phase::Closed, Why::ProbesSucceeded(enough))
    }

    /// Without the probe that began then. Probes that began at the same moment are as good as one another.
    fn freed(mut self, since: Tick) -> Self {
        if let Phase::HalfOpen { probes, .. } = &mut self.phase
            && let Some(place) = probes.iter().position(|began| *began == since)
        {
            probes.swap_remove(place);
        }
        self
    }

    /// The only way into another state.
    fn enter(self, phase: Phase, why: Why) -> Moved {
        let from = self.state();
        let machine = Self { phase, epoch: self.epoch + 1, ..self };
        let to = machine.state();
        (machine, Some(Change { from, to, why }))
    }
}

/// A machine, and the change that made it what it is.
type Moved = (Machine, Option<Change>);

fn begin_probe((mut machine, change): Moved, now: Tick) -> (Machine, Answer, Option<Change>) {
    if let Phase::HalfOpen { probes, .. } = &mut machine.phase {
        probes.push(now);
    }
    (machine, Answer::Probe, change)
}

fn oldest(probes: &[Tick]) -> Option<Tick> {
    probes.iter().copied().min()
}

fn hangs(probes: &[Tick], now: Tick, settings: &Settings) -> bool {
    oldest(probes).is_some_and(|since| since.after(settings.probe_timeout()) <= now)
}

fn is_full(probes: &[Tick], settings: &Settings) -> bool {
    !u32::try_from(probes.len()).is_ok_and(|taken| taken < settings.probes())
}

/// The threshold that is reached, if any. Failures first: they say more than slowness.
fn reached(counts: &Counts, settings: &Settings) -> Option<Why> {
    let Counts { calls, slow: slow_calls, causes } = *counts;
    match settings.mode() {
        Mode::Ratio { of_at_least, .. } if calls < u64::from(of_at_least) => None,
        Mode::Ratio { failures, within, .. } if failures.is_reached(causes.total(), calls) => {
            Some(Why::Failures { causes, calls, within })
        }
        Mode::Ratio { slow: Some(slow), within, .. } if slow.share.is_reached(slow_calls, calls) => {
            Some(Why::Slow { slow: slow_calls, calls, over: slow.over, within })
        }
        Mode::Consecutive { failures } if causes.total() >= u64::from(failures) => Some(Why::InARow(causes)),
        Mode::Ratio { .. } | Mode::Consecutive { .. } => None,
    }
}

/// Whether a threshold can be reached at all by trouble like this, however few calls went well.
pub(super) fn may_be_too_many(trouble: &Counts, settings: &Settings) -> bool {
    let calls = match settings.mode() {
        Mode::Ratio { of_at_least, .. } => trouble.calls.max(u64::from(of_at_least)),
        Mode::Consecutive { .. } => trouble.calls,
    };
    reached(&Counts { calls, ..*trouble }, settings).is_some()
}

/// How long to stay open, when it opened so often before since it was last closed.
fn open_time(trips: u32, settings: &Settings, dice: &Dice) -> Duration {
    let doubled = settings.open_for().saturating_mul(1 << trips.min(31));
    let most = doubled.min(settings.open_at_most());
    most.saturating_sub(dice.up_to(most.mul_f64(JITTER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Tick = Tick(1_000_000_000_000);
    const LATER: Tick = Tick(NOW.0 + 1);

    /// One machine in each row of the table's first column.
    fn machines() -> [Machine; 6] {
        let phases = [
            Phase::Closed,
            Phase::Open { until: LATER },
            Phase::HalfOpen { probes: vec![], successes: 0 },
            Phase::HalfOpen { probes: vec![NOW; 3], successes: 0 },
            Phase::Forced { to: Forced::Closed, until: LATER },
            Phase::Forced { to: Forced::Open, until: LATER },
        ];
        phases.map(|phase| Machine { phase, epoch: 7, trips: 1 })
    }

    /// Which of the machines an event changes.
    fn changes(event: Event<'_>) -> [bool; 6] {
        machines().map(|machine| {
            let (next, _, change) = machine.clone().step(event, NOW, &Settings::default());
            assert_eq!(change.is_some(), next.epoch != machine.epoch, "each change begins an epoch");
            assert!(change.is_none_or(|change| change.to == next.state()));
            next != machine
        })
    }

    #[test]
    fn what_is_not_in_the_table_changes_nothing() {
        let dice = Dice::seeded(1);
        let failed = End::Failed { cause: Cause::Reset, slow: false };
        let mut counts = Counts { calls: 20, ..Counts::default() };
        (0..20).for_each(|_| counts.causes.add(Cause::Reset));
        let (no, yes) = (false, true);
        let rows = [
            (Event::Asked(&dice), [no, no, yes, no, no, no]),
            (Event::Counted(counts, &dice), [yes, no, no, no, no, no]),
            (Event::Counted(Counts::default(), &dice), [no; 6]),
            (Event::Probed(NOW, failed, &dice), [no, no, yes, yes, no, no]),
            (Event::Probed(NOW, End::Well, &dice), [no, no, yes, yes, no, no]),
            (Event::Probed(NOW, End::Unknown, &dice), [no, no, no, yes, no, no]),
            (Event::Dropped(NOW), [no, no, no, yes, no, no]),
            (Event::Dropped(LATER), [no; 6]),
            (Event::BrokeLate(Cause::Reset, &dice), [no, no, yes, yes, no, no]),
            (Event::Forced(Forced::Open, NOW), [no; 6]),
            (Event::Forced(Forced::Open, LATER), [yes, yes, yes, yes, yes, no]),
            (Event::Released, [no, no, no, no, yes, yes]),
        ];
        for (event, expected) in rows {
            assert_eq!(changes(event), expected, "{event:?}");
        }
    }
}
