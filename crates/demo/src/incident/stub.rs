//! The database as a server: what is arithmetic in [`Database`](super::database::Database), answered over HTTP.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::{Notify, oneshot},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{database::Database, story::Size};

/// What every query is answered.
const ANSWER: &str = r#"{"posts":[{"id":1,"title":"All is well"}]}"#;
/// Pause after a connection that could not be taken, for want of files most likely.
const REST: Duration = Duration::from_millis(50);

/// A running database.
#[derive(Debug)]
pub(super) struct Stub {
    inner: Mutex<Inner>,
    /// The next end may have moved.
    changed: Notify,
}

#[derive(Debug)]
struct Inner {
    database: Database<oneshot::Sender<()>>,
    peak: u32,
}

impl Stub {
    pub(super) fn new(size: Size) -> Self {
        let inner = Inner { database: Database::new(size, Instant::now()), peak: 0 };
        Self { inner: Mutex::new(inner), changed: Notify::new() }
    }

    /// Runs a query to its end. It goes on when this is dropped, as in a database that nobody told.
    pub(super) async fn query(&self) {
        let (done, wait) = oneshot::channel();
        {
            let mut inner = self.advance(Instant::now());
            inner.database.begin(done);
            inner.peak = inner.peak.max(inner.database.in_flight());
        }
        self.changed.notify_one();
        // Fails only when the database is gone, and its callers with it.
        drop(wait.await);
    }

    /// From now on every query takes `times` as long.
    pub(super) fn slow_down(&self, times: u32) {
        self.advance(Instant::now()).database.slow_down(times);
        self.changed.notify_one();
    }

    /// Queries in flight, and the most there ever were.
    pub(super) fn in_flight(&self) -> (u32, u32) {
        let inner = self.lock();
        (inner.database.in_flight(), inner.peak)
    }

    /// Ends queries when they are done, for as long as it is polled.
    pub(super) async fn drive(&self) {
        loop {
            let next = self.advance(Instant::now()).database.next_end();
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    /// Serves for as long as it is polled; connections end with it.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        // Fails only where there is no event queue, and the runtime has one.
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(self.clone().connection(stream))),
                    Err(_) => sleep(REST).await,
                },
                Some(ended) = connections.join_next() => drop(ended),
                () = self.drive() => {}
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let service = service_fn(|_| async {
            self.query().await;
            Ok::<_, Infallible>(answer())
        });
        // Ends with an error when a caller goes away, which is the caller's business.
        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
    }

    fn advance(&self, now: Instant) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        let mut done = Vec::new();
        inner.database.advance(now, &mut done);
        for query in done {
            // Nobody waits any more for a query whose caller has left.
            let _left = query.send(());
        }
        inner
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A free port on loopback that accepts from now on.
///
/// # Errors
/// When there is none.
pub(super) fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn answer() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(ANSWER));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    fn running(size: Size) -> Arc<Stub> {
        let stub = Arc::new(Stub::new(size));
        let driven = stub.clone();
        tokio::spawn(async move { driven.drive().await });
        stub
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_takes_forty_milliseconds_and_three_times_as_long_when_slow() {
        let stub = running(Size::Whole);
        for (slowness, expected) in [(1, 40), (3, 120), (1, 40)] {
            stub.slow_down(slowness);
            let begun = Instant::now();
            stub.query().await;
            let took = begun.elapsed().as_millis();
            assert!((expected..=expected + 1).contains(&took), "{took}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_whose_caller_has_left_goes_on() {
        let stub = running(Size::Whole);
        let left = timeout(Duration::from_millis(10), stub.query()).await;
        assert!(left.is_err());
        assert_eq!(stub.in_flight(), (1, 1));
        sleep(Duration::from_millis(35)).await;
        assert_eq!(stub.in_flight(), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn becoming_well_frees_those_who_wait() {
        let stub = running(Size::Whole);
        stub.slow_down(1_000);
        let begun = Instant::now();
        let well = async {
            sleep(Duration::from_millis(100)).await;
            stub.slow_down(1);
        };
        tokio::join!(stub.query(), well);
        let took = begun.elapsed().as_millis();
        assert!((139..=142).contains(&took), "{took}");
    }
}
