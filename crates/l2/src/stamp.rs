//! Moments that order fills and invalidations.

use std::fmt;

/// Length of a stamp as text.
pub(crate) const DIGITS: usize = 16;
/// The last stamp there is: the year 2286.
const LAST: u64 = 9_999_999_999_999_999;

/// A moment of the shared clock that Redis keeps: microseconds since 1970 of its own clock, moved on by hand where two
/// invalidations fall together or the clock was set back. So every invalidation has a stamp of its own, and whatever was
/// leased before has a smaller one or the same as the one before it.
///
/// The clocks of the nodes play no part: they never agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u64);

impl Stamp {
    /// From exactly sixteen digits.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        (text.len() == DIGITS).then(|| number(text).map(Self))?
    }

    #[cfg(test)]
    pub(crate) fn of(micros: u64) -> Self {
        Self(micros.min(LAST))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0 / 1_000
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016}", self.0.min(LAST))
    }
}

/// A number from digits and nothing else: no sign, no blank.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_agree() {
        let stamp = Stamp::parse(b"0001234567890123").unwrap();
        assert_eq!(stamp.to_string(), "0001234567890123");
        assert_eq!(stamp.millis(), 1_234_567_890);
    }

    #[test]
    fn what_is_not_sixteen_digits_is_no_stamp() {
        for text in ["", "1", "00012345678901234", "+001234567890123", " 001234567890123", "000123456789012x"]
        {
            assert_eq!(Stamp::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
