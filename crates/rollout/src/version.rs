//! The form in which something was written.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The number of a stored form: written as that number, and nothing else is read.
///
/// A program that reads what a newer one wrote, and takes a field that it does not know for one that is not there, would
/// judge by half of the evidence. It is better to refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version<const NUMBER: u16>;

impl<const NUMBER: u16> Serialize for Version<NUMBER> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(NUMBER)
    }
}

impl<'de, const NUMBER: u16> Deserialize<'de> for Version<NUMBER> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u16::deserialize(deserializer)? {
            number if number == NUMBER => Ok(Self),
            other => Err(D::Error::custom(format_args!(
                "written in form {other}; this program reads form {NUMBER}"
            ))),
        }
    }
}
