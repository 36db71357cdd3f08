//! The language, as tables: the one definition that the reader, the JSON Schema and the reference page go by.
//!
//! A key that is not here does not exist. What the tables cannot say (names that must resolve, routes that must not
//! collide) is in [`crate::check`].

mod alert;
mod bounds;
mod cache;
mod chaos;
mod fallback;
mod flag;
pub(crate) mod formats;
mod listen;
mod policy;
mod process;
mod rollout;
mod root;
mod route;
mod shadow;
mod state;
mod unit;
mod upstream;

use std::time::Duration;

use banyan_flags::Percent;

pub(crate) use bounds::{decimal_text, duration_text, size_text};
pub(crate) use chaos::CHAOS;
pub(crate) use root::ROOT;

/// A map with fixed keys.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its name in the JSON Schema and the heading of its section; unique.
    pub(crate) id: &'static str,
    /// How messages call it, such as 'a unit'.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) doc: &'static str,
    /// Its keys, in the order people should read them.
    pub(crate) fields: &'static [Field],
    /// Keys that people are likely to put here by mistake, each with what to do instead.
    pub(crate) misplaced: &'static [(&'static str, &'static str)],
}

/// A key of an [`Object`].
#[derive(Debug)]
pub(crate) struct Field {
    /// The key.
    pub(crate) key: &'static str,
    /// What its value is.
    pub(crate) kind: Kind,
    /// What happens without it.
    pub(crate) absence: Absence,
    /// What it does, in full sentences.
    pub(crate) doc: &'static str,
}

/// What happens when a key is not written.
#[derive(Debug)]
pub(crate) enum Absence {
    /// An error.
    Refused,
    /// As if this YAML had been written.
    Default(&'static str),
    /// As if this YAML had been written, unless the other key is: the two exclude each other.
    Unless {
        /// The YAML.
        yaml: &'static str,
        /// The other key.
        key: &'static str,
    },
    /// What these words say.
    Means(&'static str),
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, both included.
    Integer {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A number with a unit of time, within bounds, both included.
    Duration {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
    },
    /// A number of bytes within bounds, both included.
    Size {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// From `0%` to `100%`, in steps of 0.01 %.
    Percent,
    /// A percentage within narrower bounds, both included.
    Share {
        /// Smallest.
        min: Percent,
        /// Largest.
        max: Percent,
    },
    /// A number with at most two decimals, within bounds, both included.
    Decimal {
        /// Smallest, in hundredths.
        min: u32,
        /// Largest, in hundredths.
        max: u32,
    },
    /// A number above zero, up to and with this one.
    Number {
        /// Largest.
        max: f64,
    },
    /// A scalar like another one, of which a wrong value needs more said than that it is out of bounds.
    Because {
        /// What it is.
        of: &'static Kind,
        /// What to do about a wrong value.
        hint: &'static str,
    },
    /// Whatever JSON has.
    Json,
    /// A text of some format.
    Text(&'static Format),
    /// One of a few words.
    Choice(&'static [Choice]),
    /// A list with at least this many entries.
    List {
        /// What each entry is.
        of: &'static Kind,
        /// Fewest entries.
        min: usize,
    },
    /// One value, or a list with at least one.
    OneOrMany(&'static Kind),
    /// A map with keys of the user's choice.
    Map {
        /// What a key is.
        key: &'static Format,
        /// What a value is.
        of: &'static Kind,
    },
    /// A map with fixed keys.
    Object(&'static Object),
    /// A map with fixed keys, or the word `off`.
    OffOrObject(&'static Object),
    /// A map with fixed keys, or in short the text of its key `of`.
    TextOrObject {
        /// The key that a lone text is the value of.
        short: &'static str,
        /// The long form.
        object: &'static Object,
    },
    /// A map with fixed keys, or a text that is none of them.
    TextOr {
        /// The text.
        text: &'static Format,
        /// The map.
        object: &'static Object,
    },
    /// A map with these keys that is read whole by the crate that it is for, and here only shown.
    Foreign(&'static Object),
}

/// A word of a [`Kind::Choice`].
#[derive(Debug)]
pub(crate) struct Choice {
    /// The word.
    pub(crate) word: &'static str,
    /// What it means.
    pub(crate) doc: &'static str,
}

/// A kind of text. How it is read is in [`crate::check`]; the tests hold `examples` against both.
#[derive(Debug)]
pub(crate) struct Format {
    /// What it is, with its article.
    pub(crate) name: &'static str,
    /// Texts of this format; the first is shown.
    pub(crate) examples: &'static [&'static str],
    /// A regular expression (ECMA 262) that every such text matches; the reader may be stricter.
    pub(crate) pattern: &'static str,
}

impl Object {
    /// The field of this key.
    pub(crate) fn field(&self, key: &str) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.key == key)
    }
}

impl Kind {
    /// What a value has to be, with its article: 'a percentage such as 5%'.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Integer { min, max } if min == max => format!("{min}"),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Duration { min, max } => {
                format!("a duration such as 500ms or 10s, {} to {}", duration_text(*min), duration_text(*max))
            }
            Self::Size { min, max } => {
                format!("a size such as 64KiB, {} to {}", size_text(*min), size_text(*max))
            }
            Self::Percent => "a percentage such as 5% or 0.25%".to_owned(),
            Self::Share { min, max } => format!("a percentage from {min} to {max}"),
            Self::Decimal { min, max } => {
                format!("a number such as 2 or 1.5, {} to {}", decimal_text(*min), decimal_text(*max))
            }
            Self::Number { max } if *max < f64::MAX => format!("a number above 0, {max} at most"),
            Self::Number { .. } => "a number above 0 such as 0.01".to_owned(),
            Self::Because { of, .. } => of.describe(),
            Self::Json => "any value that JSON has".to_owned(),
            Self::Text(format) => format!("{} such as {}", format.name, format.examples[0]),
            Self::Choice(choices) => {
                choices.iter().map(|choice| choice.word).collect::<Vec<_>>().join(" or ")
            }
            Self::List { of, .. } => format!("a list, each entry {}", of.describe()),
            Self::OneOrMany(of) => format!("{}, or a list of these", of.describe()),
            Self::Map { key, of } => format!("a map from {} to {}", key.name, of.describe()),
            Self::Object(object) | Self::Foreign(object) => format!("{} (a map)", object.name),
            Self::OffOrObject(object) => format!("off, or {} (a map)", object.name),
            Self::TextOrObject { short, object } => {
                let text = object.field(short).map(|(_, field)| field.kind.describe());
                format!("{}, or {} (a map)", text.unwrap_or_default(), object.name)
            }
            Self::TextOr { text, object } => {
                format!("{} such as {}, or {} (a map)", text.name, text.examples[0], object.name)
            }
        }
    }

    /// What to do about a wrong value, where the bounds alone do not say it.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Because { hint, .. } => Some(hint),
            _ => None,
        }
    }

    /// The objects that a value may hold directly.
    pub(crate) fn object(&self) -> Option<&'static Object> {
        match self {
            Self::Object(object)
            | Self::OffOrObject(object)
            | Self::TextOrObject { object, .. }
            | Self::TextOr { object, .. }
            | Self::Foreign(object) => Some(object),
            Self::List { of, .. } | Self::OneOrMany(of) | Self::Map { of, .. } => of.object(),
            _ => None,
        }
    }
}

/// Every object of the language, the root first, each once, in the order of reading.
pub(crate) fn objects() -> Vec<&'static Object> {
    let mut found: Vec<&'static Object> = vec![&ROOT];
    let mut next = 0;
    while let Some(object) = found.get(next).copied() {
        for inner in object.fields.iter().filter_map(|field| field.kind.object()) {
            if !found.iter().any(|known| known.id == inner.id) {
                found.push(inner);
            }
        }
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests;
