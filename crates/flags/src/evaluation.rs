//! What an evaluation says.

use std::fmt;

use serde_json::{Map, Value};

use crate::{Bucket, Kind};

/// The answer to 'what does this flag say for this context?'; everything in it is borrowed from the flag.
///
/// The fields are those of OpenFeature's resolution details, and what explains them: which segment, which bucket, which
/// prerequisite was not met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation<'a> {
    /// What was asked for.
    pub key: &'a str,
    /// What the application gets; `None` on an error: it then uses its own default.
    pub value: Option<&'a Value>,
    /// The name of the value; `None` on an error.
    pub variant: Option<&'a str>,
    /// Why.
    pub reason: Reason,
    /// What went wrong, if [`Evaluation::reason`] is [`Reason::Error`].
    pub error: Option<EvaluationError>,
    /// The flag's metadata.
    pub metadata: &'a [(String, Value)],
    /// The segment that decided.
    pub segment: Option<&'a str>,
    /// The bucket that decided.
    pub bucket: Option<Bucket>,
    /// The prerequisite that was not met, by its flag.
    pub unmet: Option<&'a str>,
}

/// Why a value was served: OpenFeature's reasons, as far as an evaluation here can give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is the same for every context.
    Static,
    /// No segment matched, and no percentage decided.
    Default,
    /// A segment matched and serves one variant.
    TargetingMatch,
    /// A percentage or a split decided, whether in a segment or for the flag as a whole.
    Split,
    /// The flag is off, or a prerequisite is not met, which switches it off for this context.
    Disabled,
    /// An error, and no value.
    Error,
}

impl Reason {
    /// As OpenFeature spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Default => "DEFAULT",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Disabled => "DISABLED",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// OpenFeature's error codes, without `PROVIDER_NOT_READY`, which only a client can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// No such flag.
    FlagNotFound,
    /// What was sent could not be read.
    ParseError,
    /// The flag's values have another type than was asked for.
    TypeMismatch,
    /// A percentage needs a targeting key, and there is none.
    TargetingKeyMissing,
    /// The context was refused.
    InvalidContext,
    /// Anything else. Nothing in this crate says it; a server may.
    General,
}

impl ErrorCode {
    /// As OpenFeature spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::ParseError => "PARSE_ERROR",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::InvalidContext => "INVALID_CONTEXT",
            Self::General => "GENERAL",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an evaluation has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// No flag has this key, or it was retired.
    #[error("no flag has this key")]
    FlagNotFound,
    /// A percentage needs a targeting key, and the context has none.
    #[error("the flag is served by percentage and the context has no targetingKey: send the id of the user")]
    TargetingKeyMissing,
    /// A percentage needs a targeting key, and the context's is empty: all who have none would share one bucket.
    #[error(
        "the flag is served by percentage and the context's targetingKey is empty: send the id of the user"
    )]
    TargetingKeyEmpty,
    /// The value has another type than was asked for.
    #[error("the flag's values are of type {actual}, and {wanted} was asked for")]
    TypeMismatch {
        /// What was asked for.
        wanted: Kind,
        /// What the flag has.
        actual: Kind,
    },
}

impl EvaluationError {
    /// OpenFeature's code.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::FlagNotFound => ErrorCode::FlagNotFound,
            Self::TargetingKeyMissing | Self::TargetingKeyEmpty => ErrorCode::TargetingKeyMissing,
            Self::TypeMismatch { .. } => ErrorCode::TypeMismatch,
        }
    }
}

impl<'a> Evaluation<'a> {
    /// No value.
    pub(crate) const fn failed(
        key: &'a str,
        error: EvaluationError,
        metadata: &'a [(String, Value)],
    ) -> Self {
        Self {
            key,
            value: None,
            variant: None,
            reason: Reason::Error,
            error: Some(error),
            metadata,
            segment: None,
            bucket: None,
            unmet: None,
        }
    }

    /// OpenFeature's error code, if there was an error.
    #[must_use]
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.error.map(EvaluationError::code)
    }

    /// The same, or the error `TYPE_MISMATCH` if the value is of another type.
    #[must_use]
    pub fn expect(self, wanted: Kind) -> Self {
        match self.value.and_then(Kind::of) {
            Some(actual) if actual != wanted => {
                Self::failed(self.key, EvaluationError::TypeMismatch { wanted, actual }, self.metadata)
            }
            _ => self,
        }
    }

    /// The value of a boolean flag.
    ///
    /// # Errors
    /// The evaluation's own error, or [`EvaluationError::TypeMismatch`].
    pub fn as_bool(&self) -> Result<bool, EvaluationError> {
        self.typed(Kind::Boolean, Value::as_bool)
    }

    /// The value of a string flag.
    ///
    /// # Errors
    /// The evaluation's own error, or [`EvaluationError::TypeMismatch`].
    pub fn as_str(&self) -> Result<&'a str, EvaluationError> {
        self.typed(Kind::String, Value::as_str)
    }

    /// The value of a number flag.
    ///
    /// # Errors
    /// The evaluation's own error, or [`EvaluationError::TypeMismatch`].
    pub fn as_f64(&self) -> Result<f64, EvaluationError> {
        self.typed(Kind::Number, Value::as_f64)
    }

    /// The value of an object flag.
    ///
    /// # Errors
    /// The evaluation's own error, or [`EvaluationError::TypeMismatch`].
    pub fn as_object(&self) -> Result<&'a Map<String, Value>, EvaluationError> {
        self.typed(Kind::Object, Value::as_object)
    }

    fn typed<T>(
        &self,
        wanted: Kind,
        take: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, EvaluationError> {
        let checked = self.expect(wanted);
        if let Some(error) = checked.error {
            return Err(error);
        }
        checked.value.and_then(take).ok_or(EvaluationError::FlagNotFound)
    }
}
