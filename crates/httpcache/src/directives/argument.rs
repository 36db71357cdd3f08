//! One directive and its argument: `cache-directive = token [ "=" ( token / quoted-string ) ]` (RFC 9111 section 5.2).

use std::time::Duration;

use http::HeaderName;
use smallvec::SmallVec;

use super::{delta_seconds, said::Scope};
use crate::list::{split, trim};

/// How many field names one directive may list. Beyond it the directive is taken to mean the whole answer, which is
/// stricter.
const MOST_FIELDS: usize = 16;

/// A directive's argument. Both forms are accepted everywhere, as RFC 9111 section 5.2 asks of recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument<'a> {
    /// There is none.
    Missing,
    /// A token, or what stands between two quotes.
    Text(&'a [u8]),
    /// Anything else: blanks around the equals sign, a quote that does not close.
    Malformed,
}

/// A member of the list as name and argument. The name may be anything; only known ones are compared with it.
pub(super) fn directive(member: &[u8]) -> (&[u8], Argument<'_>) {
    let Some(equals) = member.iter().position(|&byte| byte == b'=') else {
        return (member, Argument::Missing);
    };
    let (name, value) = (&member[..equals], &member[equals + 1..]);
    if trim(name) != name || trim(value) != value {
        return (trim(name), Argument::Malformed);
    }
    (name, argument(value))
}

fn argument(value: &[u8]) -> Argument<'_> {
    match value {
        [b'"', inner @ .., b'"'] => Argument::Text(inner),
        [] | [b'"', ..] => Argument::Malformed,
        token => Argument::Text(token),
    }
}

impl Argument<'_> {
    /// The seconds it names, or `None` when it is not a number.
    pub(super) fn seconds(self) -> Option<Duration> {
        match self {
            Self::Text(text) => delta_seconds(text),
            Self::Missing | Self::Malformed => None,
        }
    }

    /// What a directive such as `private` covers. An argument that names no fields, or what cannot be fields, leaves the
    /// stricter reading.
    pub(super) fn scope(self) -> Scope {
        let Self::Text(text) = self else { return Scope::Whole };
        let names: Option<SmallVec<[HeaderName; 2]>> =
            split(text).take(MOST_FIELDS + 1).map(|name| HeaderName::from_bytes(name).ok()).collect();
        match names {
            Some(names) if (1..=MOST_FIELDS).contains(&names.len()) => Scope::Fields(names),
            _ => Scope::Whole,
        }
    }
}
