//! The exporter's thread: batches off the queue, one export at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout_at},
};

use super::{BATCH_SPANS, FinishedSpan, SpansError, export::Exporter};

/// How long the first span of a batch waits for others.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// How long what is queued may still be sent once the end was asked for.
const FLUSH_WAIT: Duration = Duration::from_secs(2);

/// Starts the thread. It ends when `stopping` turns true and what was queued is sent, or when every sender is gone.
pub(super) fn spawn(
    endpoint: &str,
    spans: mpsc::Receiver<FinishedSpan>,
    stopping: watch::Receiver<bool>,
    dropped: Arc<AtomicU64>,
) -> Result<JoinHandle<()>, SpansError> {
    let exporter = Exporter::new(endpoint)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("spans".into()).spawn(move || {
        runtime.block_on(Worker { spans, stopping, dropped, exporter, in_hand: 0 }.run());
        // A name that is still being resolved would hold the end up.
        runtime.shutdown_background();
    })?;
    Ok(thread)
}

struct Worker {
    spans: mpsc::Receiver<FinishedSpan>,
    stopping: watch::Receiver<bool>,
    dropped: Arc<AtomicU64>,
    exporter: Exporter,
    /// Spans off the queue whose export is not settled.
    in_hand: usize,
}

impl Worker {
    async fn run(mut self) {
        let mut stopping = self.stopping.clone();
        let out_of_time = async move {
            // The guard is gone when this fails, which asks for the same.
            let _asked = stopping.wait_for(|&stop| stop).await.is_ok();
            tokio::time::sleep(FLUSH_WAIT).await;
        };
        tokio::select! {
            () = self.export_all() => {}
            () = out_of_time => {}
        }
        self.spans.close();
        self.count_lost(self.in_hand + self.spans.len());
    }

    async fn export_all(&mut self) {
        while let Some(batch) = self.next_batch().await {
            let exported = self.exporter.export(batch).await;
            let settled = std::mem::take(&mut self.in_hand);
            if !exported {
                self.count_lost(settled);
            }
        }
    }

    /// Up to [`BATCH_SPANS`] spans that arrive within [`BATCH_WAIT`]; `None` when no more will come.
    async fn next_batch(&mut self) -> Option<Vec<FinishedSpan>> {
        let mut batch = Vec::with_capacity(BATCH_SPANS);
        let mut until = None;
        while batch.len() < BATCH_SPANS {
            tokio::select! {
                received = receive(&mut self.spans, &mut batch, until) => if received == 0 { break },
                _ = self.stopping.wait_for(|&stop| stop), if !self.spans.is_closed() => self.spans.close(),
            }
            self.in_hand = batch.len();
            until.get_or_insert_with(|| Instant::now() + BATCH_WAIT);
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn count_lost(&self, spans: usize) {
        self.dropped.fetch_add(spans as u64, Relaxed);
    }
}

/// Appends what is queued to `batch`, up to its bound. Returns how many; 0 when `until` passed or no more will come.
async fn receive(
    spans: &mut mpsc::Receiver<FinishedSpan>,
    batch: &mut Vec<FinishedSpan>,
    until: Option<Instant>,
) -> usize {
    let room = BATCH_SPANS - batch.len();
    let received = spans.recv_many(batch, room);
    match until {
        Some(until) => timeout_at(until, received).await.unwrap_or(0),
        None => received.await,
    }
}
