//! Numbers by exact decimal value.

/// A JSON number (RFC 8259 section 6) as sign, significant digits and power of ten, in lowest terms.
///
/// A float would make two 64-bit ids that differ in the last digit equal, and those are what a migration must not
/// mix up.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    /// Without leading or trailing zeros; empty for zero.
    digits: String,
    exponent: i64,
}

/// Whether two JSON number texts mean the same number: `1`, `1.0` and `10e-1` do.
pub(crate) fn equal(left: &str, right: &str) -> bool {
    match (Decimal::read(left), Decimal::read(right)) {
        (Some(left), Some(right)) => left == right,
        // An exponent beyond 64 bits: nothing but its own text is surely the same number.
        _ => left == right,
    }
}

/// One text for all ways to write a number; the text itself when it has too large an exponent.
pub(crate) fn canonical(text: &str) -> String {
    Decimal::read(text).map_or_else(
        || text.to_owned(),
        |Decimal { negative, digits, exponent }| {
            let sign = if negative { "-" } else { "" };
            format!("{sign}{digits}e{exponent}")
        },
    )
}

impl Decimal {
    /// From a valid JSON number; `None` when its exponent does not fit.
    fn read(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_end_matches('0');
        let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
        let decimals = i64::try_from(fraction.len()).ok()?;
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Self { negative: false, digits: String::new(), exponent: 0 });
        }
        let exponent = exponent.checked_add(dropped)?.checked_sub(decimals)?;
        Some(Self { negative, digits: significant.to_owned(), exponent })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_by_value() {
        for (left, right) in [
            ("1", "1.0"),
            ("1", "10e-1"),
            ("100", "1E+2"),
            ("0", "-0.0"),
            ("0e5", "0"),
            ("1.50", "1.5"),
            ("12345678901234567890123", "1.2345678901234567890123e22"),
            ("1e99999999999999999999", "1e99999999999999999999"),
        ] {
            assert!(equal(left, right), "{left} {right}");
        }
    }

    #[test]
    fn different_though_floats_agree() {
        for (left, right) in [
            ("9007199254740992", "9007199254740993"),
            ("18446744073709551617", "18446744073709551618"),
            ("0.1", "0.10000000000000000001"),
            ("1", "-1"),
            ("1", "10"),
        ] {
            assert!(!equal(left, right), "{left} {right}");
        }
    }

    proptest! {
        #[test]
        fn integers_agree_with_integers(left: i64, right: i64) {
            prop_assert_eq!(equal(&left.to_string(), &right.to_string()), left == right);
            let padded = format!("{left}.000");
            prop_assert!(equal(&left.to_string(), &padded));
        }
    }
}
