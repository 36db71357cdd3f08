//! Paths that may differ.

use std::{fmt, str::FromStr};

/// A JSON Pointer (RFC 6901) in which `*` stands for any one key or index and `**` for any number of them, none
/// included. It covers everything below the place it names. The empty pattern covers the whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// This key, or this index in decimal.
    Exact(String),
    /// `*`
    One,
    /// `**`
    Any,
}

/// Why a text is no path pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    /// Neither empty nor starting with a slash.
    #[error("'{0}' is no JSON pointer: it starts with '/', as in /items/*/updated_at")]
    NoSlash(String),
    /// A `~` that is followed by neither `0` nor `1` (RFC 6901 section 3).
    #[error("in '{0}' a '~' stands alone: write ~0 for '~' and ~1 for '/'")]
    Escape(String),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Key(String),
    Index(usize),
}

/// What may differ without being reported.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    ignore: Vec<PathPattern>,
}

impl Rules {
    /// Rules that ignore these paths, each written as a [`PathPattern`].
    ///
    /// # Errors
    /// The first text that is no pattern.
    pub fn new(ignore: &[String]) -> Result<Self, PathPatternError> {
        let ignore = ignore.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        Ok(Self { ignore })
    }

    /// Whether the value at `path` and everything below may differ.
    pub(crate) fn ignores(&self, path: &[Segment]) -> bool {
        self.ignore.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether bodies may differ in any way.
    pub(crate) fn ignores_all(&self) -> bool {
        self.ignores(&[])
    }
}

impl PathPattern {
    /// Whether the pattern names exactly this path. Greedy with one point of return, so the work is bounded by the
    /// product of both lengths whatever the pattern.
    fn matches(&self, path: &[Segment]) -> bool {
        let (mut part, mut segment) = (0, 0);
        let mut retry = None;
        while segment < path.len() {
            match self.0.get(part) {
                Some(Part::Any) => {
                    retry = Some((part, segment));
                    part += 1;
                }
                Some(expected) if expected.accepts(&path[segment]) => {
                    part += 1;
                    segment += 1;
                }
                _ => {
                    let Some((any, taken)) = retry else { return false };
                    retry = Some((any, taken + 1));
                    part = any + 1;
                    segment = taken + 1;
                }
            }
        }
        self.0[part..].iter().all(|rest| *rest == Part::Any)
    }
}

impl Part {
    fn accepts(&self, segment: &Segment) -> bool {
        match (self, segment) {
            (Self::One | Self::Any, _) => true,
            (Self::Exact(name), Segment::Key(key)) => name == key,
            (Self::Exact(name), Segment::Index(index)) => *name == index.to_string(),
        }
    }
}

impl FromStr for PathPattern {
    type Err = PathPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let rest = text.strip_prefix('/').ok_or_else(|| PathPatternError::NoSlash(text.to_owned()))?;
        let part = |part: &str| match part {
            "*" => Ok(Part::One),
            "**" => Ok(Part::Any),
            name => unescape(name).map(Part::Exact).ok_or_else(|| PathPatternError::Escape(text.to_owned())),
        };
        rest.split('/').map(part).collect::<Result<_, _>>().map(Self)
    }
}

/// A reference token as the key it names (RFC 6901 section 4).
fn unescape(token: &str) -> Option<String> {
    let mut pieces = token.split('~');
    let mut key = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (escaped, rest) = match piece.as_bytes().first()? {
            b'0' => ('~', &piece[1..]),
            b'1' => ('/', &piece[1..]),
            _ => return None,
        };
        key.push(escaped);
        key.push_str(rest);
    }
    Some(key)
}

impl fmt::Display for Segment {
    /// As a reference token, with any index as `*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(&key.replace('~', "~0").replace('/', "~1")),
            Self::Index(_) => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<Segment> {
        let segment = |token: &str| {
            token.parse().map_or_else(|_| Segment::Key(unescape(token).unwrap()), Segment::Index)
        };
        text.split('/').skip(1).map(segment).collect()
    }

    #[test]
    fn matches_what_it_names() {
        for (pattern, at, expected) in [
            ("", "", true),
            ("/a", "/a", true),
            ("/a", "/a/b", false),
            ("/a", "/b", false),
            ("/items/*/at", "/items/3/at", true),
            ("/items/*/at", "/items/3/x/at", false),
            ("/items/3", "/items/3", true),
            ("/items/3", "/items/4", false),
            ("/**/at", "/at", true),
            ("/**/at", "/a/0/b/at", true),
            ("/**/at", "/at/b", false),
            ("/a/**/b/**/c", "/a/b/x/b/y/c", true),
            ("/a/**/b/**/c", "/a/c/b", false),
            ("/**", "", true),
            ("/a~1b/~0", "/a~1b/~0", true),
        ] {
            assert_eq!(
                pattern.parse::<PathPattern>().unwrap().matches(&path(at)),
                expected,
                "{pattern} {at}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_pointer() {
        assert_eq!("a".parse::<PathPattern>(), Err(PathPatternError::NoSlash("a".to_owned())));
        assert_eq!("/a~2".parse::<PathPattern>(), Err(PathPatternError::Escape("/a~2".to_owned())));
        assert_eq!("/a~".parse::<PathPattern>(), Err(PathPatternError::Escape("/a~".to_owned())));
    }
}
