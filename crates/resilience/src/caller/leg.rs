//! The legs of an attempt: one, or a second beside it when the first is slow; each within its time.

use std::pin::pin;

use tokio::time::{Instant, timeout_at};

use super::{Call, Ended};
use crate::{
    answer::CallError,
    breaker::Permit,
    event::Event,
    hedge::Hedge,
    limit::Slot,
    request::Attempt,
    verdict::{Cause, Verdict},
};

impl<T, E> Call<'_, T, E> {
    /// Hedge: the first leg, and another one beside it when that takes long.
    pub(super) async fn legs<F, R>(
        &self,
        number: u32,
        now: Instant,
        slot: Option<Slot>,
        permit: Option<&Permit<'_>>,
        operation: &F,
    ) -> Ended<T, E>
    where
        F: Fn(Attempt) -> R,
        R: Future<Output = Result<T, E>>,
    {
        let first = self.begin(number, false, now, slot, permit);
        // A probe is one careful question: it is not asked twice at once.
        let may_hedge = self.repeatable && permit.is_none_or(|permit| !permit.is_probe());
        let hedge = self.policy.hedge.as_deref().filter(|_| may_hedge);
        let delay = hedge.and_then(|hedge| {
            hedge.deposit(now);
            Some((hedge, now + hedge.delay(now)?))
        });
        match delay {
            // Made where it is awaited: a future that is handed about first is copied, and this one is large.
            None => self.leg(first, operation).await,
            // Boxed, so that calls without hedging do not carry the room for a second leg.
            Some((hedge, at)) => {
                let spare = || self.spare(number, hedge, permit);
                Box::pin(self.hedged(first, spare, now, at, operation)).await
            }
        }
    }

    async fn hedged<F, R>(
        &self,
        first: Attempt,
        spare: impl FnOnce() -> Option<Attempt>,
        started: Instant,
        at: Instant,
        operation: &F,
    ) -> Ended<T, E>
    where
        F: Fn(Attempt) -> R,
        R: Future<Output = Result<T, E>>,
    {
        let mut first = pin!(self.leg(first, operation));
        if let Ok(ended) = timeout_at(at, first.as_mut()).await {
            return ended;
        }
        let Some(spare) = spare() else { return first.await };
        self.tell(&Event::Hedge { after: at.saturating_duration_since(started) });
        let mut second = pin!(self.leg(spare, operation));
        // The first that succeeds; the other is dropped then, which is neither its success nor its failure.
        let ended = tokio::select! {
            biased;
            ended = first.as_mut() => if ended.has_failed() { second.await } else { ended },
            ended = second.as_mut() => if ended.has_failed() { first.await } else { ended },
        };
        Ended { legs: 2, ..ended }
    }

    /// A second leg, if there is a free place for it and it can be paid for.
    fn spare(&self, number: u32, hedge: &Hedge, permit: Option<&Permit<'_>>) -> Option<Attempt> {
        let now = Instant::now();
        let slot = match &self.policy.limit {
            Some(limit) => Some(limit.try_acquire(now)?),
            None => None,
        };
        let is_paid =
            hedge.try_spend(now) && self.policy.budget.as_ref().is_none_or(|budget| budget.try_withdraw(now));
        is_paid.then(|| self.begin(number, true, now, slot, permit))
    }

    fn begin(
        &self,
        number: u32,
        is_hedge: bool,
        started: Instant,
        slot: Option<Slot>,
        permit: Option<&Permit<'_>>,
    ) -> Attempt {
        let own = self.policy.timeout.map(|timeout| started + timeout);
        let until = match (own, self.deadline) {
            (Some(own), Some(deadline)) => Some(own.min(deadline)),
            (own, deadline) => own.or(deadline),
        };
        let ticket = permit.map(Permit::ticket);
        Attempt { number, is_hedge, started, until, deadline: self.deadline, slot, ticket }
    }

    /// Timeout: one run of the operation.
    async fn leg<F, R>(&self, attempt: Attempt, operation: &F) -> Ended<T, E>
    where
        F: Fn(Attempt) -> R,
        R: Future<Output = Result<T, E>>,
    {
        let Attempt { number, is_hedge, started, until, .. } = attempt;
        let is_timed = !self.policy.callee_keeps_time;
        let ended = match until.filter(|_| is_timed) {
            None => self.judged(operation(attempt).await),
            Some(until) => match timeout_at(until, operation(attempt)).await {
                Ok(result) => self.judged(result),
                Err(_elapsed) => self.out_of_time(until, started),
            },
        };
        let took = ended.at.saturating_duration_since(started);
        self.tell(&Event::Attempt { number, hedge: is_hedge, verdict: ended.verdict, took });
        ended
    }

    fn judged(&self, result: Result<T, E>) -> Ended<T, E> {
        let verdict = (self.policy.classify)(result.as_ref());
        Ended { result: result.map_err(CallError::Inner), verdict, legs: 1, at: Instant::now() }
    }

    /// An attempt that was given its full time and did not end is a failure of the dependency. One that the caller's
    /// deadline cut short says nothing about it: else impatient callers could open the breaker for all others.
    fn out_of_time(&self, until: Instant, started: Instant) -> Ended<T, E> {
        let had_its_time = self.policy.timeout.is_none_or(|timeout| started + timeout <= until);
        let verdict = if had_its_time { Verdict::retryable(Cause::Timeout) } else { Verdict::Cancelled };
        let is_over = self.deadline.is_some_and(|deadline| deadline <= until);
        let error = if is_over { CallError::Deadline } else { CallError::Timeout };
        Ended { result: Err(error), verdict, legs: 1, at: Instant::now() }
    }
}
