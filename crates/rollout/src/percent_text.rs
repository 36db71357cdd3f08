//! A percentage as it is stored: in hundredths of a percent, the unit that it has inside.

use banyan_flags::Percent;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

pub(crate) fn serialize<S: Serializer>(percent: &Percent, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(percent.basis_points())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Percent, D::Error> {
    Percent::from_basis_points(u16::deserialize(deserializer)?).map_err(D::Error::custom)
}
