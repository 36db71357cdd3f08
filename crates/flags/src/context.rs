//! Whom a flag is evaluated for.

use serde_json::{Map, Value};
use xxhash_rust::xxh64::Xxh64;

use crate::{ErrorCode, Scalar, kind::named};

/// The largest context, in bytes of JSON. A server looks at this before it parses: what is larger is refused unread.
pub const MAX_CONTEXT_BYTES: usize = 64 * 1024;
/// The most attributes, nested ones and the objects that hold them included.
pub const MAX_ATTRIBUTES: usize = 256;
/// The deepest nesting; the context itself is the first level.
pub const MAX_CONTEXT_DEPTH: usize = 8;
/// The longest path of an attribute, in bytes. Conditions cannot name longer ones, so that contexts do not keep them.
pub const MAX_ATTRIBUTE_PATH: usize = 256;

/// OpenFeature's name for the attribute that percentages go by.
const TARGETING_KEY: &str = "targetingKey";

/// Whom a flag is evaluated for: OpenFeature's evaluation context.
///
/// Nested objects are laid out flat, by dotted paths in order, so that a condition finds its attribute by a few
/// comparisons of texts. A key with a dot in it is found by the same path (`{"app.version": ..}` is
/// `{"app": {"version": ..}}`); a context that says both is refused, since nobody could tell which is meant. Null counts
/// as not there. Lists can be asked whether they exist, and nothing else.
///
/// A context costs allocations; evaluating for it does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// `None`: missing; empty: present and empty.
    targeting_key: Option<Box<str>>,
    /// By path, in order.
    attributes: Box<[(Box<str>, Attribute)]>,
}

/// What a context knows under one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    Scalar(Scalar),
    /// A list or an object: it is there, and that is all.
    Other,
}

/// Why something is not a context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// Not JSON.
    #[error("the context is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object; what it is instead.
    #[error("a context is an object of attributes, not {0}")]
    NotAnObject(&'static str),
    /// More than [`MAX_CONTEXT_BYTES`].
    #[error(
        "the context is larger than {MAX_CONTEXT_BYTES} bytes: send only the attributes that flags ask for"
    )]
    TooLarge,
    /// More than [`MAX_ATTRIBUTES`].
    #[error("the context has more than {MAX_ATTRIBUTES} attributes: send only those that flags ask for")]
    TooManyAttributes,
    /// Deeper than [`MAX_CONTEXT_DEPTH`].
    #[error("the context is nested more than {MAX_CONTEXT_DEPTH} deep: flatten it")]
    TooDeep,
    /// A targeting key that is no text; what it is instead.
    #[error("targetingKey is {0}: it has to be a text, also when ids are numbers (\"42\")")]
    TargetingKeyNotText(&'static str),
    /// JSON, with a number that no float of 64 bits holds; where.
    #[error("the context has a number that is out of range: {0}")]
    NumberOutOfRange(String),
    /// One path twice, nested and with a dot in a key.
    #[error("the context has '{0}' twice, nested and with a dot in its name: send one of them")]
    Ambiguous(String),
}

impl ContextError {
    /// Why a text could not be read. What is JSON, and more than a reader takes, is told from what is none: a client that
    /// nests too deep would look for a mistake of its serializer.
    #[must_use]
    pub fn of_text(error: &serde_json::Error) -> Self {
        // The reader has no codes for these two.
        let said = error.to_string();
        if said.starts_with("recursion limit exceeded") {
            Self::TooDeep
        } else if said.starts_with("number out of range") {
            Self::NumberOutOfRange(said)
        } else {
            Self::NotJson(said)
        }
    }

    /// OpenFeature's code: `PARSE_ERROR` for what is not JSON, else `INVALID_CONTEXT`.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotJson(_) => ErrorCode::ParseError,
            _ => ErrorCode::InvalidContext,
        }
    }
}

impl Context {
    /// A context with a targeting key and nothing else.
    #[must_use]
    pub fn for_subject(targeting_key: &str) -> Self {
        let attribute = Attribute::Scalar(Scalar::Text(targeting_key.into()));
        Self {
            targeting_key: Some(targeting_key.into()),
            attributes: Box::new([(TARGETING_KEY.into(), attribute)]),
        }
    }

    /// From the text of a JSON object. A text that is too long is refused before any of it is read.
    ///
    /// # Errors
    /// [`ContextError`].
    pub fn parse(text: &[u8]) -> Result<Self, ContextError> {
        if text.len() > MAX_CONTEXT_BYTES {
            return Err(ContextError::TooLarge);
        }
        let value = serde_json::from_slice(text).map_err(|error| ContextError::of_text(&error))?;
        Self::from_json(&value)
    }

    /// From a JSON object that was already parsed.
    ///
    /// Its size is counted as that of its compact text without escapes.
    ///
    /// # Errors
    /// [`ContextError`].
    pub fn from_json(value: &Value) -> Result<Self, ContextError> {
        let Value::Object(map) = value else { return Err(ContextError::NotAnObject(named(value))) };
        Size::default().add(value, 1)?;
        let targeting_key = match map.get(TARGETING_KEY) {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => Some(key.as_str().into()),
            Some(other) => return Err(ContextError::TargetingKeyNotText(named(other))),
        };
        let mut attributes = Vec::with_capacity(map.len());
        flatten(&mut String::new(), map, &mut attributes);
        attributes.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        if let Some(pair) = attributes.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(ContextError::Ambiguous(pair[0].0.to_string()));
        }
        Ok(Self { targeting_key, attributes: attributes.into_boxed_slice() })
    }

    /// From a targeting key and attributes. Of two attributes with one name the later counts.
    ///
    /// # Errors
    /// [`ContextError`].
    pub fn from_pairs<K: Into<String>>(
        targeting_key: Option<&str>,
        pairs: impl IntoIterator<Item = (K, Value)>,
    ) -> Result<Self, ContextError> {
        let mut map = pairs.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map<_, _>>();
        if let Some(key) = targeting_key {
            map.insert(TARGETING_KEY.to_owned(), Value::from(key));
        }
        Self::from_json(&Value::Object(map))
    }

    /// The targeting key: `None` if it is missing, an empty text if it was given empty.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        self.targeting_key.as_deref()
    }

    /// How many attributes there are, the objects that hold others and the targeting key included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.attributes.len()
    }

    /// Whether nothing is known at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// A hash of all that an evaluation can see; the order of attributes does not count.
    ///
    /// Stable over versions and machines, so that it may be part of an `ETag` that is compared before anything is
    /// evaluated. What no condition can ask about, such as the elements of a list, is not in it.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Xxh64::new(0);
        for (path, attribute) in &self.attributes {
            text(&mut hash, path);
            match attribute {
                Attribute::Other => hash.update(&[0]),
                Attribute::Scalar(Scalar::Boolean(truth)) => hash.update(&[1, u8::from(*truth)]),
                Attribute::Scalar(Scalar::Number(number)) => {
                    hash.update(&[2]);
                    hash.update(&number.bytes());
                }
                Attribute::Scalar(Scalar::Text(value)) => {
                    hash.update(&[3]);
                    text(&mut hash, value);
                }
            }
        }
        hash.digest()
    }

    pub(crate) fn attribute(&self, path: &str) -> Option<&Attribute> {
        let found = self.attributes.binary_search_by(|(other, _)| (**other).cmp(path)).ok()?;
        self.attributes.get(found).map(|(_, attribute)| attribute)
    }
}

/// A text and its length: no two lists of texts have the same bytes.
fn text(hash: &mut Xxh64, text: &str) {
    hash.update(&(text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

/// What a context comes to, never more than the length of its compact text. It stops counting at the first limit, so that
/// a hostile context costs no more than a large one.
#[derive(Default)]
struct Size {
    bytes: usize,
    attributes: usize,
}

impl Size {
    fn add(&mut self, value: &Value, depth: usize) -> Result<(), ContextError> {
        match value {
            Value::Null => self.grow(4),
            Value::Bool(_) => self.grow(4),
            Value::Number(number) => self.grow(number.to_string().len()),
            Value::String(text) => self.grow(text.len() + 2),
            _ if depth > MAX_CONTEXT_DEPTH => Err(ContextError::TooDeep),
            Value::Array(elements) => {
                self.grow(1)?;
                elements.iter().try_for_each(|element| {
                    self.grow(1)?;
                    self.add(element, depth + 1)
                })
            }
            Value::Object(map) => {
                self.grow(1)?;
                map.iter().try_for_each(|(key, value)| {
                    self.grow(key.len() + 4)?;
                    self.attributes += usize::from(!value.is_null());
                    if self.attributes > MAX_ATTRIBUTES {
                        return Err(ContextError::TooManyAttributes);
                    }
                    self.add(value, depth + 1)
                })
            }
        }
    }

    fn grow(&mut self, bytes: usize) -> Result<(), ContextError> {
        self.bytes += bytes;
        if self.bytes > MAX_CONTEXT_BYTES { Err(ContextError::TooLarge) } else { Ok(()) }
    }
}

/// Lays out an object whose size was checked.
fn flatten(path: &mut String, map: &Map<String, Value>, into: &mut Vec<(Box<str>, Attribute)>) {
    for (key, value) in map {
        let above = path.len();
        if above > 0 {
            path.push('.');
        }
        path.push_str(key);
        if path.len() <= MAX_ATTRIBUTE_PATH && !value.is_null() {
            let attribute = Scalar::of(value).map_or(Attribute::Other, Attribute::Scalar);
            into.push((path.as_str().into(), attribute));
            if let Value::Object(nested) = value {
                flatten(path, nested, into);
            }
        }
        path.truncate(above);
    }
}

#[cfg(test)]
mod tests;
