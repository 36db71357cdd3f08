//! Values with places.

use std::time::Duration;

use banyan_flags::Percent;

use super::{Fields, Foreign};
use crate::{plan::Factor, report::Read, source::Spanned};

/// A value that its [`crate::language::Kind`] allows.
#[derive(Clone, Debug)]
pub(crate) enum Value<'p> {
    Bool(bool),
    /// An integer or a size in bytes.
    Number(u64),
    Duration(Duration),
    Percent(Percent),
    Decimal(Factor),
    Real(f64),
    Json(serde_json::Value),
    Foreign(Foreign),
    Text(String),
    Choice(&'static str),
    /// Entries that were refused are missing, and the flag tells.
    List(Vec<Spanned<Value<'p>>>, Read<()>),
    /// Refused values keep their key.
    Map(Vec<Entry<'p>>),
    Object(Fields<'p>),
    /// The word `off` where there could be an object.
    Off,
}

/// A key of a map and its value.
pub(super) type Entry<'p> = (Spanned<String>, Read<Spanned<Value<'p>>>);

/// What a [`Value`] is taken out as.
pub(crate) trait FromValue: Sized {
    /// `None` when the value is of another kind than the caller thinks.
    fn from_value(value: &Value<'_>) -> Option<Self>;
}

macro_rules! from_value {
    ($($type:ty: $pattern:pat => $value:expr;)*) => {$(
        impl FromValue for $type {
            fn from_value(value: &Value<'_>) -> Option<Self> {
                match value {
                    $pattern => $value,
                    _ => None,
                }
            }
        }
    )*};
}

from_value! {
    bool: Value::Bool(value) => Some(*value);
    u64: Value::Number(value) => Some(*value);
    u16: Value::Number(value) => u16::try_from(*value).ok();
    u32: Value::Number(value) => u32::try_from(*value).ok();
    usize: Value::Number(value) => usize::try_from(*value).ok();
    Duration: Value::Duration(value) => Some(*value);
    Percent: Value::Percent(value) => Some(*value);
    Factor: Value::Decimal(value) => Some(*value);
    f64: Value::Real(value) => Some(*value);
    serde_json::Value: Value::Json(value) => Some(value.clone());
    Foreign: Value::Foreign(value) => Some(value.clone());
    String: Value::Text(value) => Some(value.clone());
    &'static str: Value::Choice(value) => Some(*value);
}
