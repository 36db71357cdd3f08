//! Path templates such as `/articles/{id}` and `/{rest...}`.

use std::fmt;

/// A parsed path template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    segments: Vec<Segment>,
}

/// A part of a template between two slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Exactly this text.
    Literal(String),
    /// `{name}`: one non-empty segment.
    Param(String),
    /// `{name...}`: whatever is left, slashes included, possibly nothing. Always last.
    Rest(String),
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Does not start with `/`.
    #[error("a path starts with '/'")]
    NoSlash,
    /// A brace out of place, or an empty or ill-formed name.
    #[error("'{0}': write a parameter as a whole segment, such as {{id}} or {{rest...}}")]
    BadParam(String),
    /// `{rest...}` before the end.
    #[error("'{0}' takes everything that is left, so it must come last")]
    RestNotLast(String),
    /// One name twice.
    #[error("the parameter '{0}' stands twice")]
    DuplicateParam(String),
    /// `?`, `#`, a space or a control character.
    #[error("a path template holds no query, fragment or white space")]
    BadCharacter,
}

impl Pattern {
    /// Parses a template.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let rest = text.strip_prefix('/').ok_or(PatternError::NoSlash)?;
        if text.chars().any(|c| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control()) {
            return Err(PatternError::BadCharacter);
        }
        let segments = rest.split('/').map(Segment::parse).collect::<Result<Vec<_>, _>>()?;
        let mut names = Vec::new();
        for (index, segment) in segments.iter().enumerate() {
            if matches!(segment, Segment::Rest(_)) && index + 1 != segments.len() {
                return Err(PatternError::RestNotLast(segment.to_string()));
            }
            if let Segment::Param(name) | Segment::Rest(name) = segment {
                if names.contains(&name) {
                    return Err(PatternError::DuplicateParam(name.clone()));
                }
                names.push(name);
            }
        }
        Ok(Self { segments })
    }

    /// Its segments, at least one; `/` is one empty literal.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of its parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Param(name) | Segment::Rest(name) => Some(name.as_str()),
        })
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, PatternError> {
        let bad = || PatternError::BadParam(text.to_owned());
        let Some(inner) = text.strip_prefix('{') else {
            return if text.contains(['{', '}']) { Err(bad()) } else { Ok(Self::Literal(text.to_owned())) };
        };
        let inner = inner.strip_suffix('}').ok_or_else(bad)?;
        let (name, rest) = inner.strip_suffix("...").map_or((inner, false), |name| (name, true));
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(is_word) {
            return Err(bad());
        }
        Ok(if rest { Self::Rest(name.to_owned()) } else { Self::Param(name.to_owned()) })
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Param(name) => write!(f, "{{{name}}}"),
            Self::Rest(name) => write!(f, "{{{name}...}}"),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| write!(f, "/{segment}"))
    }
}
