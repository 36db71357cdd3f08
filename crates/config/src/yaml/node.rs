//! The tree.

use crate::source::{Span, Spanned};

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Where it starts.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) content: Content,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A scalar and whether it was written without quotes.
    Scalar {
        /// Its text, escapes resolved.
        text: String,
        /// Without quotes, so that `true` may be a boolean and `1` a number.
        plain: bool,
    },
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping in the order of the file; keys are distinct.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: Spanned<String>,
    /// The value.
    pub(crate) value: Node,
}

/// What a scalar is by the core schema of YAML 1.2 (section 10.3.2), which editors and JSON Schema go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer or a decimal number.
    Number,
    /// Anything else, and everything in quotes.
    Text,
}

impl Nature {
    /// The nature of a scalar.
    pub(crate) fn of(text: &str, plain: bool) -> Self {
        match text {
            _ if !plain => Self::Text,
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Bool(true),
            "false" | "False" | "FALSE" => Self::Bool(false),
            _ if is_number(text) => Self::Number,
            _ => Self::Text,
        }
    }
}

fn is_number(text: &str) -> bool {
    let radix = |prefix, digits: &str| {
        text.strip_prefix(prefix)
            .is_some_and(|rest: &str| !rest.is_empty() && rest.chars().all(|c| digits.contains(c)))
    };
    if radix("0o", "01234567") || radix("0x", "0123456789abcdefABCDEF") {
        return true;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    // Rust's grammar of floating-point numbers is the schema's, but for the words it knows besides.
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && unsigned.parse::<f64>().is_ok()
}

impl Node {
    /// What it is, for 'found a list where a text belongs'.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a map",
            Content::Scalar { text, plain } => match Nature::of(text, *plain) {
                Nature::Null => "empty",
                Nature::Bool(_) => "a boolean",
                Nature::Number => "a number",
                Nature::Text => "a text",
            },
        }
    }
}
