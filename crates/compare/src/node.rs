//! JSON read one level at a time, with numbers kept as they were written.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Value, value::RawValue};

use crate::rules::Leaf;

/// A body that is JSON throughout.
#[derive(Debug)]
pub(crate) struct Document<'a>(&'a RawValue);

/// One level of a document. Children stay text until somebody looks at them: equal text needs no look.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    Null,
    Boolean(bool),
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
            Some(first @ (b't' | b'f')) => Self::Boolean(*first == b't'),
            Some(b'n') => Self::Null,
            _ => Self::Number(text),
        })
    }

    /// The value as rules see it.
    pub(crate) fn leaf(&self) -> Leaf<'_> {
        match self {
            Self::Null => Leaf::Null,
            Self::Boolean(value) => Leaf::Boolean(*value),
            Self::Number(text) => Leaf::Number(text),
            Self::String(text) => Leaf::Text(Cow::Borrowed(text)),
            Self::Array(_) => Leaf::List,
            Self::Object(_) => Leaf::Object,
        }
    }
}

/// What a JSON Pointer's keys lead to, if anything.
pub(crate) fn lookup<'a>(raw: &'a RawValue, keys: &[String]) -> Option<&'a RawValue> {
    keys.iter().try_fold(raw, |raw, key| match Node::read(raw).ok()? {
        Node::Object(members) => members.get(key).copied(),
        Node::Array(elements) => elements.get(key.parse::<usize>().ok()?).copied(),
        _ => None,
    })
}

/// The value at a place, for a report.
pub(crate) fn value(raw: &RawValue) -> Option<Value> {
    serde_json::from_str(raw.get()).ok()
}
