//! Durations, sizes, whole numbers and percentages as people write them.

use std::time::Duration;

use banyan_flags::Percent;

use crate::{
    language::{decimal_text, duration_text, size_text},
    plan::Factor,
    report::Complaint,
};

const UNITS_OF_TIME: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
const UNITS_OF_SIZE: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// `500ms`, `10s`, `5m`, `1h`, from `min` to `max`.
pub(crate) fn duration(text: &str, min: Duration, max: Duration) -> Result<Duration, Complaint> {
    let complaint = || Complaint::new("write a whole number and a unit: ms, s, m or h");
    let (number, unit) = split_unit(text);
    if number.is_empty() {
        return Err(complaint().hint("for example 500ms, 10s, 5m or 1h"));
    }
    let Some((_, factor)) = UNITS_OF_TIME.iter().find(|(name, _)| *name == unit) else {
        return Err(complaint().hint(time_unit_hint(number, unit)));
    };
    let Some(whole) = whole(number) else {
        return Err(complaint().hint(fraction_hint(number, *factor)));
    };
    let value = whole.checked_mul(*factor).map(Duration::from_millis);
    match value {
        Some(value) if value == Duration::ZERO && !min.is_zero() => {
            Err(Complaint::new("must be more than zero").hint(format!("at least {}", duration_text(min))))
        }
        Some(value) if (min..=max).contains(&value) => Ok(value),
        _ => Err(range(&duration_text(min), &duration_text(max))),
    }
}

/// `512B`, `64KiB`, `1MiB`, `2GiB` or a plain number of bytes, from `min` to `max`.
pub(super) fn size(text: &str, min: u64, max: u64) -> Result<u64, Complaint> {
    let complaint = || Complaint::new("write a whole number and a unit: B, KiB, MiB or GiB");
    let (number, unit) = split_unit(text);
    let unit = if unit.is_empty() { "B" } else { unit };
    if number.is_empty() {
        return Err(complaint().hint("for example 512B, 64KiB or 10MiB"));
    }
    let Some((_, factor)) = UNITS_OF_SIZE.iter().find(|(name, _)| *name == unit) else {
        return Err(complaint().hint(size_unit_hint(number, unit)));
    };
    let Some(whole) = whole(number) else {
        return Err(complaint().hint("use a smaller unit instead of a fraction, such as 1536KiB for 1.5MiB"));
    };
    match whole.checked_mul(*factor) {
        Some(value) if (min..=max).contains(&value) => Ok(value),
        _ => Err(range(&size_text(min), &size_text(max))),
    }
}

/// A whole number from `min` to `max`.
pub(super) fn integer(text: &str, min: u64, max: u64) -> Result<u64, Complaint> {
    let complaint = || Complaint::new("a whole number is wanted");
    let negative = text.strip_prefix('-').is_some_and(is_digits);
    match whole(text) {
        _ if negative => Err(range(&min.to_string(), &max.to_string())),
        None if is_digits(text) => Err(range(&min.to_string(), &max.to_string())),
        None => {
            let digits = text.replace(['_', ',', '\''], "");
            let grouped = digits != text && is_digits(&digits);
            Err(if grouped { complaint().hint(format!("write {digits}")) } else { complaint() })
        }
        Some(value) if (min..=max).contains(&value) => Ok(value),
        Some(_) => Err(range(&min.to_string(), &max.to_string())),
    }
}

/// A percentage; a bare number is refused, because 0.5 may mean half of everybody or one in two hundred.
pub(crate) fn percent(text: &str) -> Result<Percent, Complaint> {
    text.parse().map_err(|error: banyan_flags::PercentError| {
        let complaint = Complaint::new(error.to_string());
        let meant = format!("{text}%");
        if meant.parse::<Percent>().is_ok() { complaint.hint(format!("write {meant}")) } else { complaint }
    })
}

/// A percentage from `min` to `max`.
pub(super) fn share(text: &str, min: Percent, max: Percent) -> Result<Percent, Complaint> {
    match percent(text)? {
        Percent::ZERO if min > Percent::ZERO => Err(Complaint::new("must be more than zero")),
        value if (min..=max).contains(&value) => Ok(value),
        _ => Err(range(&min.to_string(), &max.to_string())),
    }
}

/// A number with at most two decimals, from `min` to `max` hundredths.
pub(super) fn decimal(text: &str, min: u32, max: u32) -> Result<Factor, Complaint> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(whole) || !is_digits(decimals) {
        return Err(match text.strip_prefix('-') {
            Some(_) => range(&decimal_text(min), &decimal_text(max)),
            None => Complaint::new("a number such as 2 or 1.5 is wanted"),
        });
    }
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > 2 {
        return Err(Complaint::new("write at most two decimals"));
    }
    // Two digits for certain, so that both fit together or neither does.
    let hundredths = format!("{whole}{decimals:0<2}").parse::<u32>();
    match hundredths {
        Ok(value) if (min..=max).contains(&value) => Ok(Factor::from_hundredths(value)),
        _ => Err(range(&decimal_text(min), &decimal_text(max))),
    }
}

/// A number above zero and up to `max`, as JSON writes it.
pub(super) fn number(text: &str, max: f64) -> Result<f64, Complaint> {
    let value = serde_json::from_str::<f64>(text).ok().filter(|value| value.is_finite());
    let value = value.ok_or_else(|| {
        let complaint = Complaint::new("a number such as 2 or 0.01 is wanted");
        match text.strip_suffix('%').and_then(|share| share.trim_end().parse::<f64>().ok()) {
            Some(share) if share > 0.0 => complaint.hint(format!("write {}", share / 100.0)),
            _ => complaint,
        }
    })?;
    match value {
        _ if value <= 0.0 => Err(Complaint::new("must be more than zero")),
        _ if value > max => Err(Complaint::new(format!("it is {max} at most"))),
        _ => Ok(value),
    }
}

fn range(min: &str, max: &str) -> Complaint {
    Complaint::new(if min == max {
        format!("it must be {min}")
    } else {
        format!("it lies between {min} and {max}")
    })
}

/// The number and what follows it. White space between them is not taken away: `10 s` is no duration.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn whole(text: &str) -> Option<u64> {
    is_digits(text).then(|| text.parse().ok())?
}

fn time_unit_hint(number: &str, unit: &str) -> String {
    let known = match unit.trim().to_ascii_lowercase().as_str() {
        "" => return format!("write {number}s for seconds or {number}ms for milliseconds"),
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => return "there are no days: write 24h for a day".to_owned(),
        _ => return "for example 500ms, 10s, 5m or 1h".to_owned(),
    };
    format!("did you mean {number}{known}?")
}

/// `1.5s` is `1500ms`.
fn fraction_hint(number: &str, factor: u64) -> String {
    let (before, after) = number.split_once('.').unwrap_or((number, ""));
    let exact = (|| {
        let scale = 10u64.checked_pow(u32::try_from(after.len()).ok()?)?;
        let scaled = whole(before)?.checked_mul(scale)?.checked_add(whole(after)?)?.checked_mul(factor)?;
        scaled.is_multiple_of(scale).then_some(scaled / scale)
    })();
    match exact {
        Some(ms) => {
            format!("use a smaller unit instead of a fraction: {}", duration_text(Duration::from_millis(ms)))
        }
        None => "use a smaller unit instead of a fraction, such as 1500ms for 1.5s".to_owned(),
    }
}

fn size_unit_hint(number: &str, unit: &str) -> String {
    let known = match unit.trim().to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => "B",
        "k" | "kb" | "kib" => "KiB",
        "m" | "mb" | "mib" => "MiB",
        "g" | "gb" | "gib" => "GiB",
        _ => return "for example 512B, 64KiB or 10MiB".to_owned(),
    };
    format!("did you mean {number}{known}?")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn hint<T>(result: Result<T, Complaint>) -> String {
        result.err().and_then(|complaint| complaint.hint).unwrap_or_default()
    }

    #[test]
    fn durations_are_whole_and_have_a_unit() {
        for (text, ms) in [("500ms", 500), ("3s", 3000), ("10m", 600_000), ("1h", 3_600_000)] {
            assert_eq!(duration(text, MS, DAY).ok(), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in
            ["", "s", "3", "-1s", "1.5s", "10 s", "3S", "25h", "0s", "1e3s", "99999999999999999999h", "1s2ms"]
        {
            assert!(duration(text, MS, DAY).is_err(), "{text}");
        }
        assert_eq!(duration("0s", Duration::ZERO, DAY).ok(), Some(Duration::ZERO));
    }

    #[test]
    fn hints_say_what_to_write() {
        assert_eq!(hint(duration("1.5s", MS, DAY)), "use a smaller unit instead of a fraction: 1500ms");
        assert_eq!(hint(duration("3sec", MS, DAY)), "did you mean 3s?");
        assert_eq!(hint(duration("10 s", MS, DAY)), "did you mean 10s?");
        assert_eq!(hint(duration("3", MS, DAY)), "write 3s for seconds or 3ms for milliseconds");
        assert_eq!(hint(size("64KB", 0, u64::MAX)), "did you mean 64KiB?");
        assert_eq!(hint(percent("5")), "write 5%");
        assert_eq!(hint(integer("20_000", 1, 100_000)), "write 20000");
    }

    #[test]
    fn decimals_have_two_places_at_most() {
        for (text, hundredths) in [("2", 200), ("1.5", 150), ("1.01", 101), ("3.500", 350), ("02", 200)] {
            let read = decimal(text, 101, 10_000).map(Factor::hundredths);
            assert_eq!(read.ok(), Some(hundredths), "{text}");
        }
        for text in ["", ".", "1", "1.", ".5", "1.005", "-2", "1e1", "101", "99999999999", "two", "2 "] {
            assert!(decimal(text, 101, 10_000).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_that_must_act_is_more_than_zero() {
        let some = |text| share(text, Percent::from_basis_points(1).unwrap(), Percent::FULL);
        assert_eq!(
            some("0%").err().map(|complaint| complaint.message).as_deref(),
            Some("must be more than zero")
        );
        assert!(some("0.01%").is_ok() && some("100%").is_ok() && some("101%").is_err());
    }

    #[test]
    fn sizes_are_binary_or_plain_bytes() {
        for (text, bytes) in
            [("512B", 512), ("64KiB", 65_536), ("1MiB", 1 << 20), ("2GiB", 2 << 30), ("7", 7)]
        {
            assert_eq!(size(text, 0, u64::MAX).ok(), Some(bytes), "{text}");
        }
        for text in ["", "KiB", "1.5MiB", "-1", "64kb", "99999999999GiB", "18446744073709551616"] {
            assert!(size(text, 0, u64::MAX).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0u64..=86_400_000, bytes in 0u64..=1 << 50, hundredths in any::<u32>()) {
            let factor = Factor::from_hundredths(hundredths);
            prop_assert_eq!(decimal(&decimal_text(hundredths), 0, u32::MAX).ok(), Some(factor));
            let (duration_in, size_in) = (Duration::from_millis(ms), bytes);
            prop_assert_eq!(duration(&duration_text(duration_in), Duration::ZERO, DAY).ok(), Some(duration_in));
            prop_assert_eq!(size(&size_text(size_in), 0, u64::MAX).ok(), Some(size_in));
        }

        #[test]
        fn whatever_is_written_is_refused_or_within_bounds(text in "[0-9.%A-Za-z -]{0,8}|.*") {
            if let Ok(read) = duration(&text, MS, DAY) {
                prop_assert!((MS..=DAY).contains(&read));
            }
            prop_assert!(!size(&text, 3, 9).is_ok_and(|read| !(3..=9).contains(&read)));
            prop_assert!(!integer(&text, 3, 9).is_ok_and(|read| !(3..=9).contains(&read)));
            let hundredths = decimal(&text, 3, 9).map(Factor::hundredths);
            prop_assert!(!hundredths.is_ok_and(|read| !(3..=9).contains(&read)));
            prop_assert!(!percent(&text).is_ok_and(|read| read > Percent::FULL));
        }
    }
}
