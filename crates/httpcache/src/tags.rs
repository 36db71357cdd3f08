//! Names under which kept answers are invalidated together: `Cache-Groups` (RFC 9875) and `Surrogate-Key`.
//!
//! Every bound refuses, and none cuts off: an answer that is kept under some of its tags would survive the invalidation of
//! another, and nobody could tell why.

use http::{HeaderMap, HeaderName, Method};
use thiserror::Error;

use crate::{
    fields::{CACHE_GROUP_INVALIDATION, CACHE_GROUPS, SURROGATE_KEY},
    invalidate::is_unsafe,
    structured::{Value, joined, list},
};

/// How many tags one answer may have, of each kind. RFC 9875 section 2 asks for 32 at least.
pub const MOST_TAGS: usize = 128;
/// How long a tag may be, in bytes. RFC 9875 section 2 asks for 32 at least.
pub const LONGEST_TAG: usize = 256;

/// Why an answer with these tags is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum TooManyTags {
    /// More than [`MOST_TAGS`].
    #[error("the answer has more than {MOST_TAGS} tags, so that it could not be invalidated by all of them")]
    Count,
    /// Longer than [`LONGEST_TAG`].
    #[error("a tag of the answer is longer than {LONGEST_TAG} bytes")]
    Length,
}

/// The groups that an answer belongs to, within its origin (RFC 9875 section 2). A field that is not a list of strings
/// does not exist.
///
/// # Errors
/// When they are too many, or one is too long.
pub fn groups(answer: &HeaderMap) -> Result<Vec<String>, TooManyTags> {
    bounded(strings(answer, &CACHE_GROUPS))
}

/// The groups of this origin that an answer invalidates (RFC 9875 section 3). Only answers to unsafe methods do.
///
/// # Errors
/// When they are too many, or one is too long; the caller had better invalidate all of the origin.
pub fn invalidated_groups(method: &Method, answer: &HeaderMap) -> Result<Vec<String>, TooManyTags> {
    if is_unsafe(method) { bounded(strings(answer, &CACHE_GROUP_INVALIDATION)) } else { Ok(Vec::new()) }
}

/// The tags of an answer's `Surrogate-Key` fields, which are separated by blanks.
///
/// # Errors
/// When they are too many, or one is too long.
pub fn surrogate_keys(answer: &HeaderMap) -> Result<Vec<String>, TooManyTags> {
    let values = answer.get_all(&SURROGATE_KEY).iter();
    let words = values.flat_map(|value| value.as_bytes().split(|byte| matches!(byte, b' ' | b'\t')));
    let words = words.filter(|word| !word.is_empty());
    bounded(words.map(|word| String::from_utf8_lossy(word).into_owned()).take(MOST_TAGS + 1).collect())
}

fn strings(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let text = |value| if let Value::Text(text) = value { Some(text) } else { None };
    let members = joined(headers, name).and_then(|joined| list(&joined)).unwrap_or_default();
    members.into_iter().map(text).collect::<Option<_>>().unwrap_or_default()
}

fn bounded(mut tags: Vec<String>) -> Result<Vec<String>, TooManyTags> {
    if tags.iter().any(|tag| tag.len() > LONGEST_TAG) {
        return Err(TooManyTags::Length);
    }
    if tags.len() > MOST_TAGS {
        return Err(TooManyTags::Count);
    }
    tags.sort_unstable();
    tags.dedup();
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn head(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn owned(texts: &[&str]) -> Result<Vec<String>, TooManyTags> {
        Ok(texts.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn rfc9875_2_groups_are_strings_on_any_number_of_lines_without_their_parameters() {
        assert_eq!(groups(&head(&CACHE_GROUPS, &["\"b\";x=1, \"a b\"", "\"b\""])), owned(&["a b", "b"]));
        assert_eq!(groups(&HeaderMap::new()), owned(&[]));
    }

    #[test]
    fn rfc9875_2_what_is_not_a_list_of_strings_does_not_exist() {
        for value in ["token", "\"a\", token", "(\"a\")", "\"a\",", "\"a"] {
            assert_eq!(groups(&head(&CACHE_GROUPS, &[value])), owned(&[]), "{value}");
        }
    }

    #[test]
    fn rfc9875_2_thirty_two_groups_of_thirty_two_characters_are_supported() {
        let value = (0..32).map(|n| format!("\"{n:032}\"")).collect::<Vec<_>>().join(", ");
        assert_eq!(groups(&head(&CACHE_GROUPS, &[&value])).map(|groups| groups.len()), Ok(32));
    }

    #[test]
    fn rfc9875_3_only_answers_to_unsafe_methods_invalidate() {
        let answer = head(&CACHE_GROUP_INVALIDATION, &["\"a\""]);
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            assert_eq!(invalidated_groups(&method, &answer), owned(&[]));
        }
        assert_eq!(invalidated_groups(&Method::POST, &answer), owned(&["a"]));
    }

    #[test]
    fn surrogate_keys_are_separated_by_blanks() {
        assert_eq!(surrogate_keys(&head(&SURROGATE_KEY, &[" b  a", "c a"])), owned(&["a", "b", "c"]));
    }

    #[test]
    fn what_is_beyond_a_bound_is_refused_and_never_cut_off() {
        let many = "x ".repeat(MOST_TAGS + 1);
        assert_eq!(surrogate_keys(&head(&SURROGATE_KEY, &[&many])), Err(TooManyTags::Count));
        let long = "x".repeat(LONGEST_TAG + 1);
        assert_eq!(surrogate_keys(&head(&SURROGATE_KEY, &[&long])), Err(TooManyTags::Length));
    }
}
