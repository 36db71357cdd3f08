//! What origins and clients say about caching: `Cache-Control` and its kin (RFC 9111 section 5.2), read into plain values.
//!
//! Two rules decide every doubt. A directive that *restricts* counts however badly it is written: `private=` is private.
//! A directive that *allows* counts only when it is written well: `max-age=1h` allows nothing, so the answer is stale.

mod argument;
mod asked;
mod said;
mod targeted;

pub use asked::{Asked, MaxStale};
pub use said::{Said, Scope};

use std::time::Duration;

/// The longest time that anything is taken to mean, 2^31 seconds: larger numbers stand for it (RFC 9111 section 1.2.2).
pub const LONGEST: Duration = Duration::from_secs(1 << 31);

/// Seconds as `delta-seconds` (RFC 9111 section 1.2.2), or `None` when `text` is anything but digits.
pub(crate) fn delta_seconds(text: &[u8]) -> Option<Duration> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |value: u64, &digit: &u8| value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(Duration::from_secs(text.iter().fold(0, add)).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_seconds_and_too_many_are_the_longest_time() {
        assert_eq!(delta_seconds(b"003600"), Some(Duration::from_secs(3600)));
        assert_eq!(delta_seconds(b"2147483648"), Some(LONGEST));
        assert_eq!(delta_seconds(b"99999999999999999999999999"), Some(LONGEST));
        for text in [&b""[..], b"-1", b"+1", b"1.0", b"1a", b"a1", b" 1", b"'1'"] {
            assert_eq!(delta_seconds(text), None, "{text:?}");
        }
    }
}
