//! Paths that may differ.

use std::{fmt, str::FromStr};

use crate::difference::{BODY, CONTENT_TYPE, FIELD, STATUS};

/// A JSON Pointer (RFC 6901) in which `*` stands for any one key or index and `**` for any number of them, none
/// included. It covers everything below the place it names. The empty pattern covers the whole body, and so does
/// `(body)`.
///
/// What is not in the body is written as it is reported: `(status)`, `(content-type)`, `(header x-total-count)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    whole: Whole,
    parts: Vec<Part>,
}

/// Which part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    Body,
    Status,
    /// By its name in lower case.
    Field(String),
}

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
    #[error(
        "'{0}' is no JSON pointer: it starts with '/', as in /items/*/updated_at; or (status), (header x-name)"
    )]
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

impl PathPattern {
    /// Which part of an answer it speaks of.
    pub(crate) const fn whole(&self) -> &Whole {
        &self.whole
    }

    /// Whether the pattern names exactly this path of the body.
    pub(crate) fn matches(&self, path: &[Segment]) -> bool {
        self.whole == Whole::Body && self.reaches(path, false)
    }

    /// Whether the pattern names this path of the body or one above it.
    pub(crate) fn covers(&self, path: &[Segment]) -> bool {
        self.whole == Whole::Body && self.reaches(path, true)
    }

    /// Greedy with one point of return, so the work is bounded by the product of both lengths whatever the pattern.
    /// `below` is one more `**` at its end.
    fn reaches(&self, path: &[Segment], below: bool) -> bool {
        let (mut part, mut segment) = (0, 0);
        let mut retry = None;
        while segment < path.len() {
            match self.parts.get(part) {
                Some(Part::Any) => {
                    retry = Some((part, segment));
                    part += 1;
                }
                None if below => return true,
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
        self.parts[part..].iter().all(|rest| *rest == Part::Any)
    }

    fn of_whole(whole: Whole) -> Self {
        Self { whole, parts: Vec::new() }
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
        if let Some(whole) = whole(text) {
            return Ok(Self::of_whole(whole));
        }
        let rest = text.strip_prefix('/').ok_or_else(|| PathPatternError::NoSlash(text.to_owned()))?;
        let part = |part: &str| match part {
            "*" => Ok(Part::One),
            "**" => Ok(Part::Any),
            name => unescape(name).map(Part::Exact).ok_or_else(|| PathPatternError::Escape(text.to_owned())),
        };
        let parts = rest.split('/').map(part).collect::<Result<_, _>>()?;
        Ok(Self { whole: Whole::Body, parts })
    }
}

/// The names of whole parts of an answer.
fn whole(text: &str) -> Option<Whole> {
    match text {
        "" | BODY => Some(Whole::Body),
        STATUS => Some(Whole::Status),
        CONTENT_TYPE => Some(Whole::Field("content-type".to_owned())),
        _ => {
            let name = text.strip_prefix(FIELD)?.strip_suffix(')')?;
            is_field_name(name).then(|| Whole::Field(name.to_ascii_lowercase()))
        }
    }
}

/// Whether a text is a token (RFC 9110 section 5.6.2).
pub(crate) fn is_field_name(text: &str) -> bool {
    let special = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.len() <= 256 && text.bytes().all(|b| b.is_ascii_alphanumeric() || special(b))
}

/// The keys of a JSON Pointer; `None` when it is none.
pub(crate) fn pointer(text: &str) -> Option<Vec<String>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.strip_prefix('/')?.split('/').map(unescape).collect()
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
    /// As a reference token, with any index as `*`, and any key that looks like an id too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) if is_generated(key) => f.write_str("*"),
            Self::Key(key) => f.write_str(&key.replace('~', "~0").replace('/', "~1")),
            Self::Index(_) => f.write_str("*"),
        }
    }
}

/// Whether a key was surely made by a machine: five digits and more, a UUID, or a long hexadecimal number. So is a mail
/// address, which is somebody's besides, and no part of a report. An object with such keys is a list by another name, and
/// would otherwise make a path per element.
fn is_generated(key: &str) -> bool {
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    let hex = key.bytes().filter(u8::is_ascii_hexdigit).count();
    let dashes = key.bytes().filter(|&byte| byte == b'-').count();
    if key.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.')) {
        return true;
    }
    match key.len() {
        36 => hex == 32 && dashes == 4,
        length if length >= 16 => hex == length && digits > 0,
        length => length >= 5 && digits == length,
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
    fn covers_what_lies_below() {
        for (pattern, at, expected) in [
            ("", "/a/b", true),
            ("/a", "/a/b", true),
            ("/a", "/a", true),
            ("/a", "/b/a", false),
            ("/**/at", "/a/0/at/s", true),
            ("/**/at", "/a/0/b", false),
            ("/a/*/c", "/a/b", false),
            ("(status)", "", false),
        ] {
            assert_eq!(pattern.parse::<PathPattern>().unwrap().covers(&path(at)), expected, "{pattern} {at}");
        }
    }

    #[test]
    fn what_is_reported_can_be_named() {
        let whole = |text: &str| text.parse::<PathPattern>().unwrap().whole;
        assert_eq!(whole("(status)"), Whole::Status);
        assert_eq!(whole("(body)"), Whole::Body);
        assert_eq!(whole("(content-type)"), Whole::Field("content-type".to_owned()));
        assert_eq!(whole("(header X-Total-Count)"), Whole::Field("x-total-count".to_owned()));
        for wrong in ["(header )", "(header a b)", "(headers)", "(other)"] {
            assert!(wrong.parse::<PathPattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_made_by_machines_are_elements() {
        for (key, shown) in [
            ("12345", "*"),
            ("2024", "2024"),
            ("deadbeef", "deadbeef"),
            ("0123456789abcdef", "*"),
            ("7f3c2b1a-1111-4222-8333-444455556666", "*"),
            ("aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa"),
            ("a/b", "a~1b"),
            ("ada@example.org", "*"),
            ("@type", "@type"),
            ("me@home", "me@home"),
        ] {
            assert_eq!(Segment::Key(key.to_owned()).to_string(), shown);
        }
    }

    #[test]
    fn refuses_what_is_no_pointer() {
        assert_eq!("a".parse::<PathPattern>(), Err(PathPatternError::NoSlash("a".to_owned())));
        assert_eq!("/a~2".parse::<PathPattern>(), Err(PathPatternError::Escape("/a~2".to_owned())));
        assert_eq!("/a~".parse::<PathPattern>(), Err(PathPatternError::Escape("/a~".to_owned())));
    }
}
