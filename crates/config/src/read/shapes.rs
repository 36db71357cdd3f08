//! What values are taken out as.

use crate::{
    report::{Complaint, Read},
    source::{Span, Spanned},
};

/// How messages call an object, and where they show it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) what: String,
    pub(super) span: Span,
}

/// A key of the user's choice and what stands under it.
pub(crate) struct Named<T> {
    /// The key.
    pub(crate) name: Spanned<String>,
    /// Its value.
    pub(crate) value: T,
}

/// What stands under a key that may be switched off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Switch<T> {
    /// Nothing.
    Absent,
    /// The word `off`.
    Off,
    /// This.
    On(T),
}

impl<T> Switch<T> {
    /// Reads what stands there.
    pub(crate) fn read<U>(self, read: impl FnOnce(T) -> Read<U>) -> Read<Switch<U>> {
        Ok(match self {
            Self::Absent => Switch::Absent,
            Self::Off => Switch::Off,
            Self::On(value) => Switch::On(read(value)?),
        })
    }

    /// What stands there, where off is the same as nothing.
    pub(crate) fn on(self) -> Option<T> {
        match self {
            Self::On(value) => Some(value),
            Self::Absent | Self::Off => None,
        }
    }
}

/// What stands under a key that takes a text or an object.
#[derive(Clone, Debug)]
pub(crate) enum Either<T> {
    /// The text.
    Text(Spanned<String>),
    /// The object.
    Object(T),
}

/// What a text means.
pub(crate) trait FromText: Sized {
    /// Reads a text.
    ///
    /// # Errors
    /// Says what is wrong with it.
    fn from_text(text: &str) -> Result<Self, Complaint>;
}
