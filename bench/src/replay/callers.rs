//! The callers of one system: an open-loop generator on keep-alive connections.
//!
//! A request that is due takes the connection that was used last, or a new one. Who is not answered within
//! [`PATIENCE`] leaves. All callers share one address, where in truth each has its own: so leaving resets the connection,
//! or those who left would keep the address's ports for a minute more and nobody could ask.
//!
//! With `retries`, whoever failed asks again after 100 ms, 200 ms, 400 ms and 800 ms, each give or take half, as long as
//! patience lasts, and does not look at Retry-After: the callers one has, not the callers one wants.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::Write,
    net::SocketAddr,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use mio::{Interest, Registry, net::TcpStream};
use rustix::net::sockopt::set_socket_linger;
use slab::Slab;

use super::{
    answer,
    dice::Dice,
    schedule::Schedule,
    socket::{Closed, Socket},
    tally::{End, Tally},
    token::{Part, token},
};

/// How long a caller waits for an answer, over all tries.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Connections of a lane that are open at once; a jam needs 1,167 a second for as long as callers wait.
const MAX_CONNECTIONS: usize = 12_000;
/// Users that the requests are from.
const USERS: u64 = 1_000;
/// Pause before the first further try; doubled for each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A request of a user, over all its tries.
#[derive(Clone, Copy)]
struct Wish {
    /// When it was due.
    due: Duration,
    user: u64,
    tries: u8,
}

/// A try under way.
#[derive(Clone, Copy)]
struct Try {
    wish: Wish,
    /// When this try was due.
    due: Duration,
    number: u64,
}

/// A connection, idle or with a try.
struct Connection {
    socket: Socket,
    current: Option<Try>,
}

/// A try that waits for its turn; ordered by time, then by number.
type Later = Reverse<(Duration, u64)>;

/// Everything one system is asked, and what became of it.
pub(crate) struct Callers {
    target: SocketAddr,
    start: Instant,
    schedule: Schedule,
    /// Requests that were due so far.
    turn: u64,
    retries: u8,
    dice: Dice,
    connections: Slab<Connection>,
    /// Keys of idle connections, and of some that are gone; the one used last is on top.
    idle: Vec<usize>,
    /// When the patience for a try ends; its connection, and its number.
    patience: BinaryHeap<Reverse<(Duration, usize, u64)>>,
    again: BinaryHeap<Later>,
    /// The wishes in `again`, by number, with how their last try ended.
    wishes: Slab<(Wish, End)>,
    number: u64,
    /// Tries that have not ended.
    under_way: usize,
    request: Vec<u8>,
    tally: Tally,
    /// How late requests were sent, in microseconds.
    lag: Histogram<u32>,
}

impl Callers {
    /// Callers of `target`; nothing is sent before [`Self::advance`].
    ///
    /// # Errors
    /// Never: the histogram's bounds are constants that fit.
    pub(crate) fn new(
        target: SocketAddr,
        start: Instant,
        schedule: Schedule,
        retries: u8,
        dice: Dice,
        tally: Tally,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            target,
            start,
            schedule,
            turn: 0,
            retries,
            dice,
            connections: Slab::new(),
            idle: Vec::new(),
            patience: BinaryHeap::new(),
            again: BinaryHeap::new(),
            wishes: Slab::new(),
            number: 0,
            under_way: 0,
            request: Vec::new(),
            tally,
            lag: Histogram::new_with_bounds(1, 60_000_000, 2)?,
        })
    }

    /// From now on, asks somebody else; tries under way stay where they are.
    pub(crate) fn turn_to(&mut self, target: SocketAddr) {
        self.target = target;
        for key in self.idle.drain(..) {
            if self.connections.get(key).is_some_and(|connection| connection.current.is_none()) {
                self.connections.remove(key);
            }
        }
    }

    /// Sends what is due, and lets go what nobody waits for any more.
    pub(crate) fn advance(&mut self, registry: &Registry) {
        let now = self.start.elapsed();
        while let Some(due) = self.schedule.due(self.turn).filter(|due| *due <= now) {
            self.turn += 1;
            self.tally.offered(due);
            self.lag.saturating_record(micros(self.start.elapsed().saturating_sub(due)).max(1));
            let user = self.dice.next() % USERS;
            self.send(Wish { due, user, tries: 0 }, due, registry);
        }
        while self.again.peek().is_some_and(|Reverse((due, _))| *due <= now) {
            let Some(Reverse((due, key))) = self.again.pop() else { break };
            if let Some((wish, _)) = usize::try_from(key).ok().and_then(|key| self.wishes.try_remove(key)) {
                self.send(wish, due, registry);
            }
        }
        while self.patience.peek().is_some_and(|Reverse((until, ..))| *until <= now) {
            let Some(Reverse((_, key, number))) = self.patience.pop() else { break };
            let waits = |one: &Connection| one.current.is_some_and(|current| current.number == number);
            if self.connections.get(key).is_some_and(waits) {
                self.close(key, End::TimedOut);
            }
        }
    }

    /// Takes in what came on a connection.
    pub(crate) fn ready(&mut self, key: usize, buffer: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let open = connection.socket.exchange(buffer);
        let taken = answer::take(&mut connection.socket.unread);
        match (taken, open) {
            (Ok(Some(answer)), open) => {
                let end = End::Answered(answer.worth);
                if answer.keeps && open.is_ok() {
                    let current = connection.current.take();
                    self.idle.push(key);
                    self.ended(current, end);
                } else {
                    self.close(key, end);
                }
            }
            (Ok(None), Ok(())) => {}
            (Ok(None), Err(Closed)) | (Err(_), _) => self.close(key, End::Broken),
        }
    }

    /// Whether all is over: nothing is due any more, and nobody waits.
    pub(crate) fn are_done(&self) -> bool {
        self.schedule.due(self.turn).is_none() && self.under_way == 0 && self.again.is_empty()
    }

    /// The rows, to note what the database saw.
    pub(crate) fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// Settles whoever still waits, and hands over the results: the rows, and how late requests were sent.
    pub(crate) fn finish(mut self) -> (Tally, Histogram<u32>) {
        let keys: Vec<_> = self.connections.iter().map(|(key, _)| key).collect();
        keys.into_iter().for_each(|key| self.close(key, End::TimedOut));
        for (wish, end) in self.wishes.drain() {
            self.tally.settled(wish.due, end);
        }
        (self.tally, self.lag)
    }

    fn send(&mut self, wish: Wish, due: Duration, registry: &Registry) {
        self.number += 1;
        self.under_way += 1;
        let current = Try { wish: Wish { tries: wish.tries + 1, ..wish }, due, number: self.number };
        let Some(key) = self.idle_connection().or_else(|| self.connect(registry)) else {
            let end = if self.connections.len() < MAX_CONNECTIONS { End::Broken } else { End::Unsent };
            self.ended(Some(current), end);
            return;
        };
        self.request.clear();
        let user = wish.user;
        // Writing to memory does not fail.
        write!(
            self.request,
            "GET /users/{user}/posts HTTP/1.1\r\nHost: replay.example\r\nx-user-id: user-{user}\r\n\r\n"
        )
        .ok();
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.current = Some(current);
        self.patience.push(Reverse((wish.due + PATIENCE, key, current.number)));
        if connection.socket.send(&self.request) == Err(Closed) {
            self.close(key, End::Broken);
        }
    }

    fn idle_connection(&mut self) -> Option<usize> {
        loop {
            let key = self.idle.pop()?;
            if self.connections.get(key).is_some_and(|connection| connection.current.is_none()) {
                return Some(key);
            }
        }
    }

    fn connect(&mut self, registry: &Registry) -> Option<usize> {
        if self.connections.len() >= MAX_CONNECTIONS {
            return None;
        }
        let mut stream = TcpStream::connect(self.target).ok()?;
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, token(Part::Caller, key), interest).ok()?;
        entry.insert(Connection { socket: Socket::new(stream), current: None });
        Some(key)
    }

    fn close(&mut self, key: usize, end: End) {
        if let Some(mut connection) = self.connections.try_remove(key) {
            if end == End::TimedOut {
                set_socket_linger(connection.socket.stream(), Some(Duration::ZERO)).ok();
            }
            self.ended(connection.current, end);
        }
    }

    /// A try came to its end: the wish is settled, or asked for again.
    fn ended(&mut self, current: Option<Try>, end: End) {
        let Some(Try { wish, due, .. }) = current else { return };
        self.under_way = self.under_way.saturating_sub(1);
        let now = self.start.elapsed();
        self.tally.tried(due, end, now.saturating_sub(due));
        let pause = FIRST_PAUSE * 2_u32.pow(u32::from(wish.tries) - 1);
        let again = now + pause.mul_f64(0.5 + self.dice.share());
        if end.is_useful() || wish.tries > self.retries || again >= wish.due + PATIENCE {
            self.tally.settled(wish.due, end);
            return;
        }
        let key = self.wishes.insert((wish, end));
        self.again.push(Reverse((again, key as u64)));
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
