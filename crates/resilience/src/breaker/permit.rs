//! Leave to make one call, and the refusal of it.

use std::{error::Error, fmt, time::Duration};

use tokio::time::Instant;

use super::{
    change::{Change, State},
    driver::Breaker,
    gate::Word,
    ring::Tick,
};
use crate::{Dice, Verdict};

/// Leave to make one call. Say how the call ended with [`record`](Self::record); a permit that is dropped says that the call
/// was cancelled, which counts as nothing and gives a probe's place back.
#[derive(Debug)]
#[must_use = "dropping a permit says that the call was cancelled"]
pub struct Permit<'a> {
    pub(super) breaker: &'a Breaker,
    pub(super) ticket: Ticket,
    /// What only few permits have, out of the way of those that are moved about for every call.
    pub(super) rare: Option<Box<Rare>>,
}

/// What a permit has when it is a probe, or when asking for it changed the breaker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rare {
    /// When it began, if it holds a place for probes.
    pub(super) probe: Option<Tick>,
    pub(super) change: Option<Change>,
}

/// What a permit leaves behind, so that what is learned after its verdict can still be told
/// ([`Breaker::note_late_failure`]). It belongs to the breaker that issued it and means nothing to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(pub(super) Word);

/// The breaker does not let a call pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// How long there is no use in asking again.
    pub retry_after: Duration,
    /// Open, or half-open when all places for probes are taken.
    pub state: State,
    /// The change that this very call brought about: a hanging probe was noticed.
    pub change: Option<Change>,
}

impl Rare {
    /// `None` when there is nothing to tell.
    pub(super) fn of(probe: Option<Tick>, change: Option<Change>) -> Option<Self> {
        (probe.is_some() || change.is_some()).then_some(Self { probe, change })
    }
}

impl Permit<'_> {
    /// Says how the call ended, how long it took and when that was. The change is the one this brought about.
    ///
    /// [`Ignored`](Verdict::Ignored) and [`Cancelled`](Verdict::Cancelled) count as nothing and only give a probe's place
    /// back. A result that comes after the breaker has moved on changes nothing.
    #[inline]
    pub fn record(mut self, verdict: &Verdict, took: Duration, now: Instant, dice: &Dice) -> Option<Change> {
        let end = self.breaker.judge(verdict, took);
        match self.take_place() {
            Some(since) => self.breaker.probed(self.ticket, since, end, now, dice),
            None => self.breaker.ended(self.ticket, end, now, dice),
        }
    }

    /// The change that asking for this permit brought about: the time of an open or a forced state was over.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        self.rare.as_ref().and_then(|rare| rare.change)
    }

    /// What to keep, to tell later that the answer broke after its head had been a success.
    #[must_use]
    pub const fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Whether the call is one of the few that find out how the dependency is. A probe should be asked once, and neither
    /// hedged nor repeated.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.probe.is_some())
    }

    /// When the probe began, told once: whoever asks first gives the place back.
    #[inline]
    fn take_place(&mut self) -> Option<Tick> {
        self.rare.take().and_then(|rare| rare.probe)
    }
}

impl Refusal {
    pub(super) const fn new(state: State, retry_after: Duration) -> Self {
        Self { retry_after, state, change: None }
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(since) = self.take_place() {
            self.breaker.dropped(self.ticket, since);
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the breaker is {}; ask again in {:?}", self.state, self.retry_after)
    }
}

impl Error for Refusal {}
