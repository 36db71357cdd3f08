//! A small blocking HTTP/1.1 client: enough to check a server's answer and to time it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail, ensure};

/// Longest wait for any answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that is kept open.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: u16,
    /// Body, by Content-Length.
    pub(crate) body: Vec<u8>,
    /// Whether the server wants to close the connection.
    pub(crate) closes: bool,
}

/// What the head of an answer says.
struct Head {
    bytes: usize,
    status: u16,
    body: usize,
    closes: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub(crate) fn open(server: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).with_context(|| format!("connect to {server}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a GET and reads its whole answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is not HTTP with a Content-Length.
    pub(crate) fn get(&mut self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: bench.example\r\n");
        for (name, value) in fields {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        self.stream.write_all(request.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> anyhow::Result<Answer> {
        self.buffer.clear();
        loop {
            if let Some(head) = parse(&self.buffer)? {
                let end = head.bytes + head.body;
                ensure!(self.buffer.len() <= end, "more bytes than the answer has");
                if self.buffer.len() == end {
                    let body = self.buffer[head.bytes..].to_vec();
                    return Ok(Answer { status: head.status, body, closes: head.closes });
                }
            }
            let mut piece = [0; 4096];
            let read = self.stream.read(&mut piece)?;
            ensure!(read > 0, "the connection was closed before the answer's end");
            self.buffer.extend_from_slice(&piece[..read]);
        }
    }
}

fn parse(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = response.parse(bytes)? else { return Ok(None) };
    let field = |name: &str| {
        let found = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        found.and_then(|field| std::str::from_utf8(field.value).ok())
    };
    let Some(body) = field("content-length") else { bail!("the answer has no Content-Length") };
    Ok(Some(Head {
        bytes: length,
        status: response.code.context("no status")?,
        body: body.trim().parse()?,
        closes: field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
    }))
}

/// Checks what is counted later: two requests on one connection get the right status and the right body, and the
/// connection stays open. A server that answers wrongly, or connects anew each time, must not win a race.
///
/// # Errors
/// Says what is wrong.
pub(crate) fn check(
    server: SocketAddr,
    path: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> anyhow::Result<()> {
    let mut connection = Connection::open(server)?;
    for turn in ["first", "second"] {
        let answer =
            connection.get(path, fields).with_context(|| format!("{turn} request on a connection"))?;
        ensure!(answer.status == 200, "{turn} request: status {}", answer.status);
        ensure!(answer.body == body, "{turn} request: the body is not the origin's");
        ensure!(!answer.closes, "{turn} request: the server closes the connection");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    fn scripted(answers: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut request = [0; 4096];
                assert!(stream.read(&mut request).unwrap() > 0);
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        address
    }

    const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    #[test]
    fn passes_a_server_that_keeps_the_connection() {
        check(scripted(&[GOOD, GOOD]), "/", &[], b"ok").unwrap();
    }

    #[test]
    fn refuses_wrong_answers() {
        let wrong: [(&'static [&'static str], &str); 4] = [
            (&["HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nok"], "status 502"),
            (&["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"], "not the origin's"),
            (&["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"], "closes"),
            (&[GOOD], "second request"),
        ];
        for (answers, why) in wrong {
            let error = check(scripted(answers), "/", &[], b"ok").unwrap_err();
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }
}
