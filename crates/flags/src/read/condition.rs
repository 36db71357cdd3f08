//! Conditions on attributes.

use semver::VersionReq;
use serde_json::Value;

use super::fields::{Fields, cut};
use crate::{
    Condition, MAX_ATTRIBUTE_PATH, Number, Range, Scalar, Test,
    fault::{Faults, Pointer},
    kind::named,
};

/// The most values of one list: a longer one belongs into the application, as one attribute.
const MAX_VALUES: usize = 256;
/// The longest text compared with, in bytes.
const MAX_TEXT: usize = 1024;
/// The longest prefix or suffix, in bytes; the search for overlaps puts every pair of them together.
const MAX_FRAGMENT: usize = 256;

const TESTS: &[&str] = &["equals", "not_equals", "in", "prefix", "suffix", "semver", "range", "exists"];
const KNOWN: &[&str] =
    &["attribute", "equals", "not_equals", "in", "prefix", "suffix", "semver", "range", "exists", "not"];

/// One condition; `None` if it is wrong, which was said.
pub(super) fn read(value: &Value, at: &Pointer, faults: &mut Faults) -> Option<Condition> {
    let fields = Fields::open(value, at, "a condition", KNOWN, faults)?;
    let attribute = fields.needed_text("attribute", MAX_ATTRIBUTE_PATH, faults);
    let not = fields.truth("not", faults).unwrap_or(false);
    let mut given = TESTS.iter().copied().filter(|test| fields.has(test));
    let Some(name) = given.next() else {
        faults.advise(
            at,
            "the condition asks nothing of its attribute",
            format!("it has one of: {}", TESTS.join(", ")),
        );
        return None;
    };
    if let Some(other) = given.next() {
        let hint = "make two conditions of it: all of a segment's conditions have to hold";
        faults.advise(&fields.at(other), format!("the condition has {name} and {other}"), hint);
        return None;
    }
    if name == "not_equals" && not {
        faults.advise(&fields.at("not"), "not_equals is negated twice", "write equals instead");
    }
    let test = test(name, &fields, faults);
    Some(Condition { attribute: attribute?.into(), test: test?, not: not || name == "not_equals" })
}

fn test(name: &str, fields: &Fields<'_>, faults: &mut Faults) -> Option<Test> {
    let (value, at) = fields.get(name)?;
    match name {
        "equals" | "not_equals" => scalar(value, &at, faults).map(|scalar| Test::OneOf(Box::new([scalar]))),
        "in" => one_of(fields, &at, faults),
        "prefix" => fragment(name, value, &at, faults).map(Test::Prefix),
        "suffix" => fragment(name, value, &at, faults).map(Test::Suffix),
        "semver" => versions(value, &at, faults).map(Test::Semver),
        "range" => range(value, &at, faults).map(Test::Range),
        _ => fields.truth(name, faults).map(Test::Exists),
    }
}

fn scalar(value: &Value, at: &Pointer, faults: &mut Faults) -> Option<Scalar> {
    let scalar = Scalar::of(value);
    match &scalar {
        None => faults.advise(
            at,
            format!("an attribute is compared with a text, a number or a boolean, not {}", named(value)),
            "for several values use in",
        ),
        Some(Scalar::Text(text)) if text.len() > MAX_TEXT => {
            faults.say(at, format!("the text is longer than {MAX_TEXT} bytes"))
        }
        Some(_) => return scalar,
    }
    None
}

fn one_of(fields: &Fields<'_>, at: &Pointer, faults: &mut Faults) -> Option<Test> {
    let entries = fields.list("in", MAX_VALUES, faults);
    let count = entries.len();
    let mut values =
        entries.into_iter().filter_map(|(value, at)| scalar(value, &at, faults)).collect::<Vec<_>>();
    if fields.get("in").is_some_and(|(value, _)| value.as_array().is_some_and(Vec::is_empty)) {
        faults.say(at, "nothing is in an empty list");
    }
    if count == 0 || values.len() < count {
        return None;
    }
    values.sort_unstable();
    values.dedup();
    Some(Test::OneOf(values.into_boxed_slice()))
}

/// The text of a prefix or suffix: spaces at its ends may be meant, emptiness cannot be.
fn fragment(name: &str, value: &Value, at: &Pointer, faults: &mut Faults) -> Option<Box<str>> {
    match value {
        Value::String(text) if (1..=MAX_FRAGMENT).contains(&text.len()) => Some(text.as_str().into()),
        Value::String(_) => {
            faults.advise(
                at,
                format!("a {name} has 1 to {MAX_FRAGMENT} bytes"),
                "to ask whether there is a value use exists",
            );
            None
        }
        other => {
            faults.say(at, format!("a {name} is a text, not {}", named(other)));
            None
        }
    }
}

fn versions(value: &Value, at: &Pointer, faults: &mut Faults) -> Option<VersionReq> {
    let Value::String(text) = value else {
        faults.advise(
            at,
            format!("a range of versions is a text, not {}", named(value)),
            "such as \">=1.2.0, <2\"",
        );
        return None;
    };
    match VersionReq::parse(text) {
        Ok(range) => Some(range),
        Err(error) => {
            faults.advise(
                at,
                format!("'{}' is no range of versions: {error}", cut(text)),
                "such as \">=1.2.0, <2\"",
            );
            None
        }
    }
}

fn range(value: &Value, at: &Pointer, faults: &mut Faults) -> Option<Range> {
    let fields = Fields::open(value, at, "a range", &["from", "to"], faults)?;
    let mut bound = |name: &str| {
        let Some((value, at)) = fields.get(name) else { return Some(None) };
        let number = if let Value::Number(number) = value { Number::of(number) } else { None };
        if number.is_none() {
            faults.advise(
                &at,
                format!("{name} is a number, not {}", named(value)),
                "for versions use semver",
            );
        }
        number.map(Some)
    };
    let (from, to) = (bound("from"), bound("to"));
    let range = Range { from: from?, to: to? };
    match range {
        Range { from: None, to: None } => {
            faults.advise(at, "the range has no limit", "from: included; to: excluded")
        }
        Range { from: Some(from), to: Some(to) } if from >= to => {
            faults.advise(
                at,
                "no number is in the range",
                "from is included and has to be less than to, which is excluded",
            );
        }
        _ => return Some(range),
    }
    None
}

/// Reads a condition that is right.
#[cfg(test)]
pub(crate) fn read_for_tests(value: &Value) -> Condition {
    let mut faults = Faults::default();
    let condition = read(value, &Pointer::default(), &mut faults);
    condition.unwrap_or_else(|| panic!("{value}: {:?}", faults.into_vec()))
}
