//! One filler for each key over all nodes.
//!
//! When a popular value expires, every node misses it at once, and all ask the backend for the same. A lease lets one of
//! them ask while the others wait. It also fences: a value that was fetched before an invalidation and arrives after it
//! is old, and the lease's stamp tells (Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{runtime, time::Instant};

use crate::{
    frame::{Frame, MOST_TAGS},
    level::Handle,
    names::Key,
    reason::Reason,
    reply::{FillReply, Leased, filled, leased, one_of},
    stamp::Stamp,
};

/// What asking for the lease came to.
#[derive(Debug)]
#[must_use]
pub enum Lease {
    /// It is ours: fetch the value and fill it.
    Won(Token),
    /// Somebody else fills it now; wait for that.
    Held,
    /// There is no telling. Go on without this level.
    Unavailable(Reason),
}

/// What filling came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub enum Fill {
    /// The value is there for all nodes.
    Stored,
    /// Something the value depends on was invalidated while it was fetched, so it may be old, and was not stored. The same
    /// happens when Redis has dropped a tag's stamp, since that may have been an invalidation.
    Fenced,
    /// The lease ended before, or the key was deleted.
    Lost,
    /// The value is longer than the settings allow, has more than 256 tags, or no life left.
    Unfit,
    /// Redis was of no help.
    Unavailable(Reason),
}

/// A lease that is ours. It is given back when it is filled, released or dropped, and else ends by itself.
#[derive(Debug)]
pub struct Token {
    handle: Handle,
    key: Key,
    secret: [u8; 16],
    stamp: Stamp,
    taken: Instant,
    /// It is still to be given back.
    ours: bool,
}

impl Handle {
    /// Asks to be the one who fills this key. Whoever wins has as long as the settings say.
    pub async fn lease(&self, key: &Key) -> Lease {
        let mut secret = [0; 16];
        if getrandom::fill(&mut secret).is_err() {
            return Lease::Unavailable(Reason::Broken);
        }
        let (names, counters) = (&self.shared.names, &self.shared.counters);
        // From before the question: the lease begins in Redis, and nobody should think it longer than it is.
        let taken = Instant::now();
        let script = self.shared.scripts.lease.on([&names.lease(key), &names.clock, &names.all]);
        let script = script.with(secret.as_slice()).with(millis(self.shared.settings.lease));
        match self.call(&script, leased).await {
            Ok(Leased::Won(stamp)) => {
                counters.leases_won.one();
                Lease::Won(Token { handle: self.clone(), key: *key, secret, stamp, taken, ours: true })
            }
            Ok(Leased::Held) => {
                counters.leases_held.one();
                Lease::Held
            }
            Ok(Leased::Full) => {
                counters.full.one();
                Lease::Unavailable(Reason::Full)
            }
            Ok(Leased::Refused) => {
                counters.broken.one();
                Lease::Unavailable(Reason::Broken)
            }
            Err(reason) => Lease::Unavailable(reason),
        }
    }

    async fn give_back(&self, key: &Key, secret: &[u8; 16]) {
        let script = self.shared.scripts.release.on([self.shared.names.lease(key)]).with(secret.as_slice());
        // Whatever comes of it, the lease ends: now, or when its time is over.
        self.call(&script, |reply| one_of(reply, &["released", "lost"])).await.ok();
    }
}

impl Token {
    /// The key it is for.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// The moment that every later invalidation comes after.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Stores the value for `ttl` (cut to the longest life of the settings, down to milliseconds) and gives the lease back.
    /// Nothing is stored if any of the tags, the key or everything was invalidated since the lease was taken.
    pub async fn fill(mut self, value: Bytes, ttl: Duration, tags: &[u64]) -> Fill {
        let shared = Arc::clone(&self.handle.shared);
        let ttl = ttl.min(shared.settings.longest_life);
        let frame = self.frame(value, ttl, tags);
        let Some(bytes) = frame.filter(|frame| frame.value.len() <= shared.settings.max_value) else {
            return Fill::Unfit;
        };
        let Some(bytes) = bytes.encode(&self.key).filter(|_| millis(ttl) > 0) else {
            return Fill::Unfit;
        };
        // Redis does not know of these yet, and would take it.
        if shared.pending().covers(&self.key, tags) {
            shared.counters.fenced.one();
            return Fill::Fenced;
        }
        let names = &shared.names;
        let (value, lease) = (names.value(&self.key), names.lease(&self.key));
        let script = shared.scripts.fill.on([&value, &lease, &names.clock, &names.all]);
        let script = script.with(self.secret.as_slice()).with(bytes).with(millis(ttl)).with(&names.tags);
        let script = script.with(millis(shared.settings.tag_life()));
        let reply = self.handle.call(&script, filled).await;
        // The script has given it back, whatever it answered; without an answer there is no telling.
        self.ours = reply.is_err();
        self.filled(reply)
    }

    /// The same lease, as if it had been taken no later than `first`: for what was fetched under that lease and is to lie
    /// under this key too. An invalidation between the two is meant for it as well, and fences it.
    #[must_use]
    pub fn as_of(mut self, first: &Self) -> Self {
        if first.stamp < self.stamp {
            (self.stamp, self.taken) = (first.stamp, first.taken);
        }
        self
    }

    /// Gives the lease back without a value, so that whoever waits may try.
    pub async fn release(mut self) {
        self.ours = false;
        self.handle.give_back(&self.key, &self.secret).await;
    }

    fn frame(&self, value: Bytes, ttl: Duration, tags: &[u64]) -> Option<Frame> {
        // By the clock of Redis, as the stamp is: what has passed since is measured here.
        let since = millis(self.taken.elapsed());
        let expires_ms = self.stamp.millis().saturating_add(since).saturating_add(millis(ttl));
        (tags.len() <= MOST_TAGS).then(|| Frame { value, tags: tags.to_vec(), stamp: self.stamp, expires_ms })
    }

    fn filled(&self, reply: Result<FillReply, Reason>) -> Fill {
        let counters = &self.handle.shared.counters;
        let (counter, fill) = match reply {
            Ok(FillReply::Stored) => (&counters.stores, Fill::Stored),
            Ok(FillReply::Fenced) => (&counters.fenced, Fill::Fenced),
            Ok(FillReply::Lost) => (&counters.leases_lost, Fill::Lost),
            Ok(FillReply::Full) => (&counters.full, Fill::Unavailable(Reason::Full)),
            Ok(FillReply::Refused) => (&counters.broken, Fill::Unavailable(Reason::Broken)),
            Err(reason) => return Fill::Unavailable(reason),
        };
        counter.one();
        fill
    }
}

impl Drop for Token {
    /// Gives the lease back in the background. Where no runtime is left to do it, it ends when its time is over.
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        if let Ok(runtime) = runtime::Handle::try_current() {
            let (handle, key, secret) = (self.handle.clone(), self.key, self.secret);
            // It ends within the deadline, so nobody needs to own it.
            drop(runtime.spawn(async move { handle.give_back(&key, &secret).await }));
        }
    }
}

/// Milliseconds, as the scripts take them.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
