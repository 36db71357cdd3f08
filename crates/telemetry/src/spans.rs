//! Finished spans on their way to a collector: OTLP over HTTP, when configured.
//!
//! A worker offers what it finished to a bounded queue and goes on; one thread takes batches off it and sends them.
//! Whatever the collector does (slow, dead, away) costs spans, which are counted, and never a request.
mod convert;
mod export;
mod worker;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::SystemTime,
};

use tokio::sync::{mpsc, watch};

/// Spans that may wait for the exporter; the newest is dropped when they do.
pub const QUEUE_SPANS: usize = 2048;
/// Most spans in one export.
pub const BATCH_SPANS: usize = 512;

/// What the gateway remembers of one exchange, ready to be exported.
#[derive(Debug)]
pub struct FinishedSpan {
    /// The whole trace's id; not zero.
    pub trace_id: u128,
    /// This span's id; not zero.
    pub span_id: u64,
    /// The caller's span, if it sent one.
    pub parent_id: Option<u64>,
    /// What traces are listed by, such as `GET /articles/{id}`.
    pub name: String,
    /// When the request's first byte was read.
    pub start: SystemTime,
    /// When the exchange was over.
    pub end: SystemTime,
    /// Request method.
    pub method: String,
    /// Path template of the route; empty when none matched.
    pub route: String,
    /// Status that was sent; 0 when none was.
    pub status: u16,
    /// Flag of the ending as in the access log; `OK` for an answer that was delivered.
    pub ending: &'static str,
    /// Upstream that answered, if one was asked.
    pub upstream: Option<String>,
    /// Unit that decided, if one did.
    pub unit: Option<String>,
    /// Side of the unit.
    pub side: Option<&'static str>,
}

/// Why no exporter could be started.
#[derive(Debug, thiserror::Error)]
pub enum SpansError {
    /// Not a base URL such as `http://127.0.0.1:4318`.
    #[error("the OTLP endpoint {endpoint:?} is not usable: {reason}")]
    Endpoint {
        /// What was configured.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system gives no thread or no event queue.
    #[error("the span exporter could not be started")]
    Start(#[from] io::Error),
}

/// The way to the exporter; one per worker, cheap to clone.
#[derive(Clone, Debug)]
pub struct Spans {
    queue: mpsc::Sender<FinishedSpan>,
    dropped: Arc<AtomicU64>,
}

impl Spans {
    /// Starts the exporter's thread. `endpoint` is the collector's base URL; spans go to `/v1/traces` below it.
    ///
    /// # Errors
    /// When `endpoint` is no `http` or `https` URL, or the thread cannot be started. Whether the collector is there
    /// is not asked: it may come later.
    pub fn start(endpoint: &str) -> Result<(Self, SpansGuard), SpansError> {
        let (queue, spans) = mpsc::channel(QUEUE_SPANS);
        let (stop, stopping) = watch::channel(false);
        let dropped = Arc::new(AtomicU64::new(0));
        let thread = worker::spawn(endpoint, spans, stopping, dropped.clone())?;
        Ok((Self { queue, dropped }, SpansGuard { stop, thread: Some(thread) }))
    }

    /// Hands one span over. Never blocks: it is dropped and counted when the queue is full or the exporter has ended.
    pub fn offer(&self, span: FinishedSpan) {
        if self.queue.try_send(span).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    /// Spans lost so far: the queue was full, or the collector did not take them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}

/// Owns the exporter's thread. Dropping it sends what is queued, for 2 s at most, and ends the thread.
#[derive(Debug)]
pub struct SpansGuard {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for SpansGuard {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the span exporter panicked");
        }
    }
}
