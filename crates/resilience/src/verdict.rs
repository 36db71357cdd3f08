//! What a result says about the dependency that gave it.

use std::{fmt, time::Duration};

/// What a result says about the dependency that gave it. A classifier turns results into verdicts; every pattern acts on
/// verdicts and on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The dependency did what it promised.
    Success,
    /// It did not.
    Failure {
        /// In what way.
        cause: Cause,
        /// Whether another attempt may help and does no harm.
        retryable: bool,
    },
    /// It says that it has too much to do. Counts as a failure that may be retried, not before `retry_after` if that is
    /// known.
    Overload {
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The result says nothing about the dependency: the caller's own mistake, a refusal of our own limiter.
    Ignored,
    /// Nobody waited for the result any more. Neither success nor failure.
    Cancelled,
}

/// In what way a dependency failed. Few and fixed, so that counting them is cheap and a label made of them is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// It did not answer in time.
    Timeout,
    /// The connection broke.
    Reset,
    /// It could not be reached.
    Unreachable,
    /// It answered that it failed (a 5xx status).
    Error,
    /// It answered that it is overloaded (429, 503).
    Overload,
    /// It answered, and the answer is not what was promised.
    Invalid,
    /// Anything else.
    Other,
}

impl Verdict {
    /// A failure that another attempt may mend.
    #[must_use]
    pub const fn retryable(cause: Cause) -> Self {
        Self::Failure { cause, retryable: true }
    }

    /// A failure that stays one however often it is tried.
    #[must_use]
    pub const fn fatal(cause: Cause) -> Self {
        Self::Failure { cause, retryable: false }
    }

    /// The cause, of a failure or an overload.
    #[must_use]
    pub const fn cause(&self) -> Option<Cause> {
        match self {
            Self::Failure { cause, .. } => Some(*cause),
            Self::Overload { .. } => Some(Cause::Overload),
            Self::Success | Self::Ignored | Self::Cancelled => None,
        }
    }

    /// Whether another attempt may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Failure { retryable: true, .. } | Self::Overload { .. })
    }
}

impl Cause {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 7] = [
        Self::Timeout,
        Self::Reset,
        Self::Unreachable,
        Self::Error,
        Self::Overload,
        Self::Invalid,
        Self::Other,
    ];

    /// One word for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
            Self::Error => "error",
            Self::Overload => "overload",
            Self::Invalid => "invalid",
            Self::Other => "other",
        }
    }

    /// As counted in a sentence: '9 timeouts', '1 reset'.
    pub(crate) const fn counted(self, count: u64) -> &'static str {
        match (self, count) {
            (Self::Timeout, 1) => "timeout",
            (Self::Timeout, _) => "timeouts",
            (Self::Reset, 1) => "reset",
            (Self::Reset, _) => "resets",
            (Self::Unreachable, _) => "unreachable",
            (Self::Error, 1) => "error",
            (Self::Error, _) => "errors",
            (Self::Overload, 1) => "overload",
            (Self::Overload, _) => "overloads",
            (Self::Invalid, 1) => "invalid answer",
            (Self::Invalid, _) => "invalid answers",
            (Self::Other, 1) => "other failure",
            (Self::Other, _) => "other failures",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
