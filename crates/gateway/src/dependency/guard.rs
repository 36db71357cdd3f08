//! What an answer holds on to while its body is on the way: its place in the limit, and its word to the breaker.

use std::rc::Rc;

use banyan_resilience::{Cause, breaker::Ticket, limit::Slot};
use http::{StatusCode, header};
use tokio::time::Instant;

use crate::{
    outcome::Ending,
    upstream::local::LocalUpstream,
    wire::{answer::Reply, head::Values as _},
};

/// Kept by a body until its end.
#[derive(Debug)]
pub(crate) struct Guard {
    upstream: Rc<LocalUpstream>,
    ticket: Option<Ticket>,
    /// Given back when the guard goes.
    _slot: Option<Slot>,
}

impl Guard {
    /// Gives an answer its guard, if it still has something to send.
    pub(crate) fn attach(
        reply: &mut Reply,
        upstream: &Rc<LocalUpstream>,
        slot: Option<Slot>,
        ticket: Option<Ticket>,
    ) {
        use http_body::Body as _;
        if reply.body().is_end_stream() {
            return;
        }
        // What may go on for ever is no load of the kind that the limit is about.
        let slot = slot.filter(|_| !is_endless(reply));
        let guard = Self { upstream: upstream.clone(), ticket, _slot: slot };
        reply.body_mut().guard(guard);
    }

    /// Takes in how the body ended. `None` is well.
    pub(crate) fn ended(self, ending: Option<Ending>) {
        let cause = match ending {
            Some(Ending::BodyReset) => Cause::Reset,
            Some(Ending::IdleTimeout) => Cause::Timeout,
            _ => return,
        };
        if let Some(ticket) = self.ticket {
            self.upstream.shared.patterns.note_late_failure(ticket, cause, Instant::now());
        }
    }
}

/// Upgrades and event streams.
fn is_endless(reply: &Reply) -> bool {
    let kind = reply.head().first(&header::CONTENT_TYPE);
    reply.status() == StatusCode::SWITCHING_PROTOCOLS
        || kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"))
}
