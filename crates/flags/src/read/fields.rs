//! An object's fields, asked for by name.

use serde_json::{Map, Value};

use crate::{
    fault::{Faults, Pointer},
    kind::named,
};

/// The fields of one object. Opening it complains about those that nothing will ask for: they are slips of the pen, and a
/// condition that was ignored because of one would let in more people than was meant.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    here: Pointer,
}

impl<'a> Fields<'a> {
    /// `None`, and a fault, unless it is an object.
    pub(super) fn open(
        value: &'a Value,
        here: &Pointer,
        what: &str,
        known: &[&str],
        faults: &mut Faults,
    ) -> Option<Self> {
        let Value::Object(map) = value else {
            faults.advise(
                here,
                format!("{what} is an object, not {}", named(value)),
                format!("it has: {}", known.join(", ")),
            );
            return None;
        };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            let hint = nearest(name, known.iter().copied()).map_or_else(
                || format!("known here: {}", known.join(", ")),
                |near| format!("did you mean '{near}'?"),
            );
            faults.advise(&here.field(name), format!("{what} has no '{}'", cut(name)), hint);
        }
        Some(Self { map, here: here.clone() })
    }

    /// The object itself.
    pub(super) const fn here(&self) -> &Pointer {
        &self.here
    }

    /// The place of a field.
    pub(super) fn at(&self, name: &str) -> Pointer {
        self.here.field(name)
    }

    /// Whether something is there, right or wrong.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value, unless there is none or it is null.
    pub(super) fn get(&self, name: &str) -> Option<(&'a Value, Pointer)> {
        self.map.get(name).filter(|value| !value.is_null()).map(|value| (value, self.at(name)))
    }

    /// A text of 1 to `longest` bytes without control characters or spaces at its ends; an empty one counts as absent.
    pub(super) fn text(&self, name: &str, longest: usize, faults: &mut Faults) -> Option<&'a str> {
        let (value, at) = self.get(name)?;
        let Value::String(text) = value else {
            let hint = if value.is_boolean() {
                "put it in quotes, or else YAML's readers may take it for a truth value"
            } else {
                "put it in quotes"
            };
            faults.advise(&at, format!("{name} is a text, not {}", named(value)), hint);
            return None;
        };
        if text.len() > longest {
            faults.say(&at, format!("{name} is longer than {longest} bytes"));
            return None;
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            faults.say(&at, format!("{name} begins or ends with a space, or has control characters"));
            return None;
        }
        (!text.is_empty()).then_some(text)
    }

    /// A text for people, of at most `longest` bytes; lines and spaces at its ends are left out.
    pub(super) fn prose(&self, name: &str, longest: usize, faults: &mut Faults) -> Option<&'a str> {
        let (value, at) = self.get(name)?;
        match value {
            Value::String(text) if text.len() <= longest => Some(text.trim()),
            Value::String(_) => {
                faults.say(&at, format!("{name} is longer than {longest} bytes"));
                None
            }
            other => {
                faults.advise(&at, format!("{name} is a text, not {}", named(other)), "put it in quotes");
                None
            }
        }
    }

    /// Whether there is nothing, or an empty text.
    pub(super) fn blank(&self, name: &str) -> bool {
        self.get(name).is_none_or(|(value, _)| value.as_str() == Some(""))
    }

    /// A text that has to be there.
    pub(super) fn needed_text(&self, name: &str, longest: usize, faults: &mut Faults) -> Option<&'a str> {
        if self.blank(name) {
            faults.say(&self.here, format!("{name} is missing"));
            return None;
        }
        self.text(name, longest, faults)
    }

    /// A boolean.
    pub(super) fn truth(&self, name: &str, faults: &mut Faults) -> Option<bool> {
        let (value, at) = self.get(name)?;
        if value.as_bool().is_none() {
            faults.advise(
                &at,
                format!("{name} is true or false, not {}", named(value)),
                "leave the quotes out",
            );
        }
        value.as_bool()
    }

    /// The elements of a list with their places; of one that is too long, none.
    pub(super) fn list(&self, name: &str, most: usize, faults: &mut Faults) -> Vec<(&'a Value, Pointer)> {
        let Some((value, at)) = self.get(name) else { return Vec::new() };
        let Value::Array(elements) = value else {
            faults.say(&at, format!("{name} is a list, not {}", named(value)));
            return Vec::new();
        };
        if elements.len() > most {
            faults.say(&at, format!("{name} has {} entries; more than {most} are refused", elements.len()));
            return Vec::new();
        }
        elements.iter().enumerate().map(|(index, element)| (element, at.index(index))).collect()
    }
}

/// The known word that was probably meant.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let limit = (word.chars().count() / 3).max(1);
    known
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A text as it may be shown: at most 40 characters.
pub(crate) fn cut(text: &str) -> String {
    let mut shown = text.chars().take(40).collect::<String>();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
