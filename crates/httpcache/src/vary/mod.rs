//! Which of several kept answers a request selects (RFC 9111 section 4.1).
//!
//! An answer's `Vary` names the request fields that decided it. The values that the request had for them are the *variant*,
//! and a later request selects the answer when it has the same. They are compared in a normal form, so that two ways of
//! writing the same share an answer; a form is normal only where the field's own rules make both ways mean the same.

mod normal;

use http::{HeaderMap, HeaderName, header};
use smallvec::SmallVec;

use crate::list::members;

/// How many fields an answer may vary on. Beyond it every request is a variant of its own anyway.
const MOST_NAMES: usize = 16;
/// The longest variant, in bytes. A request that is larger than this in the fields concerned matches nothing.
const LONGEST_VARIANT: usize = 8 * 1024;
/// What one field takes in a variant, with its name.
const TYPICAL_FIELD: usize = 64;

/// Why an answer with this `Vary` is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unusable {
    /// `*`: something other than fields decided it.
    Any,
    /// A member is no field name.
    Malformed,
    /// More fields than are looked at.
    TooMany,
}

/// The request fields that decided an answer, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Names(SmallVec<[HeaderName; 2]>);

impl Names {
    /// The names in all of an answer's `Vary` fields, and `Accept-Encoding` for an answer that is encoded: not everybody can
    /// read it, and servers exist that forget to say so (nginx does unless `gzip_vary` is on).
    ///
    /// # Errors
    /// When no request can be said to match.
    pub fn of(answer: &HeaderMap) -> Result<Self, Unusable> {
        let is_coded = |coding: &[u8]| !coding.eq_ignore_ascii_case(b"identity");
        let is_encoded = members(answer, header::CONTENT_ENCODING).any(is_coded);
        let unsaid = is_encoded.then_some(header::ACCEPT_ENCODING.as_str().as_bytes());
        let mut names = SmallVec::new();
        for member in members(answer, header::VARY).chain(unsaid) {
            if member == b"*" {
                return Err(Unusable::Any);
            }
            let name = HeaderName::from_bytes(member).map_err(|_| Unusable::Malformed)?;
            if names.contains(&name) {
                continue;
            }
            if names.len() == MOST_NAMES {
                return Err(Unusable::TooMany);
            }
            names.push(name);
        }
        names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        Ok(Self(names))
    }

    /// Whether nothing decided it, so that every request selects it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter()
    }

    /// What `request` has for these names, or `None` when that is too much to be kept.
    #[must_use]
    pub fn variant(&self, request: &HeaderMap) -> Option<Variant> {
        let mut variant = Variant(Vec::with_capacity(self.0.len() * TYPICAL_FIELD));
        for name in &self.0 {
            variant.add(name, request)?;
        }
        Some(variant)
    }

    /// Whether `request` selects the answer that a request of this `variant` was given.
    #[must_use]
    pub fn matches(&self, variant: &Variant, request: &HeaderMap) -> bool {
        self.is_empty() || self.variant(request).as_ref() == Some(variant)
    }
}

/// What a request has for an answer's names. Two are equal exactly when the requests select the same answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Variant(Vec<u8>);

impl Variant {
    /// Its bytes, which say nothing to people; for keys.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds a name and its value. Lengths come before texts, so that no value can pass for a further name, and an absent
    /// field differs from an empty one.
    fn add(&mut self, name: &HeaderName, request: &HeaderMap) -> Option<()> {
        self.text(|bytes| bytes.extend_from_slice(name.as_str().as_bytes()))?;
        let is_there = request.contains_key(name);
        self.0.push(u8::from(is_there));
        if is_there { self.text(|bytes| normal::write(name, request, bytes)) } else { Some(()) }
    }

    fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Option<()> {
        let at = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        let start = self.0.len();
        write(&mut self.0);
        let length = u32::try_from(self.0.len() - start).ok()?;
        self.0[at..start].copy_from_slice(&length.to_le_bytes());
        (self.0.len() <= LONGEST_VARIANT).then_some(())
    }
}

#[cfg(test)]
mod tests;
