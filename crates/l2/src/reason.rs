//! Why Redis was of no help.

use std::fmt;

/// Why a call came to nothing. None of these is an error for whoever asked: they mean that there is no shared level for
/// this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Redis did not answer within the deadline.
    Late,
    /// There is no connection, it broke, or Redis answered with an error.
    Broken,
    /// What answers there does not speak as Redis does.
    Garbage,
    /// Not asked: the breaker is open after too many calls failed.
    Skipped,
    /// Redis has no memory left and refused to write.
    Full,
}

impl Reason {
    /// As a word for metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Broken => "broken",
            Self::Garbage => "garbage",
            Self::Skipped => "skipped",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
