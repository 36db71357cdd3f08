//! The naive client of the story, as a proxy: a pool of 333 connections, half a minute of waiting for one of them, and
//! three retries at once after any failure. Nothing here is unusual, and that is the point.
//!
//! What is not said in the story is chosen to its advantage. A caller who has left is no longer waited for. And a free
//! connection goes to the caller who came last, as with pools whose waiters are a stack: with a queue every caller
//! would have left by the time of the answer, and the good answers would be none instead of 83 a second.

use std::{
    collections::VecDeque,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use memchr::memmem;
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use slab::Slab;

use super::socket::{Closed, Socket};

/// Connections to the database.
const POOL: usize = 333;
/// Longest wait for a connection, and for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Further attempts after a failure.
const RETRIES: u8 = 3;
/// How exactly patience is kept.
const TICK: Duration = Duration::from_millis(10);
const LISTENER: Token = Token(usize::MAX);
/// Bit of a token that tells connections to the database from those of callers.
const UPSTREAM: usize = 1 << 40;
const FAILED: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
const NO_CONNECTION: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

/// Who asked; keys are used again, so each has a number.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Who {
    key: usize,
    number: u64,
}

/// A request that waits for a connection or for its answer.
struct Request {
    who: Who,
    head: Vec<u8>,
    failures: u8,
    /// When it gives up what it is waiting for.
    until: Instant,
}

struct Caller {
    socket: Socket,
    number: u64,
}

struct Upstream {
    socket: Socket,
    current: Option<Request>,
}

/// The proxy.
struct Naive {
    poll: Poll,
    origin: SocketAddr,
    callers: Slab<Caller>,
    accepted: u64,
    pool: Slab<Upstream>,
    idle: Vec<usize>,
    /// Who waits for a connection; the one who came last is at the back.
    waiting: VecDeque<Request>,
}

/// Serves on `port` of the loopback address until the process is ended.
///
/// # Errors
/// When the port cannot be bound or epoll fails.
pub(crate) fn serve(port: u16, origin: SocketAddr) -> anyhow::Result<()> {
    let poll = Poll::new()?;
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut naive = Naive {
        poll,
        origin,
        callers: Slab::new(),
        accepted: 0,
        pool: Slab::new(),
        idle: Vec::new(),
        waiting: VecDeque::new(),
    };
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 64 * 1024]);
    loop {
        if let Err(error) = naive.poll.poll(&mut events, Some(TICK))
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &events {
            match event.token() {
                LISTENER => naive.accept(&listener)?,
                Token(key) if key & UPSTREAM != 0 => naive.upstream_ready(key & !UPSTREAM, &mut buffer),
                Token(key) => naive.caller_ready(key, &mut buffer),
            }
        }
        naive.give_up(Instant::now());
        naive.assign();
    }
}

impl Naive {
    fn accept(&mut self, listener: &TcpListener) -> anyhow::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error.into()),
            };
            let entry = self.callers.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(entry.key()), interest)?;
            self.accepted += 1;
            entry.insert(Caller { socket: Socket::new(stream), number: self.accepted });
        }
    }

    fn caller_ready(&mut self, key: usize, buffer: &mut [u8]) {
        let Some(caller) = self.callers.get_mut(key) else { return };
        if caller.socket.exchange(buffer) == Err(Closed) {
            self.callers.remove(key);
            return;
        }
        let unread = &mut caller.socket.unread;
        let Some(end) = memmem::find(unread, b"\r\n\r\n") else { return };
        let head = unread.drain(..end + 4).collect();
        let who = Who { key, number: caller.number };
        self.waiting.push_back(Request { who, head, failures: 0, until: Instant::now() + PATIENCE });
        self.assign();
    }

    /// Gives free connections to those who wait, last come, first served.
    fn assign(&mut self) {
        while !self.idle.is_empty() || self.pool.len() < POOL {
            let Some(mut request) = self.waiting.pop_back() else { return };
            if !self.is_there(request.who) {
                continue;
            }
            let Some(key) = self.idle.pop().or_else(|| self.connect()) else {
                self.failed(request);
                continue;
            };
            request.until = Instant::now() + PATIENCE;
            let Some(upstream) = self.pool.get_mut(key) else { continue };
            let sent = upstream.socket.send(&request.head);
            upstream.current = Some(request);
            if sent == Err(Closed) {
                self.broken(key);
            }
        }
    }

    fn connect(&mut self) -> Option<usize> {
        let mut stream = TcpStream::connect(self.origin).ok()?;
        let entry = self.pool.vacant_entry();
        let key = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(key | UPSTREAM), interest).ok()?;
        entry.insert(Upstream { socket: Socket::new(stream), current: None });
        Some(key)
    }

    fn upstream_ready(&mut self, key: usize, buffer: &mut [u8]) {
        let Some(upstream) = self.pool.get_mut(key) else { return };
        let open = upstream.socket.exchange(buffer);
        if let Some(answer) = whole_answer(&mut upstream.socket.unread)
            && let Some(request) = upstream.current.take()
        {
            match answer.starts_with(b"HTTP/1.1 5") {
                true => self.failed(request),
                false => self.reply(request.who, &answer),
            }
            self.idle.push(key);
        }
        if open == Err(Closed) {
            self.broken(key);
        }
    }

    /// A connection is gone, and whatever was asked on it has failed.
    fn broken(&mut self, key: usize) {
        self.idle.retain(|idle| *idle != key);
        if let Some(request) = self.pool.try_remove(key).and_then(|upstream| upstream.current) {
            self.failed(request);
        }
    }

    /// Asks again at once, as long as there are retries left.
    fn failed(&mut self, request: Request) {
        if request.failures >= RETRIES {
            self.reply(request.who, FAILED);
            return;
        }
        let until = Instant::now() + PATIENCE;
        self.waiting.push_back(Request { failures: request.failures + 1, until, ..request });
    }

    fn give_up(&mut self, now: Instant) {
        while self.waiting.front().is_some_and(|request| request.until <= now || !self.is_there(request.who))
        {
            let Some(request) = self.waiting.pop_front() else { return };
            self.reply(request.who, NO_CONNECTION);
        }
        let late =
            |upstream: &Upstream| upstream.current.as_ref().is_some_and(|request| request.until <= now);
        let late: Vec<_> = self.pool.iter().filter(|(_, one)| late(one)).map(|(key, _)| key).collect();
        late.into_iter().for_each(|key| self.broken(key));
    }

    fn is_there(&self, who: Who) -> bool {
        self.callers.get(who.key).is_some_and(|caller| caller.number == who.number)
    }

    fn reply(&mut self, who: Who, answer: &[u8]) {
        if self.is_there(who) && self.callers[who.key].socket.send(answer) == Err(Closed) {
            self.callers.remove(who.key);
        }
    }
}

/// Takes a whole answer with a Content-Length off the front.
fn whole_answer(unread: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head) = response.parse(unread).ok()? else { return None };
    let length = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"))?;
    let length: usize = std::str::from_utf8(length.value).ok()?.trim().parse().ok()?;
    (unread.len() >= head + length).then(|| unread.drain(..head + length).collect())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::{
        client, origin,
        replay::{database::Health, rig::Rig},
        server::free_port,
    };

    #[test]
    fn answers_are_passed_on_and_a_dead_database_is_a_502() {
        let mut rig = Rig::new().unwrap();
        let (port, origin) = (free_port().unwrap(), rig.address());
        // The thread ends with the process: the proxy serves until it is ended.
        thread::spawn(move || serve(port, origin));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let ask = || client::Connection::open(address)?.get("/users/1/posts", &[]);
        for (health, status) in [(Health::Well, 200), (Health::Dead, 502), (Health::Well, 200)] {
            rig.set_health(health).unwrap();
            let answer =
                rig.serve_during(|| crate::poll::until(Duration::from_secs(5), ask)).unwrap().unwrap();
            assert_eq!(answer.status, status);
            assert_eq!(answer.body == *origin::BODY, status == 200);
        }
    }
}
