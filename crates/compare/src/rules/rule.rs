//! What somebody may ask for, and why it may be refused.

use std::time::Duration;

use crate::PathPattern;

/// Rules a unit may have.
pub const MAX_RULES: usize = 256;
/// Fields a unit may have compared besides the content type.
pub const MAX_FIELDS: usize = 64;
/// Bytes of a regular expression, and of what its matches are replaced with.
pub const MAX_REGEX_BYTES: usize = 1024;

/// How the values at a place are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where: this place and everything below it.
    pub path: PathPattern,
    /// How.
    pub kind: RuleKind,
}

/// In which way values may differ without being reported.
///
/// A value that a rule cannot read (a text under a tolerance, a word under a skew) is compared as if the rule were not
/// there.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleKind {
    /// In any way. Nothing below is looked at, and no other rule brings it back.
    Ignore,
    /// In value, as long as the JSON type is the same and objects have the same members. Lists may have any length.
    TypeOnly,
    /// A list in its order: elements belong together when they agree at `key`. Concerns the list that the path names,
    /// not lists below it. On a field, the elements are what stands between commas.
    SetBy {
        /// JSON Pointer (RFC 6901) from an element to what identifies it; empty when the whole element does.
        key: String,
    },
    /// Numbers, and texts that are numbers, by at most `absolute`, or by at most `relative` times the larger of both
    /// magnitudes, whichever allows more.
    Tolerance {
        /// In the unit of the value; finite, not negative.
        absolute: f64,
        /// A share: 0.001 is 0.1 %. From 0 to below 1.
        relative: f64,
    },
    /// Points in time by at most this much: RFC 3339, HTTP dates (RFC 9110 section 5.6.7), seconds or milliseconds
    /// since 1970.
    Skew(Duration),
    /// Texts by what a regular expression matches: each match is replaced on both sides before comparing. Several
    /// such rules are applied in their order. A body that is no JSON is one text at the empty path.
    Normalise {
        /// In the syntax of the `regex` crate; matching takes time linear in the text.
        regex: String,
        /// What matches become; `$1` and `${name}` are groups.
        with: String,
    },
    /// Identifiers (texts or numbers) in being the other system's name for the same thing: the first pairing of an old
    /// and a new id holds from then on, both ways, and a contradiction is a difference.
    Ids {
        /// Whose ids: pairings are kept per class, so that article 7 and user 7 do not meet.
        class: String,
    },
}

/// Why rules are refused, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {index}: {reason}")]
pub struct RuleError {
    /// Position in the list, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub reason: RuleFault,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// One rule too many.
    #[error("there are at most {MAX_RULES} rules: join some with '*' or '**'")]
    TooMany,
    /// The key of a set is no JSON Pointer.
    #[error(
        "the key of a set is a JSON pointer within the element, such as /id, or empty for the element itself"
    )]
    Key,
    /// A tolerance that is negative, no number, or nothing at all.
    #[error(
        "a tolerance is a number above 0, or a share between 0 and 1 (0.001 is 0.1 %); 'ignore' allows anything"
    )]
    Tolerance,
    /// A skew of nothing.
    #[error("a skew is longer than 0")]
    Skew,
    /// A regular expression that is wrong, too long or too large.
    #[error("the regular expression cannot be used: {0}")]
    Regex(String),
    /// What matches are replaced with is too long.
    #[error("what matches become has at most {MAX_REGEX_BYTES} bytes")]
    With,
    /// A class of ids without a name.
    #[error("a class of ids has a name, such as 'articles'")]
    Class,
    /// The status has no inside.
    #[error(
        "the status is compared whole: it can be ignored, or with type_only compared by class (2xx, 4xx)"
    )]
    Status,
    /// A field has no members.
    #[error("a field has no members: the key of its set is empty")]
    FieldKey,
}

/// Why the name of a field is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Not a token (RFC 9110 section 5.6.2).
    #[error("'{0}' is no field name")]
    Name(String),
    /// One field too many.
    #[error("at most {MAX_FIELDS} fields are compared")]
    TooMany,
}
