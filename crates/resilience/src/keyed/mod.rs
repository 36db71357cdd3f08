//! What a policy does for calls with a key: what it keeps of answers, and which calls share one.

mod key;
#[cfg(feature = "cache")]
mod memory;

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

pub use self::key::Key;
#[cfg(feature = "cache")]
pub(crate) use self::memory::InStore;
use crate::{
    answer::CallError,
    cache::{Kind, Lookup},
    coalesce::{Seat, Table},
    dice::Dice,
    verdict::Verdict,
};

/// What a value is to those who ask for the same key; `None` when it is for its caller alone.
pub(crate) type KindOf<T> = dyn Fn(&T) -> Option<Kind> + Send + Sync;

/// What a flight came to.
#[derive(Debug)]
pub(crate) struct Landed<T, E> {
    pub(crate) result: Result<T, CallError<E>>,
    pub(crate) verdict: Verdict,
    /// How often the dependency was asked. 0: the value had come into the cache meanwhile.
    pub(crate) attempts: u32,
    /// Whether it is for those who followed, too.
    pub(crate) is_shared: bool,
}

/// How a follower learns what its flight came to. It ends without a word when the flight was cut off or panicked.
pub(crate) type Line<T, E> = watch::Receiver<Option<Arc<Landed<T, E>>>>;
/// How a flight tells.
pub(crate) type Tell<T, E> = watch::Sender<Option<Arc<Landed<T, E>>>>;
/// What holds a flight up.
pub(crate) type Held = oneshot::Sender<Infallible>;
/// What a flight notices its cut-off by.
pub(crate) type CutOff = oneshot::Receiver<Infallible>;
pub(crate) type Flights<T, E> = Table<Key, Line<T, E>, Held>;
pub(crate) type FlightSeat<T, E> = Seat<Key, Line<T, E>, Held>;

/// What a policy does for calls with a key.
pub(crate) struct Keyed<T, E> {
    /// How long a follower waits; `None` when calls go each for itself.
    pub(crate) wait: Option<Duration>,
    pub(crate) flights: Arc<Flights<T, E>>,
    pub(crate) memory: Option<Box<dyn Memory<T>>>,
    pub(crate) kind_of: Arc<KindOf<T>>,
}

/// Whoever has a [`Keyed`]. A policy does not know whether its values can be sent to other threads, as most never are; its
/// builder does where it makes one of these, and a trait object keeps that knowledge to itself.
pub(crate) trait HasKeyed<T, E>: Send + Sync {
    fn keyed(&self) -> &Keyed<T, E>;
    /// Drops what there is for a key.
    fn invalidate(&self, key: &Key);
}

/// What is kept of answers.
pub(crate) trait Memory<T>: Send + Sync {
    fn look(&self, key: &Key, now: Instant, dice: &Dice) -> Lookup<T>;
    /// To be called before a value is fetched; the number belongs to [`keep`](Self::keep).
    fn begin(&self, key: &Key) -> Begun;
    fn keep(&self, key: &Key, begun: Begun, value: &T, kind: Kind, now: Instant, dice: &Dice);
    fn forget(&self, key: &Key);
}

/// When a fetch began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    #[cfg_attr(not(feature = "cache"), expect(dead_code, reason = "only a store wants to know"))]
    pub(crate) at: Instant,
    #[cfg(feature = "cache")]
    pub(crate) fill: crate::cache::Fill,
}

impl<T, E> HasKeyed<T, E> for Keyed<T, E>
where
    T: Clone + Send + Sync,
    E: Clone + Send + Sync,
{
    fn keyed(&self) -> &Keyed<T, E> {
        self
    }

    fn invalidate(&self, key: &Key) {
        // In this order: what is fetched by callers that come from now on was asked for after the write.
        if let Some(memory) = &self.memory {
            memory.forget(key);
        }
        self.flights.forget(key);
    }
}

impl<T, E> fmt::Debug for Keyed<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("wait", &self.wait).finish_non_exhaustive()
    }
}
