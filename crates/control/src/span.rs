//! Durations in the config's words, `10m`, and for how long holds what somebody switched by hand.

use std::time::Duration;

use crate::problem::Problem;

/// How long it holds unless somebody says otherwise: long enough to look around, short enough to be forgotten safely.
const USUAL: Duration = Duration::from_secs(10 * 60);
const SHORTEST: Duration = Duration::from_secs(1);
/// What should hold for longer belongs into the config.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// From the largest.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// For how long something is to hold: 1 s to 24 h, 10 min when nothing is given.
pub(crate) fn lasts(text: Option<&str>) -> Result<Duration, Problem> {
    let Some(text) = text else { return Ok(USUAL) };
    let refused = |why: &str| Problem::invalid(format!("for '{text}': {why}")).with("pointer", "/for");
    let Some(lasts) = read(text) else {
        return Err(refused("write a whole number and a unit, such as 30s, 10m or 1h"));
    };
    if !(SHORTEST..=LONGEST).contains(&lasts) {
        return Err(refused("from 1s to 24h; what is to hold for longer belongs into the config"));
    }
    Ok(lasts)
}

fn read(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(Duration::from_millis(count.parse::<u64>().ok()?.checked_mul(*factor)?))
}

/// In the largest unit that says it whole, such as `90s`; less than a millisecond is left out.
pub(crate) fn text(span: Duration) -> String {
    let millis = span.as_millis();
    let whole = |(_, factor): &&(&str, u64)| millis > 0 && millis.is_multiple_of(u128::from(*factor));
    UNITS.iter().find(whole).map_or_else(
        || format!("{millis}ms"),
        |(unit, factor)| format!("{}{unit}", millis / u128::from(*factor)),
    )
}

/// As a number of seconds, to the millisecond.
pub(crate) fn seconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn what_is_switched_holds_for_ten_minutes_unless_said_otherwise() {
        for (given, seconds) in
            [(None, 600), (Some("1s"), 1), (Some("90s"), 90), (Some("2h"), 7200), (Some("24h"), 86_400)]
        {
            assert_eq!(lasts(given).ok(), Some(Duration::from_secs(seconds)), "{given:?}");
        }
    }

    #[test]
    fn it_never_holds_for_ever() {
        for given in ["", "10", "m", "999ms", "0s", "25h", "-1m", "1.5h", "1d", "18446744073709551615h"] {
            let refused = lasts(Some(given)).expect_err(given);
            assert_eq!(refused.into_response().status(), 400, "{given}");
        }
    }

    #[test]
    fn spans_are_written_as_they_are_read() {
        for written in ["1h", "90m", "10m", "90s", "3500ms", "1ms"] {
            assert_eq!(text(read(written).unwrap()), written);
        }
        assert_eq!(text(Duration::ZERO), "0ms");
        assert_eq!(text(Duration::from_secs(7200)), "2h");
    }

    #[test]
    fn seconds_have_three_places() {
        for (micros, expected) in [(3_200_400, 3.2), (1_000_500, 1.001), (0, 0.0)] {
            assert!((seconds(Duration::from_micros(micros)) - expected).abs() < 1e-9, "{micros}");
        }
    }
}
