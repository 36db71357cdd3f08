//! What differs from call to call under one policy, and from attempt to attempt within a call.

use tokio::time::Instant;

use crate::{breaker::Ticket, limit::Slot};

/// What is known of one call beside its policy.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// When the call begins.
    pub(crate) now: Option<Instant>,
    /// When the caller gives up.
    pub(crate) deadline: Option<Instant>,
    /// Whether it may run more than once.
    pub(crate) repeatable: bool,
    /// Whether it could be sent a second time at all.
    pub(crate) resendable: bool,
}

/// One leg of one attempt, as the operation gets it.
#[derive(Debug)]
pub struct Attempt {
    pub(crate) number: u32,
    pub(crate) is_hedge: bool,
    pub(crate) started: Instant,
    pub(crate) until: Option<Instant>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) slot: Option<Slot>,
    pub(crate) ticket: Option<Ticket>,
}

impl Default for Request {
    fn default() -> Self {
        Self { now: None, deadline: None, repeatable: true, resendable: true }
    }
}

impl Request {
    /// A call that begins now, may be repeated, and has no deadline but the policy's.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// When the call begins; for callers that have just read the clock.
    #[must_use]
    pub const fn beginning(mut self, now: Instant) -> Self {
        self.now = Some(now);
        self
    }

    /// When the caller itself gives up. The policy's deadline applies too.
    #[must_use]
    pub const fn until(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The call must not run twice: it is not hedged, and retried only after [`Cause::Unreachable`](crate::Cause), when the
    /// dependency has seen nothing of it.
    #[must_use]
    pub const fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// The call cannot be sent twice, whatever happened to it: what it sends is gone once it was sent.
    #[must_use]
    pub const fn unrepeatable(mut self) -> Self {
        self.repeatable = false;
        self.resendable = false;
        self
    }
}

impl Attempt {
    /// Which attempt of its call, from 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Whether it is a second leg beside one that is slow: better sent to another endpoint.
    #[must_use]
    pub const fn is_hedge(&self) -> bool {
        self.is_hedge
    }

    /// When it begins.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// When it must be over: the timeout of an attempt, or the deadline of the call if that is sooner.
    #[must_use]
    pub const fn until(&self) -> Option<Instant> {
        self.until
    }

    /// When the whole call must be over; what the next hop should be told.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Takes the place in the concurrency limit along. By default it is given back when the operation ends; who streams
    /// what was answered keeps it until the stream has ended.
    pub const fn take_slot(&mut self) -> Option<Slot> {
        self.slot.take()
    }

    /// With which the breaker can be told later that an answer that began well ended badly, see
    /// [`Breaker::note_late_failure`](crate::breaker::Breaker::note_late_failure).
    #[must_use]
    pub const fn ticket(&self) -> Option<Ticket> {
        self.ticket
    }
}
