//! What an answer is found by: the primary key (RFC 9111 section 2).
//!
//! Two requests with equal keys get the same answer. So a request that somebody can *make* equal to another one's is how a
//! cache is poisoned, and a key must resist more than accidents.
//!
//! - The parts are written one after the other, each with its kind and its length ([`KeyBuilder`]). Different parts never
//!   make the same bytes, whatever they contain: no text in a path can pass for a header or an identity.
//! - The bytes are hashed to 128 bits with SipHash-2-4 under a [`Secret`]. SipHash is a pseudo-random function: without the
//!   secret nobody can work out two inputs with the same output, nor learn from outputs, which never leave the process, how
//!   to. What remains is chance: among 2^32 kept answers one pair is equal with a probability of 2^-65. A fast hash without a
//!   secret would do for accidents, and collisions of such hashes are made in seconds.
//!
//! The secret comes from the operating system. Nodes that share a store share the secret, or find nothing of one another's.

mod path;
mod query;

use std::fmt;

use siphasher::sip128::SipHasher24;

pub use query::QueryPart;

use crate::vary::Variant;

/// What keys are hashed under.
#[derive(Clone, Copy)]
pub struct Secret([u8; 16]);

impl Secret {
    /// A secret of random bytes.
    #[must_use]
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    fn hash(&self, bytes: &[u8]) -> Key {
        Key(SipHasher24::new_with_key(&self.0).hash(bytes).as_u128().to_le_bytes())
    }
}

impl fmt::Debug for Secret {
    /// It stays one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What an answer is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 16]);

impl Key {
    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Eight of its bytes as a number: spread evenly, for tables that hash no more.
    #[must_use]
    pub fn low(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// The key of one variant of the answers that this key finds (RFC 9111 section 4.1).
    #[must_use]
    pub fn of_variant(&self, variant: &Variant, secret: &Secret) -> Self {
        let mut bytes = Vec::with_capacity(CAPACITY);
        bytes.push(Kind::Variant as u8);
        bytes.extend_from_slice(&self.0);
        bytes.extend_from_slice(variant.as_bytes());
        secret.hash(&bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:032x})", u128::from_be_bytes(self.0))
    }
}

/// What a typical key takes, and more. Measured: a buffer within the builder costs more to move from call to call than one
/// allocation does.
const CAPACITY: usize = 192;

/// In place of a length that one byte does not hold.
const LONG: u8 = u8::MAX;

/// What a part of a key is.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Kind {
    Host = 1,
    Side,
    Path,
    Query,
    Parameter,
    Name,
    Value,
    Variant,
}

/// A path or a query as keys have it: percent-encoding in normal form (RFC 3986 section 6.2.2). For whoever has to know what
/// shares a key without making one, such as who invalidates by address.
#[must_use]
pub fn normal_encoding(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    path::normalise(text.as_bytes(), &mut bytes);
    bytes
}

/// Puts a key together, part by part. The order of calls is part of the key. Both methods that are answered from a cache
/// (GET and HEAD) share their keys; other methods have none.
#[derive(Clone, Debug, Default)]
pub struct KeyBuilder {
    bytes: Vec<u8>,
}

impl KeyBuilder {
    /// A key without parts.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: Vec::with_capacity(CAPACITY) }
    }

    /// The host, with its port if the request names one. Hosts are insensitive to case (RFC 3986 section 3.2.2).
    #[inline]
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.part(Kind::Host, |bytes| {
            let start = bytes.len();
            bytes.extend_from_slice(host.as_bytes());
            bytes[start..].make_ascii_lowercase();
        });
        self
    }

    /// Which of several systems answers: an answer of one must not stand for another's. A number that a caller gives to
    /// each, and keeps for as long as it keeps answers.
    #[inline]
    #[must_use]
    pub fn side(mut self, side: u32) -> Self {
        self.part(Kind::Side, |bytes| bytes.extend_from_slice(&side.to_le_bytes()));
        self
    }

    /// The path, with percent-encoding in normal form (RFC 3986 section 6.2.2). Nothing else is changed: what two slashes or
    /// two dots mean is the origin's to say.
    #[inline]
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.part(Kind::Path, |bytes| path::normalise(path.as_bytes(), bytes));
        self
    }

    /// The query, or what of it decides the answer.
    #[inline]
    #[must_use]
    pub fn query(mut self, query: Option<&str>, wanted: QueryPart<'_>) -> Self {
        query::add(&mut self, query, wanted);
        self
    }

    /// Anything else that decides the answer, such as a header, a cookie or who is asking. `None` differs from empty.
    #[inline]
    #[must_use]
    pub fn extra(mut self, name: &str, value: Option<&[u8]>) -> Self {
        self.part(Kind::Name, |bytes| bytes.extend_from_slice(name.as_bytes()));
        if let Some(value) = value {
            self.part(Kind::Value, |bytes| bytes.extend_from_slice(value));
        }
        self
    }

    /// The bytes that stand for all parts: different parts, different bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key.
    #[inline]
    #[must_use]
    pub fn finish(&self, secret: &Secret) -> Key {
        secret.hash(&self.bytes)
    }

    /// Writes the kind, the length and what `write` adds. A short length takes one byte and a long one nine, of which the
    /// first says so: whoever reads from the front always knows where a part ends.
    #[inline]
    fn part(&mut self, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.extend_from_slice(&[kind as u8, LONG]);
        let start = self.bytes.len();
        write(&mut self.bytes);
        let length = self.bytes.len() - start;
        match u8::try_from(length) {
            Ok(short) if short != LONG => self.bytes[start - 1] = short,
            _ => drop(self.bytes.splice(start..start, (length as u64).to_le_bytes())),
        }
    }
}

#[cfg(test)]
mod tests;
