//! Messages as they came over the wire.

use sha2::{Digest, Sha256};

use crate::pattern::hex;

/// Bytes of a body that are kept; of the rest only length and digest are.
pub const KEPT_BODY: usize = 1024 * 1024;

/// Header or trailer fields in the order they came, names as they were spelt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The first field of this name, in whatever case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let same = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.0.iter().find(same).map(|(_, value)| value.as_str())
    }

    /// Every field of this name, in whatever case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.0.iter().filter(same).map(|(_, value)| value.as_str())
    }

    pub(crate) fn of(fields: &[httparse::Header<'_>]) -> Self {
        let field = |field: &httparse::Header<'_>| {
            (field.name.to_owned(), String::from_utf8_lossy(field.value).into_owned())
        };
        Self(fields.iter().map(field).collect())
    }
}

/// A body that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// Its first bytes, at most [`KEPT_BODY`].
    pub bytes: Vec<u8>,
    /// Its length, without chunk framing.
    pub length: u64,
    /// SHA-256 of all of it, hex.
    pub sha256: String,
    /// Trailer fields.
    pub trailers: Fields,
    /// Whether it came to its end; a body that ends with the connection always has.
    pub complete: bool,
}

/// A request, as an upstream got it.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// The head, byte by byte.
    pub head: Vec<u8>,
    /// Method; empty when the head was no HTTP.
    pub method: String,
    /// Request target.
    pub target: String,
    /// Header fields.
    pub fields: Fields,
    /// What was read of the body.
    pub body: Body,
    /// Which of the upstream's connections it came on, counted from 0.
    pub connection: usize,
}

/// A response, as a client got it.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The head, byte by byte.
    pub head: Vec<u8>,
    /// Status code.
    pub status: u16,
    /// Header fields.
    pub fields: Fields,
    /// The body.
    pub body: Body,
}

impl Response {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body.bytes).into_owned()
    }

    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body.bytes).unwrap_or_default()
    }
}

/// Collects a body.
#[derive(Default)]
pub(crate) struct Collector {
    bytes: Vec<u8>,
    length: u64,
    hash: Sha256,
}

impl Collector {
    pub(crate) fn add(&mut self, piece: &[u8]) {
        self.length += piece.len() as u64;
        self.hash.update(piece);
        let room = KEPT_BODY - self.bytes.len();
        self.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    pub(crate) fn finish(self, trailers: Fields, complete: bool) -> Body {
        let sha256 = hex(&self.hash.finalize());
        Body { bytes: self.bytes, length: self.length, sha256, trailers, complete }
    }
}
