//! What a segment asks of a context.

use semver::{Version, VersionReq};

use crate::{Context, Number, Scalar, context::Attribute};

/// A condition on one attribute of a context.
///
/// It holds, it does not hold, or it cannot be told: the attribute is missing, or is nothing the condition speaks about,
/// such as a prefix of a number. What cannot be told does not hold, *negated or not*: 'not in Germany' is not said of
/// somebody whose country nobody knows. Whether an attribute is there at all is asked with [`Test::Exists`].
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub(crate) attribute: Box<str>,
    pub(crate) test: Test,
    pub(crate) not: bool,
}

/// What is asked of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is one of these values, sorted and each once. Values of different types are different.
    OneOf(Box<[Scalar]>),
    /// It is a text that begins with this one. Case counts.
    Prefix(Box<str>),
    /// It is a text that ends with this one. Case counts.
    Suffix(Box<str>),
    /// It is a text that is a version within this range (semver.org; `docs/flags.md` has the rules for short versions).
    Semver(VersionReq),
    /// It is a number within this range.
    Range(Range),
    /// It is there (true) or is not (false). Null counts as not there.
    Exists(bool),
}

/// A half-open range of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The lowest number inside; `None`: no limit.
    pub from: Option<Number>,
    /// The lowest number above that is outside; `None`: no limit.
    pub to: Option<Number>,
}

impl Range {
    pub(crate) fn contains(&self, number: Number) -> bool {
        self.from.is_none_or(|from| from <= number) && self.to.is_none_or(|to| number < to)
    }
}

impl Condition {
    /// The dotted path of the attribute.
    #[must_use]
    pub fn attribute(&self) -> &str {
        &self.attribute
    }

    /// What is asked, before `not`.
    #[must_use]
    pub const fn test(&self) -> &Test {
        &self.test
    }

    /// Whether the answer is turned round.
    #[must_use]
    pub const fn negated(&self) -> bool {
        self.not
    }

    /// Whether it holds for a context. What cannot be told does not hold.
    #[must_use]
    pub fn holds(&self, context: &Context) -> bool {
        self.accepts(context.attribute(&self.attribute))
    }

    pub(crate) fn accepts(&self, attribute: Option<&Attribute>) -> bool {
        self.test.tell(attribute).is_some_and(|holds| holds != self.not)
    }
}

impl Test {
    /// `None`: it cannot be told.
    fn tell(&self, attribute: Option<&Attribute>) -> Option<bool> {
        if let Self::Exists(wanted) = self {
            return Some(attribute.is_some() == *wanted);
        }
        let scalar = match attribute? {
            Attribute::Scalar(scalar) => scalar,
            // A list or an object is certainly none of the values, and nothing else can be said of it.
            Attribute::Other => return matches!(self, Self::OneOf(_)).then_some(false),
        };
        match (self, scalar) {
            (Self::OneOf(values), scalar) => Some(values.binary_search(scalar).is_ok()),
            (Self::Prefix(prefix), Scalar::Text(text)) => Some(text.starts_with(&**prefix)),
            (Self::Suffix(suffix), Scalar::Text(text)) => Some(text.ends_with(&**suffix)),
            (Self::Semver(range), Scalar::Text(text)) => version(text).map(|version| range.matches(&version)),
            (Self::Range(range), Scalar::Number(number)) => Some(range.contains(*number)),
            _ => None,
        }
    }
}

/// A version as applications write it: semver.org's form, a leading `v` allowed, and `2` or `2.1` for `2.0.0` or `2.1.0`.
///
/// It allocates only for a pre-release or build tag of more than eight bytes.
pub(crate) fn version(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    if let Ok(version) = Version::parse(text) {
        return Some(version);
    }
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    Some(Version::new(part(major)?, part(minor)?, 0))
}

/// A number of a version: digits only, without a leading zero.
fn part(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::read::condition_for_tests as condition;

    fn holds(asked: Value, attribute: Value) -> bool {
        let context = Context::from_json(&json!({ "a": attribute })).unwrap();
        condition(&asked).holds(&context)
    }

    #[test]
    fn each_test_tells_inside_from_outside() {
        for (test, inside, outside) in [
            (json!({ "equals": "de" }), json!("de"), json!("DE")),
            (json!({ "equals": 1 }), json!(1.0), json!("1")),
            (json!({ "equals": true }), json!(true), json!("true")),
            (json!({ "in": ["de", "at"] }), json!("at"), json!("a")),
            (json!({ "in": [1, "one", false] }), json!(false), json!(0)),
            (json!({ "prefix": "ab" }), json!("abc"), json!("ba")),
            (json!({ "suffix": "@example.org" }), json!("x@example.org"), json!("x@example.org.evil")),
            (json!({ "semver": ">=1.2.0, <2" }), json!("1.9.9"), json!("2.0.0")),
            (json!({ "semver": ">=2.1" }), json!("v2.1"), json!("2")),
            (json!({ "range": { "from": 18, "to": 30 } }), json!(18), json!(30)),
            (json!({ "range": { "from": 18 } }), json!(1e300), json!(17.999)),
            (json!({ "range": { "to": 0.5 } }), json!(-7), json!(0.5)),
            (json!({ "exists": true }), json!([]), json!(null)),
            (json!({ "exists": false }), json!(null), json!({})),
        ] {
            let mut asked = test.clone();
            asked["attribute"] = json!("a");
            assert!(holds(asked.clone(), inside.clone()), "{asked} {inside}");
            assert!(!holds(asked.clone(), outside.clone()), "{asked} {outside}");
            asked["not"] = json!(true);
            assert!(!holds(asked.clone(), inside), "{asked}");
            assert!(holds(asked.clone(), outside), "{asked}");
        }
    }

    #[test]
    fn what_cannot_be_told_does_not_hold_negated_or_not() {
        for (test, attribute) in [
            (json!({ "equals": "de" }), json!(null)),
            (json!({ "in": ["de"] }), json!(null)),
            (json!({ "prefix": "a" }), json!(7)),
            (json!({ "suffix": "a" }), json!(["a"])),
            (json!({ "semver": ">=1" }), json!("1.x")),
            (json!({ "semver": ">=1" }), json!(1)),
            (json!({ "range": { "from": 1 } }), json!("5")),
        ] {
            for not in [false, true] {
                let mut asked = test.clone();
                asked["attribute"] = json!("a");
                asked["not"] = json!(not);
                assert!(!holds(asked.clone(), attribute.clone()), "{asked} {attribute}");
            }
        }
    }

    #[test]
    fn a_list_is_none_of_the_values() {
        assert!(!holds(json!({ "attribute": "a", "in": ["x"] }), json!(["x"])));
        assert!(holds(json!({ "attribute": "a", "in": ["x"], "not": true }), json!(["x"])));
    }

    #[test]
    fn versions_are_read_as_applications_write_them() {
        for (text, full) in [
            ("2", "2.0.0"),
            ("2.1", "2.1.0"),
            ("v2.1.3", "2.1.3"),
            ("0.0", "0.0.0"),
            ("1.2.3-rc.1", "1.2.3-rc.1"),
        ] {
            assert_eq!(version(text), Version::parse(full).ok(), "{text}");
        }
        for text in ["", "v", "02", "2.", ".2", "1.2.3.4", "2.01", "a", "-1", "99999999999999999999"] {
            assert_eq!(version(text), None, "{text}");
        }
    }
}
