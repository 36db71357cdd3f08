//! Which fetches are under way, for all cores of the process.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::{
    flight::{Flight, Room, Waiter},
    key::Key,
    purges::{Moment, Purges, Tag},
};

/// Workers meet here only when they miss, and then seldom at the same key.
const SHARDS: usize = 16;
/// How long what turned out to be for one only is not waited for (hit-for-miss): waiting would only cost time.
const ALONE_FOR: Duration = Duration::from_secs(120);
/// Keys of that kind that are remembered, for each shard. With more, the oldest knowledge goes first.
const MAX_ALONE: usize = 1_024;
/// Fetches that nobody waits for: refreshes, and what fills the cache ahead.
const MAX_BACKGROUND: usize = 256;

/// All fetches under way.
#[derive(Debug)]
pub(crate) struct Flights {
    shards: [Mutex<Shard>; SHARDS],
    room: Arc<Room>,
    largest: usize,
    background: Arc<()>,
}

#[derive(Debug, Default)]
struct Shard {
    flights: FxHashMap<Key, Ticket>,
    /// Until when a key is fetched by each for itself.
    alone: FxHashMap<Key, Instant>,
}

/// A fetch that may be joined.
#[derive(Debug)]
struct Ticket {
    flight: Arc<Flight>,
    begun: Moment,
}

/// What there is to do about a miss.
#[derive(Debug)]
pub(crate) enum Joined {
    /// Nobody else fetches it.
    Lead(Leader, Waiter),
    /// Somebody does.
    Follow(Waiter),
    /// It is of the kind that each fetches for itself.
    Alone,
}

/// The duty to fetch. Dropped, the flight is over.
#[derive(Debug)]
pub(crate) struct Leader {
    pub(crate) flight: Arc<Flight>,
    /// When the fetch began, as invalidations go.
    pub(crate) begun: Moment,
    key: Key,
    flights: Arc<Flights>,
    /// Counts it among those that nobody waits for.
    _background: Option<Arc<()>>,
}

impl Flights {
    /// `room` is what the bodies of all fetches may take together, `largest` what one may, in bytes.
    pub(crate) fn new(room: usize, largest: usize) -> Arc<Self> {
        Arc::new(Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            room: Arc::new(Room::new(room)),
            largest,
            background: Arc::default(),
        })
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, Shard> {
        self.shards[key.shard(SHARDS)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the fetch of `key`, or begins it. A fetch that began before one of `tags` was invalidated is left to those who
    /// wait for it already.
    pub(crate) fn join(self: &Arc<Self>, key: Key, tags: &[Tag], purges: &Purges, now: Instant) -> Joined {
        let begun = purges.now();
        let mut shard = self.shard(key);
        if shard.alone.get(&key).is_some_and(|until| now < *until) {
            return Joined::Alone;
        }
        let known = shard.flights.get(&key).filter(|ticket| purges.stood(ticket.begun, tags));
        if let Some(waiter) = known.and_then(|ticket| ticket.flight.join()) {
            return Joined::Follow(waiter);
        }
        let (flight, waiter) = Flight::joined(self.room.clone(), self.largest);
        shard.flights.insert(key, Ticket { flight: flight.clone(), begun });
        drop(shard);
        Joined::Lead(Leader { flight, begun, key, flights: self.clone(), _background: None }, waiter)
    }

    /// A fetch that nobody joins: for routes that do not want it.
    pub(crate) fn by_itself(self: &Arc<Self>, key: Key, purges: &Purges) -> (Leader, Waiter) {
        let (flight, waiter) = Flight::joined(self.room.clone(), self.largest);
        let leader = Leader { flight, begun: purges.now(), key, flights: self.clone(), _background: None };
        (leader, waiter)
    }

    /// Begins to fetch `key` with nobody who waits. `None` when that is done already, when there is too much of it, or
    /// when the answer would not be kept.
    pub(crate) fn refresh(self: &Arc<Self>, key: Key, purges: &Purges, now: Instant) -> Option<Leader> {
        let background = self.background.clone();
        if Arc::strong_count(&background) > MAX_BACKGROUND + 1 {
            return None;
        }
        let begun = purges.now();
        let mut shard = self.shard(key);
        let is_alone = shard.alone.get(&key).is_some_and(|until| now < *until);
        if is_alone || shard.flights.contains_key(&key) {
            return None;
        }
        let flight = Flight::new(self.room.clone(), self.largest, true);
        shard.flights.insert(key, Ticket { flight: flight.clone(), begun });
        drop(shard);
        Some(Leader { flight, begun, key, flights: self.clone(), _background: Some(background) })
    }

    /// Fetches under way.
    pub(crate) fn len(&self) -> usize {
        let locked =
            |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).flights.len();
        self.shards.iter().map(locked).sum()
    }

    /// Bytes of bodies that they hold.
    pub(crate) fn held(&self) -> usize {
        self.room.held()
    }
}

impl Leader {
    /// Whoever comes from now on begins anew.
    pub(crate) fn forget(&self) {
        self.flights.shard(self.key).remove(self.key, &self.flight);
    }

    /// The answer is for one only: for a while nobody waits for answers of this kind.
    pub(crate) fn is_for_one_only(&self, now: Instant) {
        let mut shard = self.flights.shard(self.key);
        shard.remove(self.key, &self.flight);
        if shard.alone.len() >= MAX_ALONE {
            shard.alone.retain(|_, until| now < *until);
        }
        if shard.alone.len() >= MAX_ALONE
            && let Some(oldest) = shard.alone.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key)
        {
            shard.alone.remove(&oldest);
        }
        shard.alone.insert(self.key, now + ALONE_FOR);
    }

    /// The answer is for everybody after all.
    pub(crate) fn is_for_all(&self) {
        self.flights.shard(self.key).alone.remove(&self.key);
    }
}

impl Shard {
    fn remove(&mut self, key: Key, flight: &Arc<Flight>) {
        if self.flights.get(&key).is_some_and(|ticket| Arc::ptr_eq(&ticket.flight, flight)) {
            self.flights.remove(&key);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.forget();
        self.flight.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flights() -> (Arc<Flights>, Purges, Instant) {
        (Flights::new(1 << 20, 1 << 10), Purges::default(), Instant::now())
    }

    const TAG: Tag = Tag(1);

    #[tokio::test]
    async fn one_leads_and_the_others_follow_until_it_is_over() {
        let (flights, purges, now) = flights();
        let Joined::Lead(leader, _waiter) = flights.join(Key::numbered(7), &[], &purges, now) else {
            panic!("nobody leads")
        };
        assert!(matches!(flights.join(Key::numbered(7), &[], &purges, now), Joined::Follow(_)));
        assert!(matches!(flights.join(Key::numbered(8), &[], &purges, now), Joined::Lead(..)));
        assert!(flights.refresh(Key::numbered(7), &purges, now).is_none());
        drop(leader);
        assert!(matches!(flights.join(Key::numbered(7), &[], &purges, now), Joined::Lead(..)));
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn nobody_joins_what_began_before_it_was_invalidated() {
        let (flights, purges, now) = flights();
        let Joined::Lead(old, _waiter) = flights.join(Key::numbered(7), &[TAG], &purges, now) else {
            panic!("nobody leads")
        };
        purges.invalidate([TAG]);
        let Joined::Lead(new, _other) = flights.join(Key::numbered(7), &[TAG], &purges, now) else {
            panic!("joined the past")
        };
        assert!(old.begun < new.begun);
        // The old one ends without taking the new one along.
        drop(old);
        assert!(matches!(flights.join(Key::numbered(7), &[TAG], &purges, now), Joined::Follow(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_for_one_only_is_not_waited_for_for_a_while() {
        let (flights, purges, now) = flights();
        let Joined::Lead(leader, _waiter) = flights.join(Key::numbered(7), &[], &purges, now) else {
            panic!("nobody leads")
        };
        leader.is_for_one_only(now);
        assert!(matches!(flights.join(Key::numbered(7), &[], &purges, now), Joined::Alone));
        assert!(flights.refresh(Key::numbered(7), &purges, now).is_none());
        assert!(matches!(flights.join(Key::numbered(7), &[], &purges, now + ALONE_FOR), Joined::Lead(..)));
        for key in 0..40_000 {
            let (leader, _waiter) = flights.by_itself(Key::numbered(key), &purges);
            leader.is_for_one_only(now);
        }
        let known: usize = flights.shards.iter().map(|shard| shard.lock().unwrap().alone.len()).sum();
        assert!(known <= SHARDS * MAX_ALONE, "{known}");
    }

    #[tokio::test]
    async fn refreshes_are_bounded() {
        let (flights, purges, now) = flights();
        let many = (0..600).filter_map(|key| flights.refresh(Key::numbered(key), &purges, now));
        let many: Vec<_> = many.collect();
        assert_eq!(many.len(), MAX_BACKGROUND);
        drop(many);
        assert!(flights.refresh(Key::numbered(7), &purges, now).is_some());
    }
}
