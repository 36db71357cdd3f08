//! A backend that counts: items after a set time, for measurements of what a gateway spares its upstream.
//!
//! The other [`origin`](crate::origin) is built never to be the limit. This one is built to be asked as little as possible:
//! it takes as long as it is told to, and says how often it was asked.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context;
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    sync::oneshot,
    time::sleep,
};

use crate::items;

/// A head that grows beyond this is not from a proxy that works.
const MAX_HEAD: usize = 64 * 1024;
/// To anything but an item.
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/// What a backend does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Bytes of an item.
    pub(crate) bytes: usize,
    /// How long each answer takes, to the millisecond.
    pub(crate) takes: Duration,
    /// For how long it says that its answers may be kept; says nothing without it.
    pub(crate) max_age: Option<Duration>,
}

/// A running backend in a thread of its own; ended when dropped.
pub(crate) struct Backend {
    address: SocketAddr,
    asked: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Backend {
    /// Starts it on a free port of the loopback address.
    ///
    /// # Errors
    /// When it cannot listen.
    pub(crate) fn start(settings: Settings) -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .context("the backend cannot listen")?;
        let (address, asked) = (listener.local_addr()?, Arc::new(AtomicU64::new(0)));
        let (stop, stopped) = oneshot::channel();
        let counter = Arc::clone(&asked);
        let thread = thread::Builder::new().name("backend".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, settings, counter) => {}
                    // An error means that the sender is gone, which says the same.
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, asked, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests that came so far, answered or not.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Relaxed)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed already.
            thread.join().ok();
        }
    }
}

async fn accept(listener: TcpListener, settings: Settings, asked: Arc<AtomicU64>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // The task ends with its connection, and with the runtime.
                drop(tokio::spawn(serve(stream, settings, Arc::clone(&asked))));
            }
            // The caller was gone before it was accepted, or files ran out for a moment.
            Err(_) => sleep(Duration::from_millis(1)).await,
        }
    }
}

/// Serves a connection to its end, whatever that is.
async fn serve(mut stream: TcpStream, settings: Settings, asked: Arc<AtomicU64>) {
    stream.set_nodelay(true).ok();
    let max_age = settings.max_age.map(|time| format!("max-age={}", time.as_secs()));
    let mut unread = Vec::with_capacity(1024);
    while unread.len() <= MAX_HEAD {
        if let Some(end) = memmem::find(&unread, b"\r\n\r\n") {
            asked.fetch_add(1, Relaxed);
            let item = items::asked_for(&unread[..end]);
            unread.drain(..end + 4);
            if !settings.takes.is_zero() {
                sleep(settings.takes).await;
            }
            let answer = item.map(|n| items::answer(n, settings.bytes, max_age.as_deref()));
            if stream.write_all(answer.as_deref().unwrap_or(NOT_FOUND)).await.is_err() {
                return;
            }
        } else if !matches!(stream.read_buf(&mut unread).await, Ok(1..)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::client::{self, Connection};

    #[test]
    fn items_are_answered_and_counted() {
        let settings = Settings { bytes: 512, takes: Duration::ZERO, max_age: None };
        let backend = Backend::start(settings).unwrap();
        client::check(backend.address(), &items::path(7), &[], &items::body(7, 512)).unwrap();
        assert_eq!(backend.asked(), 2);
        assert_eq!(Connection::open(backend.address()).unwrap().get("/", &[]).unwrap().status, 404);
        assert_eq!(backend.asked(), 3);
    }

    #[test]
    fn an_answer_takes_as_long_as_it_is_told_to() {
        let takes = Duration::from_millis(30);
        let backend = Backend::start(Settings { bytes: 512, takes, max_age: None }).unwrap();
        let (begun, mut caller) = (Instant::now(), Connection::open(backend.address()).unwrap());
        caller.get(&items::path(1), &[]).unwrap();
        assert!(begun.elapsed() >= takes);
    }

    #[test]
    fn nobody_listens_after_the_end() {
        let settings = Settings { bytes: 512, takes: Duration::ZERO, max_age: None };
        let address = Backend::start(settings).unwrap().address();
        assert!(Connection::open(address).is_err());
    }
}
