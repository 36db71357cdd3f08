//! The engine: one call through all patterns, in the one order there is.
//!
//! The functions of this file are the stages of [`Stage`](crate::Stage), outermost first, and each calls the next.

mod flight;
mod keyed;
mod leg;

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    answer::{Answer, CallError, Failed, Refused, Refuser, Source, Why},
    breaker::{Change, Permit},
    dice::Dice,
    event::{Event, Nobody, Observer},
    keyed::Landed,
    policy::Policy,
    request::{Attempt, Request},
    retry::{self, Next},
    verdict::{Cause, Verdict},
};

/// Makes calls under policies. One is enough for a whole service; it is cheap to clone.
#[derive(Clone)]
pub struct Caller {
    dice: Arc<Dice>,
    observer: Arc<dyn Observer>,
}

/// What an attempt came to.
enum Attempted<T, E> {
    /// The operation ended, or its time did.
    Ended(Ended<T, E>),
    /// It was not begun.
    Refused(Refused),
    /// The caller's time was over before it could begin.
    TooLate,
}

/// An operation that has ended.
struct Ended<T, E> {
    result: Result<T, CallError<E>>,
    verdict: Verdict,
    /// How often the operation was run for it.
    legs: u32,
    /// When it had ended: read once for all that want to know.
    at: Instant,
}

/// One call under way.
struct Call<'a, T, E> {
    caller: &'a Caller,
    policy: &'a Policy<T, E>,
    repeatable: bool,
    resendable: bool,
    deadline: Option<Instant>,
    /// Legs sent so far.
    attempts: u32,
}

/// What all attempts together came to.
struct Outcome<T, E> {
    result: Result<T, CallError<E>>,
    verdict: Verdict,
    attempts: u32,
}

impl Default for Caller {
    fn default() -> Self {
        Self { dice: Arc::new(Dice::unpredictable()), observer: Arc::new(Nobody) }
    }
}

impl Caller {
    /// A caller whose events nobody sees.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the randomness of this seed, so that a run can be repeated.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.dice = Arc::new(Dice::seeded(seed));
        self
    }

    /// With somebody who is told what happens.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// The randomness it draws from.
    #[must_use]
    pub fn dice(&self) -> &Dice {
        &self.dice
    }

    /// Calls `operation` under the policy, as often as it allows.
    ///
    /// # Errors
    /// [`Failed`], when neither the dependency nor the policy's fallback gave a value.
    ///
    /// # Cancellation
    /// Dropping the future cancels the attempt under way, which counts as neither success nor failure.
    pub async fn call<T, E, F, R>(&self, policy: &Policy<T, E>, operation: F) -> Result<Answer<T>, Failed<E>>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, E>>,
    {
        self.call_with(policy, Request::new(), |_| operation()).await
    }

    /// The same for operations that want to know about their attempt, and for calls of which more is known.
    ///
    /// # Errors
    /// [`Failed`], when neither the dependency nor the policy's fallback gave a value.
    pub async fn call_with<T, E, F, R>(
        &self,
        policy: &Policy<T, E>,
        request: Request,
        operation: F,
    ) -> Result<Answer<T>, Failed<E>>
    where
        F: Fn(Attempt) -> R,
        R: Future<Output = Result<T, E>>,
    {
        let own = |why: &Why| {
            let substitute = policy.fallback.as_ref()?(why)?;
            Some(std::future::ready(Ok(substitute)))
        };
        self.call_or(policy, request, operation, own).await
    }

    /// The same with a fallback of this call alone, instead of the policy's. It may do work of its own, such as asking
    /// another dependency; it declines by `None`. The failed answer, if there is one, is dropped before it is run.
    ///
    /// # Errors
    /// [`Failed`], when neither gave a value. It is the fallback's own error if that was run.
    pub async fn call_or<T, E, F, R, G, S>(
        &self,
        policy: &Policy<T, E>,
        request: Request,
        operation: F,
        fallback: G,
    ) -> Result<Answer<T>, Failed<E>>
    where
        F: Fn(Attempt) -> R,
        R: Future<Output = Result<T, E>>,
        G: FnOnce(&Why) -> Option<S>,
        S: Future<Output = Result<T, E>>,
    {
        let now = request.now.unwrap_or_else(Instant::now);
        // Deadline: the sooner of the caller's and the policy's.
        let deadline = sooner(policy.deadline.map(|deadline| now + deadline), request.deadline);
        let Request { repeatable, resendable, .. } = request;
        let mut call = Call { caller: self, policy, repeatable, resendable, deadline, attempts: 0 };
        // (Cache and coalescing have their place here: see `keyed`, for calls that say what they have in common.)
        let outcome = call.retried(now, &operation).await;
        // Fallback: when all attempts have failed.
        let Outcome { result, verdict, attempts } = outcome;
        let Some(why) = wanted(&result, verdict) else { return finished(result, verdict, attempts) };
        let Some(substitute) = fallback(&why) else { return finished(result, verdict, attempts) };
        drop(result);
        self.tell(policy, &Event::Fallback(why));
        match substitute.await {
            Ok(value) => Ok(Answer { value, source: Source::Fallback, attempts, verdict }),
            Err(error) => Err(Failed { error: CallError::Inner(error), attempts }),
        }
    }

    fn tell<T, E>(&self, policy: &Policy<T, E>, event: &Event<'_>) {
        self.observer.observe(&policy.name, event);
    }
}

#[inline]
fn finished<T, E>(
    result: Result<T, CallError<E>>,
    verdict: Verdict,
    attempts: u32,
) -> Result<Answer<T>, Failed<E>> {
    finished_as(result, Source::Fresh, verdict, attempts)
}

#[inline]
fn finished_as<T, E>(
    result: Result<T, CallError<E>>,
    source: Source,
    verdict: Verdict,
    attempts: u32,
) -> Result<Answer<T>, Failed<E>> {
    match result {
        Ok(value) => Ok(Answer { value, source, attempts, verdict }),
        Err(error) => Err(Failed { error, attempts }),
    }
}

/// Why a fallback is wanted, if it is.
#[inline]
fn wanted<T, E>(result: &Result<T, CallError<E>>, verdict: Verdict) -> Option<Why> {
    match result {
        Err(CallError::Refused(refused)) => Some(Why::Refused(*refused)),
        Err(CallError::Deadline) => Some(Why::Deadline),
        Err(CallError::Timeout) => Some(Why::Failure(Cause::Timeout)),
        // An operation that keeps time by itself says so in this way that its caller's time was over.
        Err(CallError::Inner(_)) if verdict == Verdict::Cancelled => Some(Why::Deadline),
        Ok(_) | Err(CallError::Inner(_)) => verdict.cause().map(Why::Failure),
    }
}

#[inline]
fn sooner(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl<T, E> Outcome<T, E> {
    /// The caller's time was over.
    const fn too_late() -> Self {
        Self { result: Err(CallError::Deadline), verdict: Verdict::Ignored, attempts: 0 }
    }

    /// The value, if the dependency did what it promised.
    const fn good(&self) -> Option<&T> {
        match (&self.result, self.verdict) {
            (Ok(value), Verdict::Success) => Some(value),
            _ => None,
        }
    }

    /// The same as others learn of it.
    fn landed(self, is_shared: bool) -> Landed<T, E> {
        let Self { result, verdict, attempts } = self;
        Landed { result, verdict, attempts, is_shared }
    }
}

impl<T, E> Ended<T, E> {
    const fn has_failed(&self) -> bool {
        self.verdict.cause().is_some()
    }
}

impl<T, E> Call<'_, T, E> {
    /// Retry: attempts, with backoffs between them, as long as that is allowed and paid for.
    async fn retried<F, R>(&mut self, mut now: Instant, operation: &F) -> Outcome<T, E>
    where
        F: Fn(Attempt) -> R,
        R: Future<Output = Result<T, E>>,
    {
        if let Some(budget) = &self.policy.budget {
            budget.deposit(now);
        }
        let mut number = 1;
        loop {
            let ended = match self.attempt(number, now, operation).await {
                Attempted::Ended(ended) => ended,
                Attempted::Refused(refused) => {
                    self.tell(&Event::Refused(refused));
                    return self.outcome(Err(CallError::Refused(refused)), Verdict::Ignored);
                }
                Attempted::TooLate => return self.outcome(Err(CallError::Deadline), Verdict::Ignored),
            };
            self.attempts += ended.legs;
            let after = match self.next(number, &ended.verdict, ended.at) {
                Next::After(delay) => delay,
                Next::Stop(stop) => {
                    if ended.has_failed() {
                        self.tell(&Event::GaveUp(stop));
                    }
                    return self.outcome(ended.result, ended.verdict);
                }
            };
            // What failed is let go before the wait: it may hold a connection.
            drop(ended);
            number += 1;
            self.tell(&Event::Retry { number, after });
            sleep(after).await;
            now = Instant::now();
        }
    }

    fn next(&self, number: u32, verdict: &Verdict, now: Instant) -> Next {
        let Some(settings) = &self.policy.retry else { return Next::Stop(retry::Stop::NotConfigured) };
        if !self.resendable {
            return Next::Stop(retry::Stop::NotRepeatable);
        }
        let situation = retry::Situation {
            attempt: number,
            verdict,
            repeatable: self.repeatable,
            now,
            deadline: self.deadline,
        };
        retry::decide(settings, &situation, &self.caller.dice, || {
            self.policy.budget.as_ref().is_none_or(|budget| budget.try_withdraw(now))
        })
    }

    /// One attempt: breaker, throttle, limit; then its legs.
    async fn attempt<F, R>(&self, number: u32, now: Instant, operation: &F) -> Attempted<T, E>
    where
        F: Fn(Attempt) -> R,
        R: Future<Output = Result<T, E>>,
    {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            return Attempted::TooLate;
        }
        // Breaker.
        let permit = match self.admit(now) {
            Ok(permit) => permit,
            Err(refused) => return Attempted::Refused(refused),
        };
        // Throttle.
        if let Some(throttle) = &self.policy.throttle
            && let Err(refusal) = throttle.admit(now, &self.caller.dice)
        {
            return Attempted::Refused(Refused { by: Refuser::Throttle, retry_after: refusal.retry_after });
        }
        // Limit: what waits here is timed by the deadline, not by the timeout of an attempt.
        let (slot, started) = match &self.policy.limit {
            None => (None, now),
            Some(limit) => match limit.try_acquire(now) {
                Some(slot) => (Some(slot), now),
                None => match limit.acquire(self.deadline, now).await {
                    Ok(slot) => (Some(slot), Instant::now()),
                    Err(refusal) => {
                        let by = Refuser::Limit;
                        return Attempted::Refused(Refused { by, retry_after: refusal.retry_after });
                    }
                },
            },
        };
        let sample = slot.as_ref().map(|slot| slot.started());
        let ended = self.legs(number, started, slot, permit.as_ref(), operation).await;
        let took = ended.at.saturating_duration_since(started);
        self.learn(&ended.verdict, sample, took, ended.at);
        if let Some(permit) = permit {
            let change = permit.record(&ended.verdict, took, ended.at, &self.caller.dice);
            self.tell_change(change);
        }
        Attempted::Ended(ended)
    }

    fn admit(&self, now: Instant) -> Result<Option<Permit<'_>>, Refused> {
        let Some(breaker) = &self.policy.breaker else { return Ok(None) };
        match breaker.acquire(now, &self.caller.dice) {
            Ok(permit) => {
                self.tell_change(permit.change());
                Ok(Some(permit))
            }
            Err(refusal) => {
                self.tell_change(refusal.change);
                Err(Refused { by: Refuser::Breaker, retry_after: refusal.retry_after })
            }
        }
    }

    /// Tells throttle and limit what became of the attempt.
    fn learn(&self, verdict: &Verdict, sample: Option<crate::limit::Started>, took: Duration, now: Instant) {
        if let Some(throttle) = &self.policy.throttle {
            // What the throttle looks for is a dependency that turns work away.
            throttle.record(!matches!(verdict, Verdict::Overload { .. }), now);
        }
        if let (Some(limit), Some(sample)) = (&self.policy.limit, sample) {
            limit.observe(sample, verdict, took, now);
        }
        if let (Some(hedge), Verdict::Success) = (&self.policy.hedge, verdict) {
            hedge.observe(took, now);
        }
    }

    fn tell_change(&self, change: Option<Change>) {
        if let Some(change) = &change {
            self.tell(&Event::Breaker(change));
        }
    }

    fn tell(&self, event: &Event<'_>) {
        self.caller.tell(self.policy, event);
    }

    fn outcome(&self, result: Result<T, CallError<E>>, verdict: Verdict) -> Outcome<T, E> {
        Outcome { result, verdict, attempts: self.attempts }
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("dice", &self.dice).finish_non_exhaustive()
    }
}
