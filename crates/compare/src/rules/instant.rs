//! Points in time as services write them.

use std::time::UNIX_EPOCH;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Numbers below this are seconds (until the year 5138), others milliseconds (since 1973).
const FIRST_MILLIS: f64 = 1e11;
/// Numbers from here on are no time that anybody means (the year 5138 in milliseconds).
const NO_TIME: f64 = 1e14;

/// Seconds since 1970 of a JSON number: seconds or milliseconds, whichever makes sense.
pub(super) fn of_number(number: f64) -> Option<f64> {
    match number.abs() {
        size if size < FIRST_MILLIS => Some(number),
        size if size < NO_TIME => Some(number / 1000.0),
        _ => None,
    }
}

/// Seconds since 1970 of a text: RFC 3339 (a missing offset counts as UTC, a space as `T`), an HTTP date in any of its
/// three forms, or a number.
pub(super) fn of_text(text: &str) -> Option<f64> {
    let text = text.trim();
    // The longest of all is an RFC 850 date; everything else is not looked at closely.
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    rfc3339(text).or_else(|| http_date(text)).or_else(|| text.parse().ok().and_then(of_number))
}

fn rfc3339(text: &str) -> Option<f64> {
    if text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let text = text.replacen(' ', "T", 1);
    let read = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let instant = read(&text).or_else(|| read(&format!("{text}Z")))?;
    let whole = f64::from(i32::try_from(instant.unix_timestamp().div_euclid(86_400)).ok()?) * 86_400.0;
    let within = f64::from(i32::try_from(instant.unix_timestamp().rem_euclid(86_400)).ok()?);
    Some(whole + within + f64::from(instant.nanosecond()) / 1e9)
}

fn http_date(text: &str) -> Option<f64> {
    let instant = httpdate::parse_http_date(text).ok()?;
    instant.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_has_many_spellings() {
        for text in [
            "1994-11-06T08:49:37Z",
            "1994-11-06T09:49:37+01:00",
            "1994-11-06t08:49:37.000z",
            "1994-11-06 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "784111777",
            "784111777000",
        ] {
            assert_eq!(of_text(text), Some(784_111_777.0), "{text}");
        }
        assert_eq!(of_number(784_111_777_500.0), Some(784_111_777.5));
        assert_eq!(of_text("1969-12-31T23:59:59.5Z"), Some(-0.5));
    }

    #[test]
    fn other_texts_are_no_time() {
        for text in ["", "soon", "2026-13-01T00:00:00Z", "1e300", "NaN", "inf", "2026-øø", &"1".repeat(100)]
        {
            assert_eq!(of_text(text), None, "{text}");
        }
    }
}
