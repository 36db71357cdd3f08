//! Names by which kept answers are invalidated.
//!
//! A write to `/users/7` changes what `/users/7` and `/users/7/posts` answer, and perhaps a list that no path tells of.
//! Answers carry tags such as `user:7`, and a write names the tags that it makes wrong.

use std::fmt;

/// A tag with parameters, such as `user:{id}`: 1 to 128 bytes, without white space and control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagTemplate {
    segments: Vec<TagSegment>,
}

/// A part of a tag. Filled in and joined, the parts are the tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TagSegment {
    /// This text.
    Literal(String),
    /// `{name}`: what the parameter of this name in the route's path was for the request.
    Param(String),
}

/// Why a text is no tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Nothing at all.
    #[error("a tag is not empty")]
    Empty,
    /// More than 128 bytes.
    #[error("a tag has at most {max} bytes, and this one has {0}", max = TagTemplate::MAX_BYTES)]
    TooLong(usize),
    /// White space or a control character.
    #[error("a tag holds no white space, since several of them stand in one header field")]
    BadCharacter,
    /// A brace out of place, or an empty or ill-formed name.
    #[error(
        "write a parameter of the path as {{name}}, such as user:{{id}}; other braces have no place in a tag"
    )]
    BadParam,
}

impl TagTemplate {
    /// The longest template, in bytes.
    pub const MAX_BYTES: usize = 128;
    /// The most tags that a route may have.
    pub const MAX_COUNT: usize = 16;

    /// Parses a tag. Whether a route has its parameters is for the caller to know.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        if text.is_empty() {
            return Err(TagError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(TagError::TooLong(text.len()));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(TagError::BadCharacter);
        }
        let (mut segments, mut rest) = (Vec::new(), text);
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or(TagError::BadParam)?;
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(is_word) {
                return Err(TagError::BadParam);
            }
            push_literal(&mut segments, literal)?;
            segments.push(TagSegment::Param(name.to_owned()));
            rest = after;
        }
        push_literal(&mut segments, rest)?;
        Ok(Self { segments })
    }

    /// Its parts in order, at least one; no two literals stand side by side, and none is empty.
    #[must_use]
    pub fn segments(&self) -> &[TagSegment] {
        &self.segments
    }

    /// The names of its parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            TagSegment::Literal(_) => None,
            TagSegment::Param(name) => Some(name.as_str()),
        })
    }
}

fn push_literal(segments: &mut Vec<TagSegment>, text: &str) -> Result<(), TagError> {
    if text.contains('}') {
        return Err(TagError::BadParam);
    }
    if !text.is_empty() {
        segments.push(TagSegment::Literal(text.to_owned()));
    }
    Ok(())
}

impl fmt::Display for TagTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| match segment {
            TagSegment::Literal(text) => f.write_str(text),
            TagSegment::Param(name) => write!(f, "{{{name}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn literal(text: &str) -> TagSegment {
        TagSegment::Literal(text.to_owned())
    }

    fn param(name: &str) -> TagSegment {
        TagSegment::Param(name.to_owned())
    }

    #[test]
    fn a_tag_is_literals_and_parameters() {
        let segments = |text| TagTemplate::parse(text).map(|tag| tag.segments().to_vec());
        assert_eq!(segments("user:{id}"), Ok(vec![literal("user:"), param("id")]));
        assert_eq!(segments("{a}{b}-x"), Ok(vec![param("a"), param("b"), literal("-x")]));
        assert_eq!(segments("all"), Ok(vec![literal("all")]));
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for text in ["{", "}", "a}", "{}", "{a", "{a b}", "{{a}}", "{a...}", "{a}}", "a}{b"] {
            let expected = if text.contains(' ') { TagError::BadCharacter } else { TagError::BadParam };
            assert_eq!(TagTemplate::parse(text), Err(expected), "{text}");
        }
        assert_eq!(TagTemplate::parse(""), Err(TagError::Empty));
        assert_eq!(TagTemplate::parse("a\tb"), Err(TagError::BadCharacter));
        assert!(TagTemplate::parse(&"x".repeat(128)).is_ok());
        assert_eq!(TagTemplate::parse(&"x".repeat(129)), Err(TagError::TooLong(129)));
    }

    proptest! {
        #[test]
        fn what_is_parsed_is_written_again(text in "[a-z:]{0,4}(\\{[a-z]{1,3}\\}[a-z:]{0,4}){0,3}|[a-z{} ]{0,9}") {
            if let Ok(tag) = TagTemplate::parse(&text) {
                prop_assert_eq!(tag.to_string(), text);
                prop_assert!(!tag.segments().is_empty());
            }
        }
    }
}
