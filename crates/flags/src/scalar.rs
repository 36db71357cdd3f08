//! Plain values that conditions compare: truth values, numbers, texts.

use std::cmp::Ordering;

use serde_json::Value;

/// A value that a condition can compare with.
///
/// The order is total, so that a list of values can be searched; between values of different types it means nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// A number; 1 and 1.0 are the same.
    Number(Number),
    /// A text; case counts.
    Text(Box<str>),
}

impl Scalar {
    /// The value, unless it is null, a list or an object.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(Self::Boolean(*truth)),
            Value::Number(number) => Number::of(number).map(Self::Number),
            Value::String(text) => Some(Self::Text(text.as_str().into())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Boolean(truth) => Value::Bool(*truth),
            Self::Number(number) => number.to_json(),
            Self::Text(text) => Value::String(text.to_string()),
        }
    }
}

/// A number as contexts and definitions carry it.
///
/// Integers stay integers, since the ids that applications target by do not all fit into a float; a float without a
/// fraction is an integer, so that 1 equals 1.0 whatever the client's language made of it. Never NaN or infinite: JSON
/// has neither.
#[derive(Clone, Copy, Debug)]
pub struct Number(Form);

#[derive(Clone, Copy, Debug)]
enum Form {
    Integer(i128),
    /// With a fraction, or of at least [`HUGE`].
    Float(f64),
}

/// 2^100: floats from here on are not made integers, so that those below fit without rounding.
const HUGE: f64 = 1_267_650_600_228_229_401_496_703_205_376.0;

impl Number {
    /// The number, unless it is not finite.
    pub(crate) fn of(number: &serde_json::Number) -> Option<Self> {
        if let Some(integer) = number.as_i64() {
            return Some(Self(Form::Integer(i128::from(integer))));
        }
        if let Some(integer) = number.as_u64() {
            return Some(Self(Form::Integer(i128::from(integer))));
        }
        number.as_f64().and_then(Self::of_float)
    }

    /// A float, unless it is not finite.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float without a fraction below 2^100 fits an i128 exactly"
    )]
    pub(crate) fn of_float(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return None;
        }
        let whole = float.fract() == 0.0 && float.abs() < HUGE;
        Some(Self(if whole { Form::Integer(float as i128) } else { Form::Float(float) }))
    }

    /// The nearest float.
    #[must_use]
    pub const fn as_f64(self) -> f64 {
        match self.0 {
            Form::Integer(integer) => integer as f64,
            Form::Float(float) => float,
        }
    }

    /// Its bytes for a fingerprint: equal for equal numbers, different for different ones.
    pub(crate) fn bytes(self) -> [u8; 17] {
        let (tag, bytes) = match self.0 {
            Form::Integer(integer) => (0, integer.to_le_bytes()),
            Form::Float(float) => (1, u128::from(float.to_bits()).to_le_bytes()),
        };
        let mut all = [tag; 17];
        all[1..].copy_from_slice(&bytes);
        all
    }

    pub(crate) fn to_json(self) -> Value {
        let Form::Integer(integer) = self.0 else { return Value::from(self.as_f64()) };
        i64::try_from(integer)
            .map(Value::from)
            .or_else(|_| u64::try_from(integer).map(Value::from))
            // Beyond 64 bits it came from a float, and is one without a loss.
            .unwrap_or_else(|_| Value::from(self.as_f64()))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (Form::Integer(a), Form::Integer(b)) => a.cmp(&b),
            // A float here has a fraction, and is then small enough that rounding the integer cannot jump over it, or
            // it is larger than every integer.
            _ => self.as_f64().total_cmp(&other.as_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn number(value: Value) -> Number {
        let Some(Scalar::Number(number)) = Scalar::of(&value) else { panic!("{value} is no number") };
        number
    }

    #[test]
    fn one_is_one_point_zero_and_zero_has_no_sign() {
        assert_eq!(number(json!(1)), number(json!(1.0)));
        assert_eq!(number(json!(0)), number(json!(-0.0)));
    }

    #[test]
    fn large_ids_do_not_run_together() {
        assert_ne!(number(json!(9_007_199_254_740_993_u64)), number(json!(9_007_199_254_740_992_u64)));
        assert_ne!(number(json!(u64::MAX)), number(json!(u64::MAX - 1)));
    }

    #[test]
    fn the_order_is_that_of_numbers() {
        let rising = [
            json!(-1e300),
            json!(i64::MIN),
            json!(-1.5),
            json!(0),
            json!(0.25),
            json!(u64::MAX),
            json!(1e40),
        ];
        let rising = rising.map(number);
        assert!(rising.windows(2).all(|pair| pair[0] < pair[1]), "{rising:?}");
    }

    proptest! {
        #[test]
        fn a_number_survives_being_written(float in proptest::num::f64::NORMAL | proptest::num::f64::ZERO, integer: i64) {
            for value in [json!(float), json!(integer)] {
                let read = number(value);
                prop_assert_eq!(number(read.to_json()), read);
            }
        }

        #[test]
        fn equal_numbers_have_equal_bytes(a in -3i64..3, b in -3i64..3) {
            let (a, b) = (number(json!(a)), number(json!(f64::from(i32::try_from(b).unwrap()))));
            prop_assert_eq!(a == b, a.bytes() == b.bytes());
        }
    }
}
