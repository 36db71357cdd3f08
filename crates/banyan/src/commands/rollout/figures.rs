//! Numbers as people read them.

use serde_json::Value;

/// Cells of a bar.
const CELLS: usize = 20;

/// `4,102`.
pub(super) fn count(value: &Value) -> String {
    let digits = value.as_u64().unwrap_or_default().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share of 1 in percent with as many places as matter: `0.42%`, `12%`.
pub(super) fn share(value: f64) -> String {
    let percent = value * 100.0;
    let rounded = if percent.abs() < 1.0 {
        format!("{percent:.3}")
    } else if percent.abs() < 10.0 {
        format!("{percent:.2}")
    } else {
        format!("{percent:.1}")
    };
    let short = rounded.trim_end_matches('0').trim_end_matches('.');
    format!("{}%", if short == "-0" { "0" } else { short })
}

/// What a gate measured, or may at most.
pub(super) fn gate(name: &str, value: &Value) -> String {
    let Some(number) = value.as_f64() else { return "-".to_owned() };
    match name {
        "requests" => format!("{number:.0}"),
        "latency_p99" => format!("{}{}", if number < 0.0 { "" } else { "+" }, share(number)),
        _ => share(number),
    }
}

/// How far the evidence is on its way to what is enough. Evidence multiplies, so the way is measured in its logarithm:
/// half of the bar is the root of what is enough, and no evidence at all is 1.
pub(super) fn way(e_value: f64, threshold: f64) -> f64 {
    if threshold <= 1.0 || e_value.is_nan() {
        return 0.0;
    }
    (e_value.max(1.0).ln() / threshold.ln()).clamp(0.0, 1.0)
}

/// `[#####...............]`.
pub(super) fn bar(full: f64) -> String {
    let full = full.clamp(0.0, 1.0);
    let cells: String = (1..=CELLS)
        .map(|cell| {
            #[expect(clippy::cast_precision_loss, reason = "there are twenty cells")]
            let edge = (cell as f64 - 0.5) / CELLS as f64;
            if full >= edge { '#' } else { '.' }
        })
        .collect();
    format!("[{cells}]")
}

/// Evidence: `12.4`, `4,000`, `more than 1,000,000`.
pub(super) fn evidence(value: f64) -> String {
    if value >= 1e6 {
        "more than 1,000,000".to_owned()
    } else if value >= 100.0 {
        count(&serde_json::json!(format!("{value:.0}").parse::<u64>().unwrap_or_default()))
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_and_shares_are_short() {
        for (value, expected) in [(0, "0"), (999, "999"), (4102, "4,102"), (1_234_567, "1,234,567")] {
            assert_eq!(count(&json!(value)), expected);
        }
        for (value, expected) in [
            (0.0, "0%"),
            (0.001, "0.1%"),
            (0.0042, "0.42%"),
            (0.05, "5%"),
            (0.123, "12.3%"),
            (-0.000_001, "0%"),
        ] {
            assert_eq!(share(value), expected);
        }
    }

    #[test]
    fn each_gate_has_its_unit() {
        assert_eq!(gate("requests", &json!(300.0)), "300");
        assert_eq!(gate("latency_p99", &json!(0.3)), "+30%");
        assert_eq!(gate("latency_p99", &json!(-0.02)), "-2%");
        assert_eq!(gate("excess_errors", &json!(0.01)), "1%");
        assert_eq!(gate("mismatches", &Value::Null), "-");
    }

    #[test]
    fn the_bar_is_full_when_it_is_enough() {
        assert_eq!(bar(way(0.3, 4000.0)), "[....................]");
        assert_eq!(bar(way(4000f64.sqrt(), 4000.0)), "[##########..........]");
        assert_eq!(bar(way(1e9, 4000.0)), "[####################]");
        assert_eq!(way(5.0, 1.0), 0.0);
        assert_eq!(way(f64::INFINITY, 4000.0), 1.0);
    }

    #[test]
    fn evidence_is_a_number_and_never_a_power() {
        assert_eq!(evidence(0.97), "1.0");
        assert_eq!(evidence(4000.2), "4,000");
        assert_eq!(evidence(f64::INFINITY), "more than 1,000,000");
    }
}
