//! A share of subjects in steps of 0.01 %.

use std::{fmt, str::FromStr};

use crate::Bucket;

/// A percentage from 0 % to 100 % in steps of 0.01 %.
///
/// Stored as basis points, so that comparing with a [`Bucket`] is one integer comparison and no rounding
/// can ever move a subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u16);

impl Percent {
    /// Nobody.
    pub const ZERO: Self = Self(0);
    /// Everybody.
    pub const FULL: Self = Self(10_000);

    /// From hundredths of a percent, 0 to 10,000.
    ///
    /// # Errors
    /// [`PercentError::OutOfRange`] above 10,000.
    pub const fn from_basis_points(points: u16) -> Result<Self, PercentError> {
        if points > 10_000 { Err(PercentError::OutOfRange) } else { Ok(Self(points)) }
    }

    /// Hundredths of a percent, 0 to 10,000.
    #[must_use]
    pub const fn basis_points(self) -> u16 {
        self.0
    }

    /// Whether a bucket lies within this share. Monotonic: a bucket inside a share is inside every larger one.
    #[must_use]
    pub const fn contains(self, bucket: Bucket) -> bool {
        bucket.index() < self.0
    }

    /// The share as a fraction, 0.0 to 1.0.
    #[must_use]
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

/// Why a text is not a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PercentError {
    /// Not a number followed by `%`.
    #[error("write a percentage such as 5% or 0.25%")]
    Malformed,
    /// Below 0 % or above 100 %.
    #[error("a percentage lies between 0% and 100%")]
    OutOfRange,
    /// More than two decimals.
    #[error("percentages go in steps of 0.01%")]
    TooFine,
}

impl FromStr for Percent {
    type Err = PercentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim().strip_suffix('%').ok_or(PercentError::Malformed)?.trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(rest) = whole.strip_prefix('-')
            && !rest.is_empty()
            && digits(rest)
        {
            return Err(PercentError::OutOfRange);
        }
        if whole.is_empty() || !digits(whole) || !digits(decimals) || number.ends_with('.') {
            return Err(PercentError::Malformed);
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > 2 {
            return Err(PercentError::TooFine);
        }
        let whole: u16 = whole.parse().map_err(|_| PercentError::OutOfRange)?;
        let hundredths: u16 = format!("{decimals:0<2}").parse().map_err(|_| PercentError::Malformed)?;
        whole
            .checked_mul(100)
            .and_then(|points| points.checked_add(hundredths))
            .ok_or(PercentError::OutOfRange)
            .and_then(Self::from_basis_points)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.0 / 100, self.0 % 100);
        match (hundredths, hundredths % 10) {
            (0, _) => write!(f, "{whole}%"),
            (_, 0) => write!(f, "{whole}.{}%", hundredths / 10),
            _ => write!(f, "{whole}.{hundredths:02}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, points) in
            [("5%", 500), ("0.25%", 25), ("100%", 10_000), ("0%", 0), ("12.50 %", 1250), ("0.01%", 1)]
        {
            assert_eq!(text.parse::<Percent>().map(Percent::basis_points), Ok(points), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_share() {
        use PercentError::{Malformed, OutOfRange, TooFine};
        for (text, why) in [
            ("5", Malformed),
            ("", Malformed),
            ("%", Malformed),
            ("x%", Malformed),
            ("5.%", Malformed),
            ("+5%", Malformed),
            ("-1%", OutOfRange),
            ("100.01%", OutOfRange),
            ("99999999%", OutOfRange),
            ("1.001%", TooFine),
        ] {
            assert_eq!(text.parse::<Percent>(), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn shows_what_it_reads(points in 0u16..=10_000) {
            let percent = Percent::from_basis_points(points).unwrap();
            prop_assert_eq!(percent.to_string().parse::<Percent>(), Ok(percent));
        }
    }
}
