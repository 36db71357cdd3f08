//! Open-loop load: requests go out when they are due, whatever became of those before.
//!
//! A generator that waits for answers would spare a gateway exactly while its callers pile up, and would not see the pile.
//! Latency counts from when a request was due.

use std::{cell::RefCell, net::SocketAddr, rc::Rc, time::Duration};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
    task::{JoinSet, LocalSet},
    time::{Instant, sleep_until, timeout},
};

use crate::{items, stats::micros_histogram, traffic::Due};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A request that takes longer has waited for something.
pub(crate) const WAITED: Duration = Duration::from_millis(50);
/// How late most requests may be sent: a generator that cannot keep up measures itself.
const LAG: Duration = Duration::from_millis(10);

/// What came of the requests; all were answered, and rightly.
pub(crate) struct Seen {
    /// From due to answered, in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// From due to sent, in microseconds.
    pub(crate) lag: Histogram<u64>,
    /// Requests that took longer than [`WAITED`].
    pub(crate) waited: u64,
}

/// Connections that nobody uses right now. The last one used is taken first.
type Pool = Rc<RefCell<Vec<TcpStream>>>;

/// Asks `server` for items of `bytes` bytes.
///
/// # Errors
/// When a single answer is missing or wrong: then the figures mean nothing.
pub(crate) fn play(
    server: SocketAddr,
    bytes: usize,
    requests: impl Iterator<Item = Due>,
) -> anyhow::Result<Seen> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, send_all(server, bytes, requests))
}

async fn send_all(
    server: SocketAddr,
    bytes: usize,
    requests: impl Iterator<Item = Due>,
) -> anyhow::Result<Seen> {
    let mut seen = Seen { latency: micros_histogram()?, lag: micros_histogram()?, waited: 0 };
    let (pool, mut callers, start) = (Pool::default(), JoinSet::new(), Instant::now());
    for Due { at, item } in requests {
        let due = start + at;
        sleep_until(due).await;
        seen.lag.saturating_record(micros(due.elapsed()));
        let pool = Rc::clone(&pool);
        callers.spawn_local(async move {
            let answered = timeout(PATIENCE, ask(server, &pool, item, bytes)).await;
            answered.context("no answer in 10 s")?.with_context(|| items::path(item))?;
            anyhow::Ok(due.elapsed())
        });
        while let Some(ended) = callers.try_join_next() {
            seen.note(ended??);
        }
    }
    while let Some(ended) = callers.join_next().await {
        seen.note(ended??);
    }
    Ok(seen)
}

/// One request on a connection of the pool, or on a new one.
async fn ask(server: SocketAddr, pool: &Pool, item: usize, bytes: usize) -> anyhow::Result<()> {
    let idle = pool.borrow_mut().pop();
    let mut stream = match idle {
        Some(stream) => stream,
        None => connect(server).await?,
    };
    let request = format!("GET {} HTTP/1.1\r\nHost: bench.example\r\n\r\n", items::path(item));
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(bytes + 1024);
    loop {
        ensure!(stream.read_buf(&mut answer).await? > 0, "the connection was closed before the answer's end");
        if is_whole(&answer, item, bytes)? {
            pool.borrow_mut().push(stream);
            return Ok(());
        }
    }
}

async fn connect(server: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Whether these bytes are the whole answer with this item; an error when they will never be.
fn is_whole(bytes: &[u8], item: usize, body: usize) -> anyhow::Result<bool> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(false) };
    ensure!(response.code == Some(200), "status {}", response.code.unwrap_or_default());
    let got = &bytes[head..];
    ensure!(got.len() <= body, "more bytes than the item has");
    let is_whole = got.len() == body;
    ensure!(!is_whole || got.starts_with(items::beginning(item).as_bytes()), "another item was answered");
    Ok(is_whole)
}

impl Seen {
    /// Whether the generator kept its times.
    ///
    /// # Errors
    /// When it did not: then the figures are about itself.
    pub(crate) fn check_lag(&self) -> anyhow::Result<()> {
        let lag = Duration::from_micros(self.lag.value_at_quantile(0.99));
        ensure!(lag <= LAG, "requests were sent {lag:?} late (P99): this machine cannot generate that load");
        Ok(())
    }

    fn note(&mut self, took: Duration) {
        self.latency.saturating_record(micros(took));
        self.waited += u64::from(took > WAITED);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Backend, Settings};

    fn backend(takes: u64) -> Backend {
        Backend::start(Settings { bytes: 512, takes: Duration::from_millis(takes), max_age: None }).unwrap()
    }

    /// Far enough apart that a busy machine does not send them too late.
    fn requests(count: u32) -> impl Iterator<Item = Due> {
        (0..count).map(|n| Due { at: Duration::from_millis(2) * n, item: n as usize % 7 })
    }

    #[test]
    fn every_request_is_answered_and_nobody_waits_for_another() {
        let backend = backend(60);
        let seen = play(backend.address(), 512, requests(20)).unwrap();
        assert_eq!((seen.latency.len(), seen.lag.len(), backend.asked()), (20, 20, 20));
        // Each takes longer than that at the backend; one after the other they would take 20 times as long.
        assert_eq!(seen.waited, 20);
    }

    #[test]
    fn a_single_wrong_answer_voids_all() {
        let backend = backend(0);
        let error = play(backend.address(), 511, requests(3)).err().unwrap();
        assert!(format!("{error:#}").contains("more bytes"), "{error:#}");
    }

    #[test]
    fn answers_are_looked_at() {
        let answer = items::answer(3, 512, None);
        assert!(is_whole(&answer, 3, 512).unwrap());
        assert!(!is_whole(&answer[..answer.len() - 1], 3, 512).unwrap());
        assert!(!is_whole(&answer[..20], 3, 512).unwrap());
        assert!(is_whole(&answer, 4, 512).is_err());
        assert!(is_whole(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 3, 512).is_err());
    }
}
