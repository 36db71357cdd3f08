//! JSON read one level at a time, with numbers kept as they were written.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

/// A body that is JSON throughout.
#[derive(Debug)]
pub(crate) struct Document<'a>(&'a RawValue);

/// One level of a document. Children stay text until somebody looks at them: equal text needs no look.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    Null,
    Boolean,
    Number(&'a str),
    String(String),
    Array(Vec<&'a RawValue>),
    /// By key, so that order does not matter; the last of duplicated keys wins.
    Object(BTreeMap<String, &'a RawValue>),
}

impl<'a> Document<'a> {
    /// The body as JSON; `None` when it is not, or is nested too deeply.
    pub(crate) fn parse(body: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        // Raw values are scanned without a depth limit. Reading the whole once puts one on the walk that follows.
        serde_json::from_str::<Value>(text).ok()?;
        serde_json::from_str(text).ok().map(Self)
    }

    /// Its outermost value.
    pub(crate) fn root(&self) -> &'a RawValue {
        self.0
    }
}

impl<'a> Node<'a> {
    /// Reads one level.
    pub(crate) fn read(raw: &'a RawValue) -> serde_json::Result<Self> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'{') => Self::Object(serde_json::from_str(text)?),
            Some(b'[') => Self::Array(serde_json::from_str(text)?),
            Some(b'"') => Self::String(serde_json::from_str(text)?),
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            _ => Self::Number(text),
        })
    }
}

/// The value at a place, for a report.
pub(crate) fn value(raw: &RawValue) -> Option<Value> {
    serde_json::from_str(raw.get()).ok()
}
