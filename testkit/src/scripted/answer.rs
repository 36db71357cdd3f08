//! What an upstream does with a request.

use std::time::Duration;

use crate::{pattern::Pattern, scripted::Gate};

/// One thing after the other; afterwards the connection waits for its next request.
///
/// The request's body is read first, unless the answer begins with [`Answer::early`].
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) steps: Vec<Step>,
}

/// One thing an upstream does.
#[derive(Clone, Debug)]
pub(super) enum Step {
    ReadBody,
    Send(Vec<u8>),
    Dribble(Vec<u8>, Duration),
    Pattern(Pattern),
    Wait(Gate),
    Echo,
    Hang,
    Close,
    Reset,
}

impl Answer {
    /// Reads the request's body, then does what follows.
    #[must_use]
    pub fn new() -> Self {
        Self { steps: vec![Step::ReadBody] }
    }

    /// Does what follows before it reads the request's body, or without ever reading it.
    #[must_use]
    pub fn early() -> Self {
        Self { steps: Vec::new() }
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Reads the request's body: after [`Answer::early`], once it has sent a 100, say.
    #[must_use]
    pub fn read_body(self) -> Self {
        self.then(Step::ReadBody)
    }

    /// Sends bytes as they are.
    #[must_use]
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Send(bytes.into()))
    }

    /// Sends a whole response.
    #[must_use]
    pub fn reply(self, reply: Reply) -> Self {
        self.send(reply.bytes())
    }

    /// Sends bytes one at a time, each in a segment of its own, `every` apart (zero: as fast as it goes).
    #[must_use]
    pub fn dribble(self, bytes: impl Into<Vec<u8>>, every: Duration) -> Self {
        self.then(Step::Dribble(bytes.into(), every))
    }

    /// Sends a large body; its head is to be sent before, by [`Reply::head`].
    #[must_use]
    pub fn pattern(self, body: Pattern) -> Self {
        self.then(Step::Pattern(body))
    }

    /// Waits until the test opens the gate.
    #[must_use]
    pub fn wait(self, gate: &Gate) -> Self {
        self.then(Step::Wait(gate.clone()))
    }

    /// Sends back whatever comes, until the caller stops: a tunnel, after a 101.
    #[must_use]
    pub fn echo(self) -> Self {
        self.then(Step::Echo)
    }

    /// Does all that another answer does; the request's body is read only once.
    #[must_use]
    pub fn followed_by(mut self, next: Self) -> Self {
        let has_read = self.steps.iter().any(|step| matches!(step, Step::ReadBody));
        self.steps.extend(next.steps.into_iter().filter(|step| !has_read || !matches!(step, Step::ReadBody)));
        self
    }

    /// Does nothing more and keeps the connection open, until the caller closes it.
    #[must_use]
    pub fn hang(self) -> Self {
        self.then(Step::Hang)
    }

    /// Closes the connection in order.
    #[must_use]
    pub fn close(self) -> Self {
        self.then(Step::Close)
    }

    /// Closes the connection by reset.
    #[must_use]
    pub fn reset(self) -> Self {
        self.then(Step::Reset)
    }
}

impl Default for Answer {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::new().reply(reply)
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    fields: Vec<(String, String)>,
    framing: Framing,
}

#[derive(Clone, Debug)]
enum Framing {
    /// Content-Length; the body may come later, or be missing.
    Length(u64, Vec<u8>),
    /// Chunks and trailers.
    Chunked(Vec<Vec<u8>>, Vec<(String, String)>),
    /// Neither: an informational response, or a body that ends with the connection.
    Bare(Vec<u8>),
}

impl Reply {
    /// A response without content (`Content-Length: 0`).
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, fields: Vec::new(), framing: Framing::Length(0, Vec::new()) }
    }

    /// Adds a header field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives it a body, with Content-Length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        self.framing = Framing::Length(body.len() as u64, body);
        self
    }

    /// Gives it a JSON body.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.field("Content-Type", "application/json").body(value.to_string())
    }

    /// Says a Content-Length, and leaves the body to what follows.
    #[must_use]
    pub fn length(mut self, length: u64) -> Self {
        self.framing = Framing::Length(length, Vec::new());
        self
    }

    /// Gives it a body in chunks, and trailer fields.
    #[must_use]
    pub fn chunked(mut self, chunks: &[&str], trailers: &[(&str, &str)]) -> Self {
        let trailers =
            trailers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.framing =
            Framing::Chunked(chunks.iter().map(|chunk| chunk.as_bytes().to_vec()).collect(), trailers);
        self
    }

    /// Leaves out Content-Length and Transfer-Encoding: for 1xx, 204 and 304, or a body that ends with the connection.
    #[must_use]
    pub fn bare(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.framing = Framing::Bare(body.into());
        self
    }

    /// The head alone.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.framing {
            Framing::Length(length, _) => head.push_str(&format!("Content-Length: {length}\r\n")),
            Framing::Chunked(..) => head.push_str("Transfer-Encoding: chunked\r\n"),
            Framing::Bare(_) => {}
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Head and body.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        match &self.framing {
            Framing::Length(_, body) | Framing::Bare(body) => bytes.extend_from_slice(body),
            Framing::Chunked(chunks, trailers) => {
                for chunk in chunks {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n");
                for (name, value) in trailers {
                    bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
                }
                bytes.extend_from_slice(b"\r\n");
            }
        }
        bytes
    }
}
