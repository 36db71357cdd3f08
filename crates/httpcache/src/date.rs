//! Dates of fields (RFC 9110 section 5.6.7): the three formats, in whatever case, whatever day of the week they name.
//!
//! A date that is not one is `None`; what that means depends on the field: an `Expires` that cannot be read is in the past
//! (RFC 9111 section 5.3), a `Date` that cannot be read is as good as none.

use std::time::SystemTime;

use http::HeaderValue;

/// The longest date of all three formats is `Wednesday, 30-Sep-94 08:49:37 GMT`.
const LONGEST: usize = 33;

/// The days of the week, as the formats spell them.
const DAYS: [[&str; 7]; 2] = [
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
];

/// The time that a field's value names.
pub(crate) fn parse(value: &HeaderValue) -> Option<SystemTime> {
    let text = value.to_str().ok()?.trim_matches([' ', '\t']);
    httpdate::parse_http_date(text).ok().or_else(|| {
        let fixed = in_usual_case(text)?;
        httpdate::parse_http_date(&fixed).ok().or_else(|| parse_on_any_day(&fixed))
    })
}

/// The day of the week follows from the rest; a sender that counts it wrong, or writes dates by hand, means the rest.
fn parse_on_any_day(text: &str) -> Option<SystemTime> {
    let (day, rest) = text.split_at(text.find([',', ' '])?);
    let names = DAYS.iter().find(|names| names.contains(&day))?;
    names.iter().find_map(|name| httpdate::parse_http_date(&format!("{name}{rest}")).ok())
}

/// Names of days and months are sensitive to case by the grammar, and senders that get it wrong mean what they say
/// nevertheless.
fn in_usual_case(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let mut fixed = String::with_capacity(text.len());
    let mut within_word = false;
    for letter in text.chars() {
        let change = if within_word { char::to_ascii_lowercase } else { char::to_ascii_uppercase };
        fixed.push(change(&letter));
        within_word = letter.is_ascii_alphabetic();
    }
    if let Some(date) = fixed.strip_suffix(" Gmt").map(|date| format!("{date} GMT")) {
        fixed = date;
    }
    Some(fixed)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn seconds(text: &str) -> Option<Duration> {
        parse(&HeaderValue::from_str(text).unwrap()).map(|time| time.duration_since(UNIX_EPOCH).unwrap())
    }

    const EXAMPLE: Option<Duration> = Some(Duration::from_secs(784_111_777));

    #[test]
    fn all_three_formats_are_read_in_any_case() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "SUN, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 NOV 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 gMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "sunday, 06-nov-94 08:49:37 gmt",
            "Sun Nov  6 08:49:37 1994",
            "SUN NOV  6 08:49:37 1994",
            "Thu, 06 Nov 1994 08:49:37 GMT",
            "monday, 06-nov-94 08:49:37 gmt",
            "Sat Nov  6 08:49:37 1994",
        ] {
            assert_eq!(seconds(text), EXAMPLE, "{text}");
        }
    }

    #[test]
    fn what_is_almost_a_date_is_none() {
        for text in [
            "0",
            "",
            "Thu, 18 Aug 2050 02:01:18 UTC",
            "Thu, 18 Aug 2050 02:01:18 AEST",
            "Thu, 18 Aug 50 02:01:18 GMT",
            "Thu 18 Aug 2050 02:01:18 GMT",
            "Thu, 18  Aug  2050 02:01:18 GMT",
            "Thu, 18-Aug-2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02.01.18 GMT",
            "Thu, 18 Aug 2050 2:01:18 GMT",
            "Day, 18 Aug 2050 02:01:18 GMT",
            "Thursday, 18 Aug 2050 02:01:18 GMT",
            "Thu, 30 Feb 2050 02:01:18 GMT",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
