//! Calls with a key: cache, then coalescing, then a flight for all who want the same.

use std::{panic::resume_unwind, sync::Arc};

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{Call, Caller, Outcome, finished_as, flight::Flight, wanted};
use crate::{
    answer::{Answer, Failed, Source},
    cache::{Entry, Lookup},
    coalesce::{APART, Alone, Joined},
    event::{Cached, Event},
    keyed::{FlightSeat, Key, Keyed, Line},
    policy::Policy,
    request::{Attempt, Request},
    verdict::Verdict,
};

/// One call with a key under way.
struct Asked<'a, T, E> {
    caller: &'a Caller,
    policy: &'a Policy<T, E>,
    keyed: &'a Keyed<T, E>,
    key: Key,
    request: Request,
    now: Instant,
    deadline: Option<Instant>,
}

/// What the cache has for a call.
enum Found<T> {
    Answer(Answer<T>),
    /// An answer that came then, and this caller sees to the next.
    AndRefresh(Answer<T>, Instant),
    /// Something for when no answer can be had.
    Spare(Entry<T>),
    Nothing,
}

/// What a follower's wait came to.
enum Followed<T, E> {
    Outcome(Outcome<T, E>),
    /// The flight ended without a word: it panicked, or its runtime is ending.
    Gone,
    Alone(Alone),
}

impl Caller {
    /// Calls `operation` under the policy, or uses what there is for `key`: a kept value, or the flight of an identical call.
    /// The policy says which of both (`cache`, `coalesce`); if neither, this is [`call`](Self::call).
    ///
    /// What is fetched is fetched on a task of its own, for all who want it, so everything has to be free to go there: the
    /// operation owns what it uses, and values and errors can be cloned. It is for reads: what does something is not to be
    /// shared.
    ///
    /// # Errors
    /// [`Failed`], when neither the dependency, nor the cache, nor the policy's fallback gave a value.
    ///
    /// # Cancellation
    /// Dropping the future leaves the flight to those who wait for it, and cuts it off if nobody does.
    ///
    /// # Panics
    /// Outside of a tokio runtime, and when the operation panics in the flight that this call leads.
    pub async fn call_keyed<T, E, F, R>(
        &self,
        policy: &Policy<T, E>,
        key: impl Into<Key>,
        operation: F,
    ) -> Result<Answer<T>, Failed<E>>
    where
        T: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.call_keyed_with(policy, Request::new(), key, move |_| operation()).await
    }

    /// The same for operations that want to know about their attempt, and for calls of which more is known. The deadline of
    /// the request is that of this caller's wait; a flight has the policy's.
    ///
    /// # Errors
    /// [`Failed`], when neither the dependency, nor the cache, nor the policy's fallback gave a value.
    ///
    /// # Panics
    /// Outside of a tokio runtime, and when the operation panics in the flight that this call leads.
    pub async fn call_keyed_with<T, E, F, R>(
        &self,
        policy: &Policy<T, E>,
        request: Request,
        key: impl Into<Key>,
        operation: F,
    ) -> Result<Answer<T>, Failed<E>>
    where
        T: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
        F: Fn(Attempt) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
    {
        let Some(keyed) = &policy.keyed else { return self.call_with(policy, request, operation).await };
        let now = request.now.unwrap_or_else(Instant::now);
        let deadline = super::sooner(policy.deadline.map(|deadline| now + deadline), request.deadline);
        let keyed = keyed.keyed();
        let asked = Asked { caller: self, policy, keyed, key: key.into(), request, now, deadline };
        let spare = match asked.look() {
            Found::Answer(answer) => return Ok(answer),
            Found::AndRefresh(answer, seen) => {
                asked.refresh(operation, seen);
                return Ok(answer);
            }
            Found::Spare(entry) => Some(entry),
            Found::Nothing => None,
        };
        let seen = spare.as_ref().map(|entry| entry.stored_at);
        // Boxed, so that a hit does not carry the room for a fetch.
        let (outcome, source) = Box::pin(asked.fetched(Arc::new(operation), seen)).await;
        asked.concluded(outcome, source, spare)
    }
}

impl<T, E> Asked<'_, T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// Cache.
    fn look(&self) -> Found<T> {
        let Some(memory) = &self.keyed.memory else { return Found::Nothing };
        let kept = |entry: Entry<T>, source| Answer {
            value: entry.value,
            source,
            attempts: 0,
            verdict: Verdict::Success,
        };
        let (event, found) = match memory.look(&self.key, self.now, &self.caller.dice) {
            Lookup::Fresh(entry) => (Cached::Hit, Found::Answer(kept(entry, Source::Cached))),
            Lookup::Early(entry) => {
                let seen = entry.stored_at;
                (Cached::Early, Found::AndRefresh(kept(entry, Source::Cached), seen))
            }
            Lookup::Stale(entry) => {
                let seen = entry.stored_at;
                (Cached::Stale, Found::AndRefresh(kept(entry, Source::Stale), seen))
            }
            Lookup::OnError(entry) => (Cached::Miss, Found::Spare(entry)),
            Lookup::Miss => (Cached::Miss, Found::Nothing),
        };
        self.tell(&Event::Cache(event));
        found
    }

    /// Sees to a new value without waiting for it, unless somebody does already. Nobody waits, so the flight keeps the seat
    /// itself.
    fn refresh<F, R>(&self, operation: F, seen: Instant)
    where
        F: Fn(Attempt) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
    {
        if let Joined::Leads(seat, _line, (tell, cut_off)) = self.join() {
            let flight = self.flight(&seat, Arc::new(operation), Some(seen));
            tokio::spawn(async move {
                flight.run(tell, cut_off).await;
                drop(seat);
            });
        }
    }

    /// Coalescing: a flight that somebody leads, or going alone. Says where a good value came from.
    async fn fetched<F, R>(&self, operation: Arc<F>, seen: Option<Instant>) -> (Outcome<T, E>, Source)
    where
        F: Fn(Attempt) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
    {
        let Some(wait) = self.keyed.wait else { return self.alone(&*operation, None).await };
        let until = self.now + wait;
        loop {
            let (seat, line) = match self.join() {
                Joined::Apart => return self.alone(&*operation, Some(Alone::Apart)).await,
                Joined::Leads(seat, line, (tell, cut_off)) => {
                    let flight = self.flight(&seat, operation.clone(), seen);
                    let task = tokio::spawn(flight.run(tell, cut_off));
                    match self.led(line, task).await {
                        Some(led) => return led,
                        None => return self.alone(&*operation, None).await,
                    }
                }
                Joined::Follows(seat, line) => (seat, line),
            };
            let followed = self.followed(line, until).await;
            drop(seat);
            match followed {
                Followed::Outcome(outcome) => return (outcome, Source::Coalesced),
                Followed::Gone => {}
                Followed::Alone(why) => return self.alone(&*operation, Some(why)).await,
            }
        }
    }

    fn join(&self) -> Joined<Key, Line<T, E>, crate::keyed::Held, Own<T, E>> {
        self.keyed.flights.join(&self.key, Instant::now(), || {
            let (tell, line) = watch::channel(None);
            let (held, cut_off) = oneshot::channel();
            (line, held, (tell, cut_off))
        })
    }

    fn flight<F>(
        &self,
        seat: &FlightSeat<T, E>,
        operation: Arc<F>,
        seen: Option<Instant>,
    ) -> Flight<T, E, F> {
        Flight {
            caller: self.caller.clone(),
            policy: self.policy.clone(),
            flights: self.keyed.flights.clone(),
            number: seat.number(),
            key: self.key.clone(),
            request: self.request,
            seen,
            operation,
        }
    }

    /// Waits for the flight that this call leads, as long as its caller does. `None` when the runtime ended it.
    async fn led(&self, mut line: Line<T, E>, task: JoinHandle<()>) -> Option<(Outcome<T, E>, Source)> {
        let landed = match at_most(self.deadline, line.wait_for(Option::is_some)).await {
            None => return Some((Outcome::too_late(), Source::Fresh)),
            Some(Ok(landed)) => landed.clone(),
            // It ended without a word.
            Some(Err(_)) => None,
        };
        let Some(landed) = landed else {
            return match task.await {
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                Ok(()) | Err(_) => None,
            };
        };
        let source = if landed.attempts == 0 { Source::Cached } else { Source::Fresh };
        let (result, verdict) = (landed.result.clone(), landed.verdict);
        Some((Outcome { result, verdict, attempts: landed.attempts }, source))
    }

    /// Waits for another's flight.
    async fn followed(&self, mut line: Line<T, E>, until: Instant) -> Followed<T, E> {
        let began = Instant::now();
        let most = super::sooner(Some(until), self.deadline);
        let landed = match at_most(most, line.wait_for(Option::is_some)).await {
            None if self.deadline.is_some_and(|deadline| deadline <= until) => {
                return Followed::Outcome(Outcome::too_late());
            }
            None => return Followed::Alone(Alone::Waited),
            Some(Ok(landed)) => landed.clone(),
            Some(Err(_)) => None,
        };
        match landed {
            None => Followed::Gone,
            Some(landed) if landed.is_shared => {
                let waited = Instant::now().saturating_duration_since(began);
                self.tell(&Event::Coalesced { waited });
                // It was not asked for this call.
                let (result, verdict) = (landed.result.clone(), landed.verdict);
                Followed::Outcome(Outcome { result, verdict, attempts: 0 })
            }
            Some(_) => Followed::Alone(Alone::Private),
        }
    }

    /// A fetch for this call alone. It is kept like any other, unless it was begun because a flight took too long: two
    /// fetches of the same would be kept in the order in which they happen to end.
    async fn alone<F, R>(&self, operation: &F, why: Option<Alone>) -> (Outcome<T, E>, Source)
    where
        F: Fn(Attempt) -> R,
        R: Future<Output = Result<T, E>>,
    {
        if let Some(why) = why {
            self.tell(&Event::Alone(why));
        }
        let keyed = self.keyed;
        let memory = keyed.memory.as_ref().filter(|_| why != Some(Alone::Waited));
        let begun = memory.map(|memory| memory.begin(&self.key));
        let now = Instant::now();
        let Request { repeatable, resendable, .. } = self.request;
        let mut call = Call {
            caller: self.caller,
            policy: self.policy,
            repeatable,
            resendable,
            deadline: self.deadline,
            attempts: 0,
        };
        let outcome = call.retried(now, operation).await;
        let now = Instant::now();
        match outcome.good().map(|value| (value, (keyed.kind_of)(value))) {
            Some((value, Some(kind))) => {
                if let (Some(memory), Some(begun)) = (memory, begun) {
                    memory.keep(&self.key, begun, value, kind, now, &self.caller.dice);
                }
                keyed.flights.reunite(&self.key);
            }
            // As before, and so for a while longer.
            Some((_, None)) if keyed.wait.is_some() => {
                keyed.flights.set_apart(&self.key, now + APART, now);
            }
            Some((_, None)) | None => {}
        }
        (outcome, Source::Fresh)
    }

    /// Fallback: a stale value first, then the policy's substitute.
    fn concluded(
        &self,
        outcome: Outcome<T, E>,
        source: Source,
        spare: Option<Entry<T>>,
    ) -> Result<Answer<T>, Failed<E>> {
        let Outcome { result, verdict, attempts } = outcome;
        let Some(why) = wanted(&result, verdict) else {
            return finished_as(result, source, verdict, attempts);
        };
        if let Some(entry) = spare.filter(|entry| entry.serves_on_error(Instant::now())) {
            self.tell(&Event::Cache(Cached::OnError));
            return Ok(Answer {
                value: entry.value,
                source: Source::Stale,
                attempts,
                verdict: Verdict::Success,
            });
        }
        let substitute = self.policy.fallback.as_ref().and_then(|fallback| fallback(&why));
        let Some(value) = substitute else { return finished_as(result, source, verdict, attempts) };
        self.tell(&Event::Fallback(why));
        Ok(Answer { value, source: Source::Fallback, attempts, verdict })
    }

    fn tell(&self, event: &Event<'_>) {
        self.caller.tell(self.policy, event);
    }
}

/// What the leader of a flight needs for it.
type Own<T, E> = (crate::keyed::Tell<T, E>, crate::keyed::CutOff);

/// `None` when the time was over first.
async fn at_most<O>(deadline: Option<Instant>, future: impl Future<Output = O>) -> Option<O> {
    match deadline {
        None => Some(future.await),
        Some(deadline) => timeout_at(deadline, future).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_flight_is_left_behind_however_it_ends() {
        let policy = Policy::<u32, &str>::builder("users")
            .deadline(Duration::from_secs(1))
            .timeout(Duration::from_millis(100))
            .coalesce(true)
            .build()
            .unwrap();
        let caller = Caller::new();
        let flights = || policy.keyed.as_ref().unwrap().keyed().flights.len();
        caller.call_keyed(&policy, "good", || async { Ok(1) }).await.unwrap();
        caller.call_keyed(&policy, "bad", || async { Err("down") }).await.unwrap_err();
        caller.call_keyed(&policy, "late", pending).await.unwrap_err();
        let (theirs, ours) = (policy.clone(), caller.clone());
        let bug =
            tokio::spawn(async move { ours.call_keyed(&theirs, "bug", || async { panic!("a bug") }).await });
        assert!(bug.await.unwrap_err().is_panic());
        assert_eq!(flights(), 0);
        let dropped = tokio::time::timeout(Duration::ZERO, caller.call_keyed(&policy, "dropped", pending));
        assert!(dropped.await.is_err());
        assert_eq!(flights(), 0);
    }
}
