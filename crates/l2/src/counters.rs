//! Counting what happens, for whoever turns it into metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What happened so far. Every number only grows.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counts { $($(#[$doc])* pub $name: u64,)* }

        /// Counts, as they are counted.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        impl Counters {
            /// Not at one instant: each number is right, and together they may be a few calls apart.
            pub(crate) fn read(&self) -> Counts {
                Counts { $($name: self.$name.0.load(Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Lookups that found a value.
    hits,
    /// Lookups that found nothing, or what had expired.
    misses,
    /// Lookups that found a value that was invalidated after it was leased.
    invalidated,
    /// Values that are not ours, and answers that are none.
    garbage,
    /// Calls that the deadline ended.
    late,
    /// Calls that failed: no connection, or Redis answered with an error.
    broken,
    /// Calls not made because the breaker was open.
    skipped,
    /// Writes that Redis refused because its memory is full.
    full,
    /// Values stored.
    stores,
    /// Leases won.
    leases_won,
    /// Leases that somebody else held.
    leases_held,
    /// Fills whose lease had ended or was taken away.
    leases_lost,
    /// Fills that came after an invalidation of what they would have stored.
    fenced,
    /// Waits for somebody else's fill that ended with a value.
    waits_found,
    /// Waits for somebody else's fill that ended without one.
    waits_given_up,
    /// Calls to Redis that delivered invalidations.
    deliveries,
    /// Invalidations that could not be delivered at once.
    queued,
    /// Times that the queue overflowed, so that everything was invalidated in its place.
    overflows,
    /// Connections opened.
    connections,
}

/// One number.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }
}
