//! Making promises. What cannot be kept by any answer is refused here.

use std::{fmt, ops::RangeInclusive};

use super::Promise;

/// Statuses of final answers.
const STATUSES: RangeInclusive<u16> = 200..=599;

/// Why something cannot be promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// Not statuses of final answers, or a range that ends before it begins.
    Statuses(u16, u16),
    /// Not `type/subtype`.
    ContentType(String),
    /// Not a JSON pointer.
    Pointer(String),
    /// Not a JSON Schema; what the validator says.
    Schema(String),
}

impl Promise {
    /// This status is promised too: 200 to 599.
    ///
    /// # Errors
    /// [`SettingsError::Statuses`] outside that range.
    pub fn with_status(self, status: u16) -> Result<Self, SettingsError> {
        self.with_statuses(status..=status)
    }

    /// These statuses are promised too: within 200 to 599.
    ///
    /// # Errors
    /// [`SettingsError::Statuses`] outside that range, or when there is none in it.
    pub fn with_statuses(mut self, statuses: RangeInclusive<u16>) -> Result<Self, SettingsError> {
        let (first, last) = (*statuses.start(), *statuses.end());
        if first > last || !STATUSES.contains(&first) || !STATUSES.contains(&last) {
            return Err(SettingsError::Statuses(first, last));
        }
        self.statuses.push(statuses);
        Ok(self)
    }

    /// The content type, such as `application/json`, without parameters.
    ///
    /// # Errors
    /// [`SettingsError::ContentType`] when it is not of that form.
    pub fn with_content_type(mut self, essence: &str) -> Result<Self, SettingsError> {
        if !is_essence(essence) {
            return Err(SettingsError::ContentType(essence.to_owned()));
        }
        self.content_type = Some(essence.to_ascii_lowercase().into());
        Ok(self)
    }

    /// The body is JSON.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn with_json(mut self) -> Self {
        self.body.promise_json();
        self
    }

    /// The body is JSON and has a value at this JSON pointer (RFC 6901): `/id`, `/items/0/name`. `null` is a value.
    ///
    /// # Errors
    /// [`SettingsError::Pointer`] when it is not a pointer.
    #[cfg(feature = "json")]
    pub fn with_required(mut self, pointer: &str) -> Result<Self, SettingsError> {
        if !is_pointer(pointer) {
            return Err(SettingsError::Pointer(pointer.to_owned()));
        }
        self.body.require(pointer);
        Ok(self)
    }

    /// The body is JSON that this JSON Schema accepts, of the draft it names (2020-12 if it names none). It must be complete:
    /// references to other documents are not fetched.
    ///
    /// # Errors
    /// [`SettingsError::Schema`] when it is not a valid schema.
    #[cfg(feature = "schema")]
    pub fn with_schema(mut self, schema: &serde_json::Value) -> Result<Self, SettingsError> {
        let schema =
            jsonschema::validator_for(schema).map_err(|error| SettingsError::Schema(error.to_string()))?;
        self.body.promise_schema(schema);
        Ok(self)
    }
}

/// Whether a text is `type/subtype` of token characters (RFC 9110 sections 8.3.1 and 5.6.2).
pub(super) fn is_essence(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subkind)| is_token(kind) && is_token(subkind))
}

/// Whether a text is empty or a sequence of `/token`, in which `~` only stands before `0` or `1` (RFC 6901 section 3).
#[cfg(feature = "json")]
fn is_pointer(text: &str) -> bool {
    let mut escapes = text.split('~').skip(1);
    (text.is_empty() || text.starts_with('/')) && escapes.all(|after| after.starts_with(['0', '1']))
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statuses(first, last) if first == last => {
                write!(f, "{first} is not the status of an answer: choose 200 to 599")
            }
            Self::Statuses(first, last) => {
                write!(
                    f,
                    "{first} to {last} is not a range of statuses: choose one within 200 to 599, lower end first"
                )
            }
            Self::ContentType(text) => {
                write!(
                    f,
                    "{text:?} is not a content type: write type/subtype, such as application/json, without parameters"
                )
            }
            Self::Pointer(text) => write!(
                f,
                "{text:?} is not a JSON pointer: begin with a slash, such as /items/0/id, and write ~1 for a slash in a name, ~0 for a tilde"
            ),
            Self::Schema(why) => write!(f, "not a JSON Schema: {why}"),
        }
    }
}

impl std::error::Error for SettingsError {}
