//! The level that nodes share, on our side: who asks it, and how what one node invalidates reaches all.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use banyan_config::plan::{Redis, RedisUrl};
use banyan_l2::{Handle, Notice, Settings};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{purges::Tag, shared::Cache};

/// Invalidations that may wait to be told; beyond them everything is invalidated, which says less and means more.
const ORDERS: usize = 1_024;

/// How often entries are dropped that were invalidated, if there are many such.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// How soon after the start the first word of having missed something is no reason to forget: what is kept by then was
/// fetched since, by this process. A Redis that comes later has had time to be told something that we did not hear.
const START: Duration = Duration::from_secs(1);

/// What is to be told to all nodes.
#[derive(Debug)]
enum Order {
    Tags(Vec<u64>),
    All,
}

/// The level that nodes share.
#[derive(Debug)]
pub(crate) struct Level {
    level: banyan_l2::Level,
    orders: mpsc::Sender<Order>,
    /// Taken by whoever carries them out.
    waiting: Mutex<Option<mpsc::Receiver<Order>>>,
}

impl Level {
    /// The level that the config names. Nothing is connected to yet.
    ///
    /// # Errors
    /// What of it cannot be.
    pub(crate) fn new(config: &Redis, max_object: u64) -> Result<Self, String> {
        let settings = || {
            Settings::new(&address(&config.url), &config.prefix)?
                .with_deadline(config.deadline)?
                .with_lease(config.lease)?
                .with_max_value(usize::try_from(max_object).unwrap_or(usize::MAX).min(64 << 20))
        };
        let (orders, waiting) = mpsc::channel(ORDERS);
        let level = banyan_l2::Level::new(settings().map_err(|error| error.to_string())?);
        Ok(Self { level, orders, waiting: Mutex::new(Some(waiting)) })
    }

    /// A way to ask, for one worker.
    pub(crate) fn handle(&self) -> Handle {
        self.level.handle()
    }

    /// What happened so far, by name.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = self.level.counts();
        vec![
            ("hit", counts.hits),
            ("miss", counts.misses),
            ("invalidated", counts.invalidated),
            ("garbage", counts.garbage),
            ("late", counts.late),
            ("broken", counts.broken),
            ("skipped", counts.skipped),
            ("full", counts.full),
            ("stored", counts.stores),
            ("lease_won", counts.leases_won),
            ("lease_held", counts.leases_held),
            ("lease_lost", counts.leases_lost),
            ("fenced", counts.fenced),
            ("wait_found", counts.waits_found),
            ("wait_given_up", counts.waits_given_up),
            ("delivery", counts.deliveries),
        ]
    }

    /// Invalidations that Redis does not know of yet.
    pub(crate) fn queued(&self) -> usize {
        self.level.queued()
    }

    /// Tells all nodes, without waiting for it.
    pub(crate) fn invalidate(&self, tags: &[Tag]) {
        self.order(Order::Tags(tags.iter().map(|tag| tag.0).collect()));
    }

    /// Tells all nodes to forget everything, without waiting for it.
    pub(crate) fn forget_all(&self) {
        self.order(Order::All);
    }

    fn order(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            tracing::warn!("more is invalidated than the second level of the cache can be told at once");
        }
    }
}

/// Looks after a cache until it is dropped: sweeps it, tells all nodes what this one invalidates, and hears what others do.
pub(crate) async fn keep(cache: Arc<Cache>) {
    let sweep = async {
        let mut ticks = interval(SWEEP_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            cache.sweep();
        }
    };
    tokio::join!(sweep, speak(&cache));
}

/// Carries out what is to be told, and hears what others tell.
async fn speak(cache: &Cache) {
    let Some(level) = &cache.level else { return };
    let waiting = level.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut orders) = waiting else { return };
    let handle = level.handle();
    let deliver = handle.deliver();
    let carry_out = async {
        while let Some(order) = orders.recv().await {
            let delivery = match order {
                Order::Tags(tags) => handle.invalidate(&tags).await,
                Order::All => handle.invalidate_all().await,
            };
            tracing::debug!(?delivery, "told the second level of the cache");
        }
    };
    let begun = Instant::now();
    let hear = async {
        let mut subscription = level.level.subscribe();
        let mut is_first = true;
        loop {
            match subscription.next().await {
                Notice::Invalidated(what) => heard(cache, what),
                // It held here when it was said. What is kept again since, or was left by a purge that had to name
                // everything there, is not meant.
                Notice::Echo(_) => {}
                Notice::Missed if std::mem::take(&mut is_first) && begun.elapsed() < START => {}
                Notice::Missed => cache.purges.invalidate_all(),
            }
        }
    };
    tokio::select! {
        _ = deliver => {}
        () = carry_out => {}
        () = hear => {}
    }
}

fn heard(cache: &Cache, what: banyan_l2::Invalidation) {
    if what.all {
        cache.purges.invalidate_all();
    } else {
        cache.purges.invalidate(what.tags.into_iter().map(Tag));
    }
}

/// The address as the client library reads it.
fn address(url: &RedisUrl) -> String {
    let login = match (&url.user, &url.password) {
        (user, Some(password)) => {
            let user = user.as_deref().map(encoded).unwrap_or_default();
            format!("{user}:{}@", encoded(password.expose()))
        }
        (_, None) => String::new(),
    };
    let scheme = if url.tls { "rediss" } else { "redis" };
    let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
    format!("{scheme}://{login}{host}:{}/{}", url.port, url.db)
}

/// Percent-encoded, all but letters and digits.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else if write!(out, "%{byte:02X}").is_err() {
            unreachable!("writing to a string");
        }
    }
    out
}

/// How long what is shared may live there at most.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use banyan_config::plan::Secret;

    use super::*;

    #[test]
    fn addresses_say_what_the_config_says() {
        let mut url = RedisUrl {
            host: "::1".into(),
            port: 6380,
            db: 2,
            tls: false,
            user: None,
            password: Some(Secret::new("p:w/@")),
        };
        assert_eq!(address(&url), "redis://:p%3Aw%2F%40@[::1]:6380/2");
        url.user = Some("me".into());
        url.host = "cache.internal".into();
        assert_eq!(address(&url), "redis://me:p%3Aw%2F%40@cache.internal:6380/2");
        url.password = None;
        url.user = None;
        assert_eq!(address(&url), "redis://cache.internal:6380/2");
    }
}
