//! The first stage: a tree of nodes becomes values with places, as the tables say.
//!
//! Everything that can be said about a value by itself is said here: unknown and missing keys, wrong kinds, values out
//! of range. A fault in one key leaves all others readable.

mod fields;
mod foreign;
mod json;
mod scalar;
mod shapes;
mod structure;
mod value;

pub(crate) use fields::Fields;
pub(crate) use foreign::Foreign;
pub(crate) use scalar::{duration, percent};
pub(crate) use shapes::{Either, FromText, Named, Switch};
pub(crate) use structure::{object, root};
pub(crate) use value::Value;
