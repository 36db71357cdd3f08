//! Telling Redis, and through it all nodes, what is no longer true.

use std::{convert::Infallible, time::Duration};

use tokio::time::sleep;

use crate::{
    invalidation::Invalidation, level::Handle, names::Key, pending::Batch, reason::Reason, reply::one_of,
};

/// How much one call delivers: few enough that nobody waits long for the script, which nothing else can run beside.
const BATCH: usize = 500;
/// How long a delivery that failed is left alone at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What became of an invalidation. It holds on this node either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Delivery {
    /// Redis knows: no node finds the old values any more, and all have been told.
    Delivered,
    /// Redis could not be told yet. Other nodes may find old values until it is, at most as long as those live.
    Queued(Reason),
}

impl Handle {
    /// Ends all values that carry one of these tags, and fences the fills that are under way for them.
    pub async fn invalidate(&self, tags: &[u64]) -> Delivery {
        self.announce(Invalidation { tags: tags.to_vec(), ..Invalidation::default() }).await
    }

    /// Ends the values under these keys, and takes their leases away from whoever fills them now.
    pub async fn delete(&self, keys: &[Key]) -> Delivery {
        self.announce(Invalidation { keys: keys.to_vec(), ..Invalidation::default() }).await
    }

    /// Begins a new epoch: everything there is in the namespace ends.
    pub async fn invalidate_all(&self) -> Delivery {
        self.announce(Invalidation { all: true, ..Invalidation::default() }).await
    }

    /// Delivers what could not be delivered at once, as soon as that is possible. Run it in one place for as long as the
    /// level is used: without it, what is queued waits for the next invalidation.
    pub async fn deliver(&self) -> Infallible {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.deliver_queued().await {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    self.shared.queued.notified().await;
                }
                Err(_) => {
                    sleep(pause / 2 + self.shared.dice.up_to(pause / 2)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn announce(&self, invalidation: Invalidation) -> Delivery {
        let counters = &self.shared.counters;
        // First of all here: from now on this node does not believe what it finds.
        if self.shared.pending().add(&invalidation) {
            counters.overflows.one();
        }
        // If the caller goes away before the end, somebody else delivers it.
        let mut unfinished = Unfinished { handle: self, delivered: false };
        match self.deliver_queued().await {
            Ok(()) => {
                unfinished.delivered = true;
                Delivery::Delivered
            }
            Err(reason) => {
                counters.queued.one();
                Delivery::Queued(reason)
            }
        }
    }

    async fn deliver_queued(&self) -> Result<(), Reason> {
        loop {
            let Some(batch) = self.shared.pending().batch(BATCH) else { return Ok(()) };
            self.send(&batch).await?;
            self.shared.pending().delivered(&batch);
            self.shared.counters.deliveries.one();
        }
    }

    async fn send(&self, batch: &Batch) -> Result<(), Reason> {
        let names = &self.shared.names;
        let invalidation = batch.invalidation();
        let tags = invalidation.tags.iter().map(|&tag| names.tag(tag));
        let keys = invalidation.keys.iter().flat_map(|key| [names.value(key), names.lease(key)]);
        let first = [names.clock.clone(), names.all.clone()];
        let script = self.shared.scripts.invalidate.on(first.into_iter().chain(tags).chain(keys));
        let life = u64::try_from(self.shared.settings.tag_life().as_millis()).unwrap_or(u64::MAX);
        let script = script.with(invalidation.tags.len()).with(life).with(u8::from(invalidation.all));
        let script = script.with(&names.channel).with(invalidation.encode(self.shared.origin));
        self.call(&script, |reply| one_of(reply, &["done"])).await
    }
}

/// Wakes whoever delivers unless it was done here.
struct Unfinished<'a> {
    handle: &'a Handle,
    delivered: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.delivered {
            self.handle.shared.queued.notify_one();
        }
    }
}
