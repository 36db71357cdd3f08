//! A promise that was broken.

use std::fmt;

/// How an answer differs from what was promised. Never shows what was in the body: names and places in it are those of the
/// promise, not of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Another status.
    Status(u16),
    /// Another content type, or none.
    ContentType {
        /// The essence promised.
        promised: Box<str>,
        /// The essence given.
        given: Option<Box<str>>,
    },
    /// The body is not JSON: what is wrong with it, and where.
    NotJson(Box<str>),
    /// The JSON pointer at which there is nothing.
    Missing(Box<str>),
    /// Where in the JSON Schema the rule is that was broken: a JSON pointer into the schema.
    Schema(Box<str>),
}

impl Breach {
    /// One word for labels.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::ContentType { .. } => "content-type",
            Self::NotJson(_) => "json",
            Self::Missing(_) => "required",
            Self::Schema(_) => "schema",
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status} was not promised"),
            Self::ContentType { promised, given: Some(given) } => write!(f, "{given} instead of {promised}"),
            Self::ContentType { promised, given: None } => write!(f, "no content type instead of {promised}"),
            Self::NotJson(why) => write!(f, "not JSON: {why}"),
            Self::Missing(pointer) => write!(f, "required {pointer} is missing"),
            Self::Schema(rule) => write!(f, "breaks the schema at {rule}"),
        }
    }
}

impl std::error::Error for Breach {}
