//! What comparing reports.

use std::{collections::HashSet, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Differences that [`compare`](crate::compare) reports for one pair; more tell nobody anything new.
pub const MAX_DIFFERENCES: usize = 64;
/// Spots that each half of a triple may have: noise must not crowd out what is no noise.
pub const MAX_SPOTS: usize = 512;

/// Characters of a reported path; longer ones are cut and end with `…`, so that hostile keys cannot fill the memory.
pub const MAX_PATH_CHARS: usize = 256;

/// Path of a differing status code.
pub(crate) const STATUS: &str = "(status)";
/// Path of a differing content type.
pub(crate) const CONTENT_TYPE: &str = "(content-type)";
/// Path of a differing body that cannot be compared as JSON.
pub(crate) const BODY: &str = "(body)";
/// How the path of a differing field begins; its name in lower case and a bracket follow.
pub(crate) const FIELD: &str = "(header ";

/// One place where two answers differ. A pair reports each path at most once, with the first difference found there.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// JSON Pointer (RFC 6901) with array indexes, and keys that look like ids, written as `*`; `(status)`,
    /// `(content-type)`, `(header NAME)` or `(body)` for what is not JSON. The root of a JSON body is the empty
    /// pointer, reported as `(body)` too.
    pub path: String,
    /// In which way they differ.
    pub kind: DifferenceKind,
    /// What the control said there, `None` if nothing. Numbers beyond 64 bits are rounded here, though they were
    /// compared exactly.
    pub control: Option<Value>,
    /// What the candidate said there, `None` if nothing.
    pub candidate: Option<Value>,
}

/// A path and the way answers differ there. Its text, also in JSON, is the kind's word, a space and the path.
///
/// A timestamp that is never the same twice is noise as a *value*; that it became `null` is a difference of *type* at
/// the same path, and must not be taken for the noise. So noise is kept apart by kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Spot {
    /// As in [`Difference::path`].
    pub path: String,
    /// In which way.
    pub kind: DifferenceKind,
}

/// A text that is no [`Spot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a kind, a space and a path were expected, as in 'value /items/*/price'")]
pub struct SpotError;

/// In which way two answers differ at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// Same type, another value.
    Value,
    /// Another type.
    Type,
    /// Only the control has it.
    Missing,
    /// Only the candidate has it.
    Extra,
    /// Arrays of different length. What both have is compared as well.
    Length,
    /// Arrays whose elements stand in another order. What belongs together is compared as well.
    Order,
}

impl DifferenceKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Value, Self::Type, Self::Missing, Self::Extra, Self::Length, Self::Order];

    /// A short word for logs and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Type => "type",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Length => "length",
            Self::Order => "order",
        }
    }
}

/// Differences of one pair, each only once, bounded.
#[derive(Debug)]
pub(crate) struct Differences {
    list: Vec<Difference>,
    seen: HashSet<Spot>,
    keep: Keep,
}

/// What is kept of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// One per path, with values.
    Paths,
    /// One per path and kind, with values.
    Spots,
    /// One per path and kind, without values.
    BareSpots,
}

impl Differences {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { list: Vec::new(), seen: HashSet::new(), keep }
    }

    /// Adds a difference unless it is there already or the bound is reached.
    pub(crate) fn add(
        &mut self,
        path: String,
        kind: DifferenceKind,
        values: impl FnOnce() -> [Option<Value>; 2],
    ) {
        // Where paths alone count, all kinds are one to `seen`.
        let seen_as = if self.keep == Keep::Paths { DifferenceKind::Value } else { kind };
        if self.is_full() || !self.seen.insert(Spot { path: path.clone(), kind: seen_as }) {
            return;
        }
        let [control, candidate] = if self.keep == Keep::BareSpots { [None, None] } else { values() };
        self.list.push(Difference { path, kind, control, candidate });
    }

    /// Whether looking further would change nothing.
    pub(crate) fn is_full(&self) -> bool {
        let most = if self.keep == Keep::Paths { MAX_DIFFERENCES } else { MAX_SPOTS };
        self.list.len() >= most
    }

    /// All of them, in the order found.
    pub(crate) fn into_vec(self) -> Vec<Difference> {
        self.list
    }
}

impl Difference {
    /// Where and in which way, without the values.
    #[must_use]
    pub fn spot(&self) -> Spot {
        Spot { path: self.path.clone(), kind: self.kind }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.path)
    }
}

impl From<Spot> for String {
    fn from(spot: Spot) -> Self {
        spot.to_string()
    }
}

impl TryFrom<String> for Spot {
    type Error = SpotError;

    fn try_from(text: String) -> Result<Self, SpotError> {
        let (word, path) = text.split_once(' ').ok_or(SpotError)?;
        let kind = DifferenceKind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(SpotError)?;
        Ok(Self { path: path.to_owned(), kind })
    }
}
