//! The database as a server: HTTP in front of [`Database`], with one answer for everything.
//!
//! It spends next to nothing per request, so that a jam is the curve's doing and not the machine's.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    sync::LazyLock,
    time::{Duration, Instant},
};

use memchr::memmem::{self, Finder};
use mio::{Interest, Registry, net::TcpListener};
use rustix::net::sockopt::set_socket_linger;
use slab::Slab;

use super::{
    database::{Database, Health},
    socket::{Closed, Socket},
    token::{Part, token},
};
use crate::origin;

/// Ports that are tried; below those that the kernel gives to outgoing connections, one of which might otherwise take the
/// port of a dead stub before it comes back.
const PORTS: std::ops::Range<u16> = 21_000..32_000;

static ANSWER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let length = origin::BODY_BYTES;
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), &origin::BODY].concat()
});

static HEAD_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));

/// Who waits for a query: a connection, and its number, since keys are used again.
struct Query {
    key: usize,
    connection: u64,
}

/// One connection.
struct Connection {
    socket: Socket,
    number: u64,
}

/// A stub, its connections and its counts.
pub(crate) struct Stub {
    address: SocketAddr,
    /// `None` while the database is dead.
    listener: Option<TcpListener>,
    connections: Slab<Connection>,
    accepted: u64,
    database: Database<Query>,
    health: Health,
    done: Vec<Query>,
    counts: Counts,
}

/// What the stub has seen since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Queries that arrived.
    pub(crate) arrived: u64,
    /// Most queries in flight at once.
    pub(crate) peak: usize,
}

impl Stub {
    /// A stub that listens on a port of its own on the loopback address.
    ///
    /// # Errors
    /// When no port is free.
    pub(crate) fn open(registry: &Registry, now: Instant) -> anyhow::Result<Self> {
        let address = PORTS
            .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .find(|address| std::net::TcpListener::bind(address).is_ok());
        let mut stub = Self {
            address: anyhow::Context::context(address, "no port is free for a stub")?,
            listener: None,
            connections: Slab::new(),
            accepted: 0,
            database: Database::new(now),
            health: Health::Dead,
            done: Vec::new(),
            counts: Counts::default(),
        };
        stub.set_health(Health::Well, registry, now)?;
        Ok(stub)
    }

    /// Where it listens, or will listen again.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the database well, slow or dead. When it dies, connections are reset and new ones are refused.
    ///
    /// # Errors
    /// When it cannot listen again.
    pub(crate) fn set_health(
        &mut self,
        health: Health,
        registry: &Registry,
        now: Instant,
    ) -> anyhow::Result<()> {
        self.advance(now);
        self.health = health;
        match health {
            Health::Dead => self.die(),
            Health::Well => self.database.slow_down(1),
            Health::Slow(times) => self.database.slow_down(times),
        }
        if health != Health::Dead && self.listener.is_none() {
            let mut listener = TcpListener::bind(self.address)?;
            registry.register(&mut listener, token(Part::Listener, 0), Interest::READABLE)?;
            self.listener = Some(listener);
        }
        Ok(())
    }

    /// How it is.
    pub(crate) fn health(&self) -> Health {
        self.health
    }

    fn die(&mut self) {
        self.listener = None;
        self.database.forget_all();
        for mut connection in self.connections.drain() {
            // Without it the peer would read an orderly end. It fails for a connection that is gone already.
            set_socket_linger(connection.socket.stream(), Some(Duration::ZERO)).ok();
        }
    }

    /// What was seen since the last call; the peak begins anew with what is in flight.
    pub(crate) fn take_counts(&mut self) -> Counts {
        let counts = self.counts;
        self.counts = Counts { arrived: 0, peak: self.database.in_flight() };
        counts
    }

    /// Answers the queries that are done by now.
    pub(crate) fn advance(&mut self, now: Instant) {
        let mut done = std::mem::take(&mut self.done);
        self.database.advance(now, &mut done);
        for query in done.drain(..) {
            let waiting = self.connections.get_mut(query.key).filter(|one| one.number == query.connection);
            // Nobody waits any more for a query whose caller has left.
            if waiting.is_some_and(|connection| connection.socket.send(&ANSWER) == Err(Closed)) {
                self.connections.remove(query.key);
            }
        }
        self.done = done;
    }

    /// Accepts whoever is waiting.
    ///
    /// # Errors
    /// When accepting fails for a reason of our own, such as too many open files.
    pub(crate) fn accept(&mut self, registry: &Registry) -> anyhow::Result<()> {
        let Some(listener) = &self.listener else { return Ok(()) };
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error.into()),
            };
            let entry = self.connections.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut stream, token(Part::Query, entry.key()), interest)?;
            self.accepted += 1;
            entry.insert(Connection { socket: Socket::new(stream), number: self.accepted });
        }
    }

    /// Takes in what came on a connection.
    pub(crate) fn ready(&mut self, key: usize, buffer: &mut [u8], now: Instant) {
        self.advance(now);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let open = connection.socket.exchange(buffer);
        for _ in 0..take_heads(&mut connection.socket.unread) {
            self.database.begin(Query { key, connection: connection.number });
            self.counts.arrived += 1;
            self.counts.peak = self.counts.peak.max(self.database.in_flight());
        }
        if open == Err(Closed) {
            self.connections.remove(key);
        }
    }
}

/// Takes complete heads off the front, and says how many; requests here have no bodies.
fn take_heads(unread: &mut Vec<u8>) -> usize {
    let heads = HEAD_END.find_iter(unread).count();
    if let Some(last) = memmem::rfind(unread, b"\r\n\r\n") {
        unread.drain(..last + 4);
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_counted_once_and_the_rest_is_kept() {
        let mut unread = b"GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HT".to_vec();
        assert_eq!(take_heads(&mut unread), 2);
        assert_eq!(unread, b"GET /3 HT");
        assert_eq!(take_heads(&mut unread), 0);
    }
}
