//! Numbers as people read them.

use std::time::Duration;

/// `4,512`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.84 ms`, `8.4 ms`, `84 ms`, `8.4 s`.
pub(crate) fn time(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1_000.0;
    match millis {
        _ if millis < 1.0 => format!("{millis:.2} ms"),
        _ if millis < 10.0 => format!("{millis:.1} ms"),
        _ if millis < 1_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// `96.1%` of a whole, `-` of nothing. What is not everything is never shown as `100.0%`.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let tenths = u128::from(part) * 1_000 / u128::from(whole);
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// `01:05`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 12, 999, 1_000, 1_234_567].map(count), ["0", "12", "999", "1,000", "1,234,567"]);
        let times = [840, 8_400, 84_000, 8_400_000].map(Duration::from_micros).map(time);
        assert_eq!(times, ["0.84 ms", "8.4 ms", "84 ms", "8.4 s"]);
        assert_eq!([share(1, 0), share(0, 3), share(2, 3), share(3, 3)], ["-", "0.0%", "66.6%", "100.0%"]);
        assert_eq!(share(9_999, 10_000), "99.9%");
        assert_eq!([5, 65, 6_000].map(Duration::from_secs).map(clock), ["00:05", "01:05", "100:00"]);
    }
}
