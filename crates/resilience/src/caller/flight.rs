//! A fetch that belongs to no caller: it runs on a task of its own, for all who wait for it.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Call, Caller, Outcome};
use crate::{
    cache::Lookup,
    coalesce::APART,
    keyed::{CutOff, Flights, Key, Keyed, Landed, Tell},
    policy::Policy,
    request::{Attempt, Request},
    verdict::Verdict,
};

/// A fetch about to begin.
pub(super) struct Flight<T, E, F> {
    pub(super) caller: Caller,
    pub(super) policy: Policy<T, E>,
    pub(super) flights: Arc<Flights<T, E>>,
    pub(super) number: u64,
    pub(super) key: Key,
    pub(super) request: Request,
    /// When the value came that was not good enough.
    pub(super) seen: Option<Instant>,
    pub(super) operation: Arc<F>,
}

/// Takes a flight out of the table when it ends in whatever way; before those who wait learn of it, or one of them could
/// join it once more.
struct Landing<T, E> {
    flights: Arc<Flights<T, E>>,
    number: u64,
    tell: Tell<T, E>,
}

impl<T, E, F, R> Flight<T, E, F>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    F: Fn(Attempt) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, E>> + Send + 'static,
{
    /// Flies until it has landed, or nobody waits any more.
    pub(super) async fn run(self, tell: Tell<T, E>, cut_off: CutOff) {
        let landing = Landing { flights: self.flights.clone(), number: self.number, tell };
        tokio::select! {
            biased;
            landed = self.fly() => landing.land(landed),
            _nobody_waits = cut_off => {}
        }
    }

    async fn fly(&self) -> Landed<T, E> {
        let Some(keyed) = self.policy.keyed.as_ref().map(|keyed| keyed.keyed()) else {
            return self.fetch().await.landed(true);
        };
        if let Some(value) = self.come_meanwhile(keyed) {
            let verdict = Verdict::Success;
            return Landed { result: Ok(value), verdict, attempts: 0, is_shared: true };
        }
        let begun = keyed.memory.as_ref().map(|memory| memory.begin(&self.key));
        let outcome = self.fetch().await;
        // What all have met is told to all.
        let Some(value) = outcome.good() else { return outcome.landed(true) };
        let now = Instant::now();
        let Some(kind) = (keyed.kind_of)(value) else {
            keyed.flights.set_apart(&self.key, now + APART, now);
            return outcome.landed(false);
        };
        if let (Some(memory), Some(begun)) = (&keyed.memory, begun) {
            memory.keep(&self.key, begun, value, kind, now, &self.caller.dice);
        }
        outcome.landed(true)
    }

    /// What another flight brought after this caller had looked into the cache, and before it took off.
    fn come_meanwhile(&self, keyed: &Keyed<T, E>) -> Option<T> {
        match keyed.memory.as_ref()?.look(&self.key, Instant::now(), &self.caller.dice) {
            Lookup::Fresh(entry) | Lookup::Early(entry) if Some(entry.stored_at) != self.seen => {
                Some(entry.value)
            }
            _ => None,
        }
    }

    async fn fetch(&self) -> Outcome<T, E> {
        let now = Instant::now();
        let Request { repeatable, resendable, .. } = self.request;
        let deadline = self.policy.deadline.map(|deadline| now + deadline);
        let (caller, policy) = (&self.caller, &self.policy);
        let mut call = Call { caller, policy, repeatable, resendable, deadline, attempts: 0 };
        call.retried(now, &*self.operation).await
    }
}

impl<T, E> Landing<T, E> {
    fn land(self, landed: Landed<T, E>) {
        self.flights.finish(self.number);
        self.tell.send_replace(Some(Arc::new(landed)));
    }
}

impl<T, E> Drop for Landing<T, E> {
    fn drop(&mut self) {
        self.flights.finish(self.number);
    }
}
