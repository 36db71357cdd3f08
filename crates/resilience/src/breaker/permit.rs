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

impl Permit<'_> {
    /// Says how the call ended, how long it took and when that was. The change is the one this brought about.
    ///
    /// [`Ignored`](Verdict::Ignored) and [`Cancelled`](Verdict::Cancelled) count as nothing and only give a probe's place
    /// back. A result that comes after the breaker has moved on changes nothing.
    #[inline]
    pub fn record(mut self, verdict: &Verdict, took: Duration, now: Instant, dice: &Dice) -> Option<Change> {
        let end = self.breaker.judge(verdict, took);
        match self.probe.take() {
            Some(since) => self.breaker.probed(self.ticket, since, end, now, dice),
            None => self.breaker.ended(self.ticket, end, now, dice),
        }
    }

    /// The change that asking for this permit brought about: the time of an open or a forced state was over.
    #[must_use]
    pub const fn change(&self) -> Option<Change> {
        self.change
    }

    /// What to keep, to tell later that the answer broke after its head had been a success.
    #[must_use]
    pub const fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Whether the call is one of the few that find out how the dependency is. A probe should be asked once, and neither
    /// hedged nor repeated.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

impl Refusal {
    pub(super) const fn new(state: State, retry_after: Duration) -> Self {
        Self { retry_after, state, change: None }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(since) = self.probe.take() {
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
