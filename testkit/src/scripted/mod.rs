//! An upstream that follows a script.
//!
//! It speaks HTTP/1.1 over cleartext, one request after the other on a connection, and does not hide what it got: heads
//! are recorded byte by byte.
mod answer;
mod connection;
mod gate;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use answer::{Answer, Reply};
use anyhow::Context;
pub use gate::Gate;
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};

use crate::{message::Received, wait::PATIENCE};

/// What an upstream does with a request, decided when its head has come (so `body` is still empty).
type Script = dyn Fn(&Received) -> Answer + Send + Sync;

/// A running upstream; it ends, and drops its connections, when this value is dropped.
pub struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Aborted, with all the connections it owns, when dropped.
    _server: JoinSet<()>,
}

/// What the upstream and the test both see.
struct Shared {
    script: Box<Script>,
    seen: Mutex<Seen>,
    /// Counts changes of `seen`.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    open: usize,
    requests: Vec<Record>,
}

struct Record {
    request: Received,
    /// Whether the upstream has done all that the script says.
    done: bool,
}

impl Scripted {
    /// Starts an upstream on a free port.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), script).await
    }

    /// Starts an upstream at an address, such as that of one that was dropped.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start_at(
        address: SocketAddr,
        script: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Box::new(script),
            seen: Mutex::default(),
            changes: watch::Sender::new(0),
        });
        let mut server = JoinSet::new();
        server.spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, _server: server })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL for a config: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order the heads came; a body may still be on its way.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.seen().requests.iter().map(|record| record.request.clone()).collect()
    }

    /// How many connections were ever opened to it.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.seen().connections
    }

    /// How many connections to it are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.seen().open
    }

    /// Waits until `count` heads have come, and returns all requests.
    ///
    /// # Errors
    /// When they do not come within [`PATIENCE`].
    pub async fn wait_for_requests(&self, count: usize) -> anyhow::Result<Vec<Received>> {
        let come = |seen: &Seen| seen.requests.len() >= count;
        self.wait(come)
            .await
            .with_context(|| format!("{} of {count} requests came", self.requests().len()))?;
        Ok(self.requests())
    }

    /// Waits until `count` requests have been read and answered as the script says, and returns all requests.
    ///
    /// # Errors
    /// When they are not within [`PATIENCE`].
    pub async fn wait_for_done(&self, count: usize) -> anyhow::Result<Vec<Received>> {
        let done = |seen: &Seen| seen.requests.iter().filter(|record| record.done).count() >= count;
        self.wait(done).await.with_context(|| format!("{count} requests were not all done"))?;
        Ok(self.requests())
    }

    /// Waits until no more than `count` connections are open.
    ///
    /// # Errors
    /// When they stay open for longer than [`PATIENCE`].
    pub async fn wait_for_open_connections(&self, count: usize) -> anyhow::Result<()> {
        let few = |seen: &Seen| seen.open <= count;
        self.wait(few).await.with_context(|| format!("{} connections are open", self.open_connections()))
    }

    async fn wait(&self, ready: impl Fn(&Seen) -> bool) -> anyhow::Result<()> {
        let mut changes = self.shared.changes.subscribe();
        let ready = changes.wait_for(|_| ready(&self.shared.seen()));
        timeout(PATIENCE, ready).await.context("not in time")??;
        Ok(())
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let value = change(&mut self.seen());
        self.changes.send_modify(|count| *count += 1);
        value
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let number = shared.change(|seen| {
            seen.connections += 1;
            seen.open += 1;
            seen.connections - 1
        });
        connections.spawn(connection::serve(stream, number, shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}
