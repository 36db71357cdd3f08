//! The origin: about the least a server can do per request, so that it never is the limit.
//!
//! One thread, epoll, prebuilt answers to whatever GET arrives, connections kept open for as long as the caller
//! wants. Not a general HTTP server: it reads heads only, and trusts the proxies that are measured.
//!
//! The same loop on the server's core, with every item ready in memory, is the floor of the cache's measurements: what a
//! hit costs when nothing but the kernel and a look at the path is paid for.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    sync::LazyLock,
};

use memchr::memmem::{self, Finder};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use slab::Slab;

use crate::items;

/// Bytes of the answer's body.
pub(crate) const BODY_BYTES: usize = 1024;
/// A head that grows beyond this is not from a proxy that works.
const MAX_HEAD: usize = 64 * 1024;
const LISTENER: Token = Token(usize::MAX);

/// The answer's body: 1 KiB of JSON.
pub(crate) static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| items::body(7, BODY_BYTES));

static HEAD_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(END));

const END: &[u8] = b"\r\n\r\n";

/// What is answered.
pub(crate) struct Answers(Vec<Vec<u8>>);

impl Answers {
    /// The same to every request.
    pub(crate) fn same() -> Self {
        Self(vec![items::answer(7, BODY_BYTES, None)])
    }

    /// Items `0..count` of `bytes` bytes each. With one, that one is the answer to every request.
    pub(crate) fn items(count: usize, bytes: usize) -> Self {
        Self((0..count).map(|n| items::answer(n, bytes, None)).collect())
    }

    /// The answer to a request; `None` when there is none and the connection ends.
    fn to(&self, head: &[u8]) -> Option<&[u8]> {
        match self.0.as_slice() {
            [only] => Some(only),
            many => many.get(items::asked_for(head)?).map(Vec::as_slice),
        }
    }
}

/// One connection.
struct Connection {
    stream: TcpStream,
    /// The start of a head whose end has not come.
    unread: Vec<u8>,
    /// What the kernel has not taken yet.
    unsent: Vec<u8>,
}

/// Gives `answers` on `port` of the loopback address until the process is ended.
///
/// # Errors
/// When the port cannot be bound or epoll fails.
pub(crate) fn serve(port: u16, answers: &Answers) -> anyhow::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections = Slab::new();
    let mut buffer = vec![0; MAX_HEAD];
    loop {
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&poll, &listener, &mut connections)?;
                continue;
            }
            let key = event.token().0;
            let open = connections
                .get_mut(key)
                .is_some_and(|connection| connection.advance(&mut buffer, answers).is_some());
            if !open && connections.contains(key) {
                connections.remove(key);
            }
        }
    }
}

fn accept(poll: &Poll, listener: &TcpListener, connections: &mut Slab<Connection>) -> anyhow::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        stream.set_nodelay(true)?;
        let entry = connections.vacant_entry();
        poll.registry().register(&mut stream, Token(entry.key()), Interest::READABLE | Interest::WRITABLE)?;
        entry.insert(Connection { stream, unread: Vec::new(), unsent: Vec::new() });
    }
}

impl Connection {
    /// Reads and answers until the kernel has no more for this connection; `None` when it is over.
    fn advance(&mut self, buffer: &mut [u8], answers: &Answers) -> Option<()> {
        self.send(&[])?;
        loop {
            let read = match self.stream.read(buffer) {
                Ok(0) => return None,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return None,
            };
            self.answer(&buffer[..read], answers)?;
            if self.unread.len() > MAX_HEAD {
                return None;
            }
            if read < buffer.len() {
                // Edge-triggered, and a short read emptied the socket: spare the call that would say so.
                return Some(());
            }
        }
    }

    /// Answers each head that is complete now; keeps what follows the last.
    fn answer(&mut self, new: &[u8], answers: &Answers) -> Option<()> {
        if self.unread.is_empty() && new.ends_with(END) {
            return self.answer_all(new, answers);
        }
        let mut unread = std::mem::take(&mut self.unread);
        unread.extend_from_slice(new);
        let whole = memmem::rfind(&unread, END).map_or(0, |at| at + END.len());
        self.answer_all(&unread[..whole], answers)?;
        unread.drain(..whole);
        self.unread = unread;
        Some(())
    }

    /// Answers heads of which each is complete.
    fn answer_all(&mut self, heads: &[u8], answers: &Answers) -> Option<()> {
        let mut start = 0;
        for end in HEAD_END.find_iter(heads) {
            self.send(answers.to(&heads[start..end])?)?;
            start = end + END.len();
        }
        Some(())
    }

    fn send(&mut self, bytes: &[u8]) -> Option<()> {
        if self.unsent.is_empty() {
            let written = self.write_some(bytes)?;
            self.unsent.extend_from_slice(&bytes[written..]);
        } else {
            self.unsent.extend_from_slice(bytes);
            let waiting = std::mem::take(&mut self.unsent);
            let written = self.write_some(&waiting)?;
            self.unsent = waiting;
            self.unsent.drain(..written);
        }
        Some(())
    }

    /// Writes what the kernel takes without waiting; `None` when the connection is over.
    fn write_some(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut written = 0;
        while written < bytes.len() {
            match self.stream.write(&bytes[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        Some(written)
    }
}

#[cfg(test)]
mod tests {
    use std::{net, thread};

    use super::*;
    use crate::{client::Connection as Client, server::free_port};

    #[test]
    fn the_body_is_one_kibibyte_of_json() {
        assert_eq!(BODY.len(), BODY_BYTES);
        assert!(serde_json::from_slice::<serde_json::Value>(&BODY).is_ok());
    }

    #[test]
    fn answers_heads_that_come_in_pieces_and_heads_that_come_together() {
        let port = free_port().unwrap();
        // The thread ends with the process: the origin serves until it is ended.
        thread::spawn(move || serve(port, &Answers::same()));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut client =
            crate::poll::until(std::time::Duration::from_secs(5), || Client::open(address)).unwrap();
        assert_eq!(client.get("/any", &[]).unwrap().body, *BODY);

        let mut raw = net::TcpStream::connect(address).unwrap();
        for piece in ["GET / HT", "TP/1.1\r\nHost: a\r\n\r", "\nGET /2 HTTP/1.1\r\n\r\n"] {
            raw.write_all(piece.as_bytes()).unwrap();
        }
        let answer = items::answer(7, BODY_BYTES, None);
        let mut answers = vec![0; 2 * answer.len()];
        raw.read_exact(&mut answers).unwrap();
        assert_eq!(answers, answer.repeat(2));
    }

    #[test]
    fn each_item_is_answered_with_itself_and_another_path_with_an_end() {
        let port = free_port().unwrap();
        thread::spawn(move || serve(port, &Answers::items(3, 256)));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut client =
            crate::poll::until(std::time::Duration::from_secs(5), || Client::open(address)).unwrap();
        for n in [2, 0, 1] {
            assert_eq!(client.get(&items::path(n), &[]).unwrap().body, items::body(n, 256));
        }
        assert!(client.get(&items::path(3), &[]).is_err());
    }
}
