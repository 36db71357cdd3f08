//! Who waits for which flight. All that can be raced for is decided here, under one lock that is held for moments.
//!
//! | event | there is no flight for the key | there is one |
//! |---|---|---|
//! | join | the caller leads a new one | the caller follows |
//! | leave | | one fewer waits; with the last one the flight is cut off and taken out |
//! | finish | nothing | it is taken out; those who wait have their seats still |
//! | forget | nothing | whoever comes next leads a new one; this one goes on for those who wait |
//!
//! A flight is known by a number, as a key may have had several: what an old one does late never touches a new one.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, PoisonError},
};

use tokio::time::Instant;

use super::apart::Apart;
use crate::sync::{Mutex, MutexGuard};

/// Flights under way. `L` is how a follower learns of the end; `H` is what holds a flight up: it is dropped to cut it off.
#[derive(Debug)]
pub(crate) struct Table<K, L, H>(Mutex<Inner<K, L, H>>);

#[derive(Debug)]
struct Inner<K, L, H> {
    by_key: HashMap<K, u64>,
    flights: HashMap<u64, Flight<K, L, H>>,
    numbers: u64,
    apart: Apart<K>,
}

#[derive(Debug)]
struct Flight<K, L, H> {
    key: K,
    waiting: usize,
    line: L,
    /// Kept, and never looked at.
    _held: H,
}

/// A place among those who wait for a flight. Dropping it is leaving.
#[derive(Debug)]
#[must_use = "dropping a seat is leaving"]
pub(crate) struct Seat<K: Eq + Hash, L, H> {
    table: Arc<Table<K, L, H>>,
    number: u64,
}

/// What became of joining.
#[derive(Debug)]
pub(crate) enum Joined<K: Eq + Hash, L, H, X> {
    /// There was no flight: this caller sees to it that there is one, with what it needs for that.
    Leads(Seat<K, L, H>, L, X),
    /// There is one.
    Follows(Seat<K, L, H>, L),
    /// Calls with this key are not joined for now.
    Apart,
}

impl<K: Clone + Eq + Hash, L: Clone, H> Table<K, L, H> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Inner {
            by_key: HashMap::new(),
            flights: HashMap::new(),
            numbers: 0,
            apart: Apart::new(),
        }))
    }

    /// Joins the flight for a key, or makes one of what `begin` gives.
    pub(crate) fn join<X>(
        self: &Arc<Self>,
        key: &K,
        now: Instant,
        begin: impl FnOnce() -> (L, H, X),
    ) -> Joined<K, L, H, X> {
        let mut inner = self.lock();
        if inner.apart.holds(key, now) {
            return Joined::Apart;
        }
        let seat = |number| Seat { table: self.clone(), number };
        if let Some(number) = inner.by_key.get(key).copied()
            && let Some(flight) = inner.flights.get_mut(&number)
        {
            flight.waiting += 1;
            return Joined::Follows(seat(number), flight.line.clone());
        }
        let (line, held, own) = begin();
        let number = inner.numbers;
        inner.numbers = number.wrapping_add(1);
        inner.by_key.insert(key.clone(), number);
        inner
            .flights
            .insert(number, Flight { key: key.clone(), waiting: 1, line: line.clone(), _held: held });
        Joined::Leads(seat(number), line, own)
    }

    /// The next caller of this key leads a new flight.
    pub(crate) fn forget(&self, key: &K) {
        let mut inner = self.lock();
        inner.by_key.remove(key);
        inner.apart.unmark(key);
    }

    /// Calls with this key are not joined until then.
    pub(crate) fn set_apart(&self, key: &K, until: Instant, now: Instant) {
        self.lock().apart.mark(key, until, now);
    }

    /// They are joined again.
    pub(crate) fn reunite(&self, key: &K) {
        self.lock().apart.unmark(key);
    }

    /// How many flights are under way.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().flights.len()
    }
}

impl<K: Eq + Hash, L, H> Table<K, L, H> {
    /// A flight has come to its end.
    pub(crate) fn finish(&self, number: u64) {
        let ended = self.lock().remove(number);
        // What was held may run code of others when it is dropped, and that must not be done under the lock.
        drop(ended);
    }

    fn leave(&self, number: u64) {
        let mut inner = self.lock();
        let Some(flight) = inner.flights.get_mut(&number) else { return };
        flight.waiting -= 1;
        let abandoned = if flight.waiting == 0 { inner.remove(number) } else { None };
        drop(inner);
        drop(abandoned);
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, L, H>> {
        // Nothing that is done under the lock panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, L, H> Inner<K, L, H> {
    fn remove(&mut self, number: u64) -> Option<Flight<K, L, H>> {
        let flight = self.flights.remove(&number)?;
        // A forgotten flight's key may belong to another by now.
        if self.by_key.get(&flight.key) == Some(&number) {
            self.by_key.remove(&flight.key);
        }
        Some(flight)
    }
}

impl<K: Eq + Hash, L, H> Seat<K, L, H> {
    /// The number of the flight it belongs to.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }
}

impl<K: Eq + Hash, L, H> Drop for Seat<K, L, H> {
    fn drop(&mut self) {
        self.table.leave(self.number);
    }
}
