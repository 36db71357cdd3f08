//! How it went.

use super::{
    figures::{count, share, time},
    screen::{Shadow, UnitLine},
};
use crate::traffic::Snapshot;

/// How a demo went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whether everything was as it should be.
    pub ok: bool,
    /// What was not. Empty when `ok`.
    pub reasons: Vec<String>,
    /// All of it for people, with line breaks, none at the end.
    pub text: String,
}

/// Says how a demo went, from what came of the traffic and where the units stood at its end.
///
/// It went well when requests were answered, none failed or was missed, both sides served, shadows were compared, and
/// nobody left the replacement unasked. Differences found by a shadow are no fault: there are some to be found.
#[must_use]
pub fn summary(traffic: &Snapshot, units: &[UnitLine]) -> Summary {
    let reasons = reasons(traffic, units);
    let mut lines = vec![
        format!(
            "{} requests in {:.0} s, {} failed, {} missed, {} left the replacement unasked",
            count(traffic.total),
            traffic.elapsed.as_secs_f64(),
            count(traffic.failed),
            count(traffic.missed),
            count(traffic.flips)
        ),
        degraded(traffic),
        format!(
            "latency   P50 {}, P95 {}, P99 {}",
            time(traffic.overall.p50),
            time(traffic.overall.p95),
            time(traffic.overall.p99)
        ),
    ];
    lines.retain(|line| !line.is_empty());
    lines.extend(units.iter().flat_map(unit));
    if reasons.is_empty() {
        let well = "OK: both sides served, shadows were compared, no request failed.";
        lines.push(well.to_owned());
    } else {
        lines.push("NOT OK:".to_owned());
        lines.extend(reasons.iter().map(|reason| format!("  - {reason}")));
    }
    Summary { ok: reasons.is_empty(), reasons, text: lines.join("\n") }
}

/// Nothing unless something was missing.
fn degraded(traffic: &Snapshot) -> String {
    if traffic.degraded == 0 {
        return String::new();
    }
    let (degraded, of) = (count(traffic.degraded), share(traffic.degraded, traffic.total));
    format!("{degraded} answers ({of}) were degraded: what did not come in time was left out")
}

fn unit(unit: &UnitLine) -> [String; 2] {
    let UnitLine { name, percent, sides, shadow } = unit;
    let Shadow { matched, mismatched, dropped, top_path } = shadow;
    let path = top_path.as_ref().map_or_else(String::new, |(path, _)| format!(", most at {path}"));
    [
        format!(
            "{name} at {percent}: legacy answered {}, the replacement {}, legacy for the replacement {}",
            count(sides.legacy),
            count(sides.replacement),
            count(sides.fallback)
        ),
        format!(
            "  shadow: {} match ({}), {} differ{path}, {} not compared",
            count(*matched),
            share(*matched, shadow.compared()),
            count(*mismatched),
            count(*dropped)
        ),
    ]
}

fn reasons(traffic: &Snapshot, units: &[UnitLine]) -> Vec<String> {
    let sum = |of: fn(&UnitLine) -> u64| units.iter().map(of).sum::<u64>();
    let checks = [
        (traffic.total == 0, "no request was answered".to_owned()),
        (traffic.failed > 0, format!("{} requests failed", count(traffic.failed))),
        (traffic.missed > 0, format!("{} requests were due and could not be sent", count(traffic.missed))),
        (
            traffic.flips > 0,
            format!("{} answers came from a side their subject had left", count(traffic.flips)),
        ),
        (sum(|unit| unit.sides.legacy) == 0, "legacy served nothing".to_owned()),
        (sum(|unit| unit.sides.replacement) == 0, "the replacements served nothing".to_owned()),
        (sum(|unit| unit.shadow.compared()) == 0, "no shadow was compared".to_owned()),
    ];
    let found = checks.into_iter().filter_map(|(is_wrong, reason)| is_wrong.then_some(reason));
    found.chain(traffic.notes.iter().map(|note| format!("for one: {note}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        traffic::Sides,
        view::screen::{Screen, tests::well},
    };

    #[test]
    fn a_demo_that_went_well_says_so() {
        let Screen { traffic, units, .. } = well();
        let summary = summary(&traffic, &units);
        assert!(summary.ok && summary.reasons.is_empty());
        insta::assert_snapshot!(summary.text);
    }

    #[test]
    fn each_fault_is_a_reason() {
        type Fault = fn(&mut Screen);
        let faults: [(Fault, &str); 7] = [
            (|s| s.traffic.total = 0, "no request was answered"),
            (|s| s.traffic.failed = 3, "3 requests failed"),
            (|s| s.traffic.missed = 2, "2 requests were due and could not be sent"),
            (|s| s.traffic.flips = 1, "1 answers came from a side their subject had left"),
            (|s| s.units.iter_mut().for_each(|u| u.sides.legacy = 0), "legacy served nothing"),
            (|s| s.units.iter_mut().for_each(|u| u.sides.replacement = 0), "the replacements served nothing"),
            (|s| s.units.iter_mut().for_each(|u| u.shadow = Shadow::default()), "no shadow was compared"),
        ];
        for (fault, reason) in faults {
            let mut screen = well();
            fault(&mut screen);
            let found = summary(&screen.traffic, &screen.units);
            assert_eq!((found.ok, found.reasons), (false, vec![reason.to_owned()]));
            assert!(found.text.ends_with(&format!("NOT OK:\n  - {reason}")), "{}", found.text);
        }
    }

    #[test]
    fn degraded_answers_are_counted_and_are_no_fault() {
        let mut screen = well();
        screen.traffic.degraded = 123;
        let found = summary(&screen.traffic, &screen.units);
        assert!(found.ok, "{:?}", found.reasons);
        assert!(found.text.contains("\n123 answers (6.6%) were degraded"), "{}", found.text);
    }

    #[test]
    fn one_unit_may_be_on_one_side_alone() {
        let mut screen = well();
        screen.units[0].sides = Sides { replacement: 900, ..Sides::default() };
        assert!(summary(&screen.traffic, &screen.units).ok);
    }
}
