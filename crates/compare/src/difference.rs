//! What comparing reports.

use serde_json::Value;

/// Differences reported for one pair; more tell nobody anything new.
pub const MAX_DIFFERENCES: usize = 64;

/// Characters of a reported path; longer ones are cut and end with `…`, so that hostile keys cannot fill the memory.
pub const MAX_PATH_CHARS: usize = 256;

/// Path of a differing status code.
pub(crate) const STATUS: &str = "(status)";
/// Path of a differing content type.
pub(crate) const CONTENT_TYPE: &str = "(content-type)";
/// Path of a differing body that cannot be compared as JSON.
pub(crate) const BODY: &str = "(body)";

/// One place where two answers differ. A pair reports each path at most once, with the first difference found there.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// JSON Pointer (RFC 6901) with array indexes written as `*`; `(status)`, `(content-type)` or `(body)` for what
    /// is not JSON. The root of a JSON body is the empty pointer, reported as `(body)` too.
    pub path: String,
    /// In which way they differ.
    pub kind: DifferenceKind,
    /// What the control said there, `None` if nothing. Numbers beyond 64 bits are rounded here, though they were
    /// compared exactly.
    pub control: Option<Value>,
    /// What the candidate said there, `None` if nothing.
    pub candidate: Option<Value>,
}

/// In which way two answers differ at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
}

impl DifferenceKind {
    /// A short word for logs and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Type => "type",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Length => "length",
        }
    }
}

/// Differences of one pair, one per path, bounded.
#[derive(Debug, Default)]
pub(crate) struct Differences(Vec<Difference>);

impl Differences {
    /// Adds a difference unless its path is there already or the bound is reached.
    pub(crate) fn add(
        &mut self,
        path: String,
        kind: DifferenceKind,
        control: Option<Value>,
        candidate: Option<Value>,
    ) {
        if !self.is_full() && self.0.iter().all(|known| known.path != path) {
            self.0.push(Difference { path, kind, control, candidate });
        }
    }

    /// Whether looking further would change nothing.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MAX_DIFFERENCES
    }

    /// All of them, in the order found.
    pub(crate) fn into_vec(self) -> Vec<Difference> {
        self.0
    }
}
