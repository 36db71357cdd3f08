//! Finding a value, or waiting until somebody else has put it there.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use crate::{
    frame::{Frame, most_bytes},
    level::Handle,
    names::Key,
    reason::Reason,
    reply::{What, looked},
    stamp::Stamp,
};

/// How long a waiter pauses before it looks the first time: most of what is shared is made within a few of these.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// How long it pauses at most: what a waiter loses at the end, for at most twenty questions a second.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What a lookup came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Lookup {
    /// It is there.
    Found(Found),
    /// It is not there; whoever needs it should take the lease and fill it.
    Absent(Absence),
    /// There is no telling. Go on without this level.
    Unavailable(Reason),
}

/// A value that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The value.
    pub value: Bytes,
    /// What it was filled with: an invalidation of any of these ends it.
    pub tags: Vec<u64>,
    /// How much longer it may be used. More than nothing.
    pub remaining: Duration,
    /// When its filler took the lease. Of two values under one key, the one with the later stamp is the newer.
    pub stamp: Stamp,
}

/// Why nothing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Absence {
    /// It was never filled, or has expired, or was evicted.
    Missing,
    /// What is there was invalidated, here or elsewhere, after its lease was taken.
    Invalidated,
    /// What is there is not what anybody stored.
    Garbage,
}

/// What waiting for somebody else's fill came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Waited {
    /// The other has filled it.
    Found(Found),
    /// There is nothing to wait for any longer.
    GiveUp(GiveUp),
}

/// Why a waiter gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GiveUp {
    /// The other took too long.
    Late,
    /// The other gave the lease back, or it ended, and there is no value: the lease is free to be taken.
    Free,
    /// Redis was of no help.
    Unavailable(Reason),
}

impl Handle {
    /// Looks for the value under this key, in one round trip.
    pub async fn get(&self, key: &Key) -> Lookup {
        let (lookup, _) = self.look(key).await;
        let counters = &self.shared.counters;
        match &lookup {
            Lookup::Found(_) => counters.hits.one(),
            Lookup::Absent(Absence::Missing) => counters.misses.one(),
            Lookup::Absent(Absence::Invalidated) => counters.invalidated.one(),
            Lookup::Absent(Absence::Garbage) => counters.garbage.one(),
            // Counted where it was noticed.
            Lookup::Unavailable(_) => {}
        }
        lookup
    }

    /// Waits until whoever has the lease has filled the value, and at most so long. It looks after 2 ms, then at growing
    /// intervals of up to 50 ms.
    pub async fn wait_for(&self, key: &Key, at_most: Duration) -> Waited {
        let waited = self.wait(key, at_most).await;
        match waited {
            Waited::Found(_) => self.shared.counters.waits_found.one(),
            Waited::GiveUp(_) => self.shared.counters.waits_given_up.one(),
        }
        waited
    }

    async fn wait(&self, key: &Key, at_most: Duration) -> Waited {
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let left = at_most.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Waited::GiveUp(GiveUp::Late);
            }
            // Half of it is chance, so that those who wait for the same do not ask in step.
            let jittered = pause / 2 + self.shared.dice.up_to(pause / 2);
            sleep(jittered.min(left)).await;
            match self.look(key).await {
                (Lookup::Found(found), _) => return Waited::Found(found),
                (Lookup::Absent(_), Held(false)) => return Waited::GiveUp(GiveUp::Free),
                (Lookup::Absent(_), Held(true)) => {}
                (Lookup::Unavailable(reason), _) => return Waited::GiveUp(GiveUp::Unavailable(reason)),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The lookup, and whether somebody has the lease.
    async fn look(&self, key: &Key) -> (Lookup, Held) {
        let (names, max_value) = (&self.shared.names, self.shared.settings.max_value);
        let script = self.shared.scripts.get.on([&names.value(key), &names.lease(key), &names.all]);
        let script = script.with(most_bytes(max_value)).with(&names.tags);
        let looked = match self.call(&script, looked).await {
            Ok(looked) => looked,
            Err(reason) => return (Lookup::Unavailable(reason), Held(false)),
        };
        let lookup = match looked.what {
            What::Absent => Lookup::Absent(Absence::Missing),
            What::Invalidated => Lookup::Absent(Absence::Invalidated),
            What::Garbage => Lookup::Absent(Absence::Garbage),
            What::Found { now_ms, left_ms, frame } => match Frame::decode(key, frame, max_value) {
                Some(frame) => self.believe(key, frame, remaining(now_ms, left_ms)),
                None => Lookup::Absent(Absence::Garbage),
            },
        };
        (lookup, Held(looked.held))
    }

    /// Redis may not know yet what this node has invalidated.
    fn believe(&self, key: &Key, frame: Frame, remaining: impl Fn(&Frame) -> Duration) -> Lookup {
        if self.shared.pending().covers(key, &frame.tags) {
            return Lookup::Absent(Absence::Invalidated);
        }
        let remaining = remaining(&frame);
        if remaining.is_zero() {
            return Lookup::Absent(Absence::Missing);
        }
        let Frame { value, tags, stamp, .. } = frame;
        Lookup::Found(Found { value, tags, remaining, stamp })
    }
}

/// Whether somebody has the lease.
struct Held(bool);

/// How long a frame may be used that was read at `now_ms` and that Redis keeps for `left_ms`, negative when it knows no
/// end. All by the same clock, which is that of Redis.
fn remaining(now_ms: u64, left_ms: i64) -> impl Fn(&Frame) -> Duration {
    move |frame| {
        let by_frame = frame.expires_ms.saturating_sub(now_ms);
        let by_redis = u64::try_from(left_ms).unwrap_or(u64::MAX);
        Duration::from_millis(by_frame.min(by_redis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(expires_ms: u64, now_ms: u64, left_ms: i64) -> u64 {
        let frame = Frame { value: Bytes::new(), tags: Vec::new(), stamp: Stamp::of(1), expires_ms };
        u64::try_from(remaining(now_ms, left_ms)(&frame).as_millis()).unwrap()
    }

    #[test]
    fn the_earlier_end_counts() {
        assert_eq!(left(1_000, 400, 500), 500);
        assert_eq!(left(1_000, 600, 500), 400);
        assert_eq!(left(1_000, 1_000, 500), 0, "it outlived itself in Redis");
        assert_eq!(left(1_000, 400, -1), 600, "somebody took its end away in Redis");
    }
}
