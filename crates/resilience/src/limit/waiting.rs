//! Waiting for a place.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{sync::oneshot, time::Instant};

use super::{Limit, Refusal, Slot, Why, line::Prospect};

/// What asking for a place led to.
#[derive(Debug)]
#[must_use]
pub enum Entry {
    /// A place.
    In(Slot),
    /// None yet.
    Waiting(Waiting),
    /// None.
    Refused(Refusal),
}

/// A call that waits for a place. Resolves when it gets one or is refused; dropping it leaves the queue, and a place that
/// it was given in that very moment goes to the next.
///
/// It has no timer of its own. Whoever holds it asks for its [prospect](Self::prospect) at the time that
/// [`ask_at`](Self::ask_at) names: [`Limit::acquire`] does so with tokio's timers, a simulation with its own.
#[derive(Debug)]
#[must_use]
pub struct Waiting {
    limit: Arc<Limit>,
    number: u64,
    until: Option<Instant>,
    ask_at: Instant,
    answer: oneshot::Receiver<Result<Slot, Refusal>>,
    over: bool,
}

impl Waiting {
    pub(super) const fn new(
        limit: Arc<Limit>,
        (number, ask_at): (u64, Instant),
        until: Option<Instant>,
        answer: oneshot::Receiver<Result<Slot, Refusal>>,
    ) -> Self {
        Self { limit, number, until, ask_at, answer, over: false }
    }

    /// When to ask for the prospect.
    #[must_use]
    pub fn ask_at(&self) -> Instant {
        self.until.map_or(self.ask_at, |until| self.ask_at.min(until))
    }

    /// Whether waiting on makes sense at `now`: if not, the refusal.
    ///
    /// # Errors
    ///
    /// If no place came in time, or none will.
    pub fn prospect(&mut self, now: Instant) -> Result<(), Refusal> {
        match self.limit.prospect(self.number, self.until, now) {
            // The answer is on its way through the channel.
            Prospect::Told => self.ask_at = now + super::line::STANDING,
            Prospect::Wait(ask_at) => self.ask_at = ask_at,
            Prospect::Leave(why) => {
                self.over = true;
                return Err(self.limit.refusal(why));
            }
        }
        Ok(())
    }
}

impl Future for Waiting {
    type Output = Result<Slot, Refusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = std::task::ready!(Pin::new(&mut self.answer).poll(cx));
        self.over = true;
        // Nobody drops a teller without telling; should it happen all the same, there is no place.
        Poll::Ready(answer.unwrap_or_else(|_| Err(self.limit.refusal(Why::TimedOut))))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.over {
            self.limit.leave(self.number);
        }
        // A place that is in the channel already is dropped with it, and so given back.
    }
}
