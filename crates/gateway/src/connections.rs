//! How many client connections are open, over all workers.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;

/// The count and its limit.
#[derive(Debug)]
pub(crate) struct Connections {
    open: AtomicUsize,
    limit: AtomicUsize,
    freed: Notify,
    gauge: Gauge,
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Slot(std::sync::Arc<Connections>);

impl Connections {
    pub(crate) fn new(limit: usize, gauge: Gauge) -> Self {
        Self { open: AtomicUsize::new(0), limit: AtomicUsize::new(limit), freed: Notify::new(), gauge }
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
        self.freed.notify_waiters();
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Waits until one more may be opened; meanwhile newcomers wait in the kernel's backlog.
    pub(crate) async fn slot(self: &std::sync::Arc<Self>) -> Slot {
        loop {
            let freed = self.freed.notified();
            let limit = self.limit.load(Relaxed);
            let taken = self.open.fetch_update(Relaxed, Relaxed, |open| (open < limit).then_some(open + 1));
            if taken.is_ok() {
                self.gauge.inc();
                return Slot(self.clone());
            }
            freed.await;
        }
    }
}

impl Connections {
    /// A slot at once, whatever the limit says.
    pub(crate) fn slot_beyond_the_limit(self: &std::sync::Arc<Self>) -> Slot {
        self.open.fetch_add(1, Relaxed);
        self.gauge.inc();
        Slot(self.clone())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
        self.0.gauge.dec();
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn no_more_than_the_limit_and_a_freed_slot_is_given_on() {
        let connections = Arc::new(Connections::new(2, Gauge::default()));
        let (first, _second) = (connections.slot().await, connections.slot().await);
        let mut third = std::pin::pin!(connections.slot());
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(first);
        let _third = third.await;
        assert_eq!(connections.open(), 2);
    }
}
