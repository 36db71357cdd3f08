//! What a system did, in the few figures that are judged.

use super::{
    kept::{Measured, Pairs},
    scenario::Scenario,
    scrape::Alarms,
    tally::Row,
};

/// Share of the ceiling at which a system is back.
const BACK: f64 = 0.99;

/// The figures of one system in one scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// Good answers over what could be had, over all that is judged.
    pub(crate) goodput: f64,
    /// The same while the fault lasted; `None` without a fault, or where nothing could be had.
    pub(crate) goodput_in_fault: Option<f64>,
    /// Good answers a minute over the last 20 seconds.
    pub(crate) good_a_minute_at_end: f64,
    /// Stale and degraded answers over requests, while the fault lasted.
    pub(crate) substitutes_in_fault: Option<f64>,
    /// 99th percentile of the latency of good answers in milliseconds; `None` when there was none.
    pub(crate) good_p99_ms: Option<f64>,
    /// 99th percentile of the time to a refusal in milliseconds; `None` when nobody was refused.
    pub(crate) refusal_p99_ms: Option<f64>,
    /// Refusals that said when to come back, over all; `None` when nobody was refused.
    pub(crate) retry_after: Option<f64>,
    /// Seconds from the fault's end, or the switch, until the system was back for good.
    pub(crate) back_after: Back,
    /// Queries that reached the database over tries that were sent.
    pub(crate) attempts: f64,
    /// Most queries in the database at once.
    pub(crate) peak: u64,
    /// Requests that were not answered well.
    pub(crate) not_good: u64,
    /// Alarms, where they are known.
    pub(crate) alarms: Option<Alarms>,
}

/// Whether and when a system came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Back {
    /// There was nothing to come back from.
    #[default]
    NotAway,
    /// After so many seconds.
    After(u32),
    /// Not before the run's end.
    Never,
}

/// Rows with the second each begins at.
type Timed<'a> = Vec<(u32, &'a Row)>;

impl Facts {
    /// Of a kept measurement.
    pub(crate) fn of(measured: &Measured, scenario: &Scenario) -> Self {
        let rows = |from: u32, to: u32| -> Timed<'_> {
            let seconds = (0..).step_by(usize::try_from(scenario.row_seconds).unwrap_or(1));
            seconds.zip(&measured.rows).filter(|(second, _)| (from..to).contains(second)).collect()
        };
        let end = scenario.end();
        let judged = rows(scenario.judged_from(), end);
        // The naive client's fault is not that of the system that takes its place.
        let fault = scenario.fault().filter(|fault| fault.from >= scenario.judged_from());
        let fault = fault.map(|fault| rows(fault.from, fault.to));
        let refusals = sum(&judged, |row| row.refusals);
        let last = rows(end.saturating_sub(20), end);
        Self {
            goodput: goodput(scenario, &judged).unwrap_or(1.0),
            goodput_in_fault: fault.as_ref().and_then(|rows| goodput(scenario, rows)),
            good_a_minute_at_end: sum(&last, |row| row.good) as f64 * 3.0,
            substitutes_in_fault: fault.as_ref().and_then(|rows| {
                ratio(sum(rows, |row| row.stale + row.degraded), sum(rows, |row| row.offered))
            }),
            good_p99_ms: p99_ms(measured, scenario, |kept| &kept.good),
            refusal_p99_ms: p99_ms(measured, scenario, |kept| &kept.refused),
            retry_after: ratio(sum(&judged, |row| row.retry_after), refusals),
            back_after: scenario.back_from().map_or(Back::NotAway, |from| back(scenario, &rows(from, end))),
            attempts: ratio(sum(&judged, |row| row.arrived), sum(&judged, |row| row.tries)).unwrap_or(0.0),
            peak: rows(scenario.own_from(), end).iter().map(|(_, row)| row.peak).max().unwrap_or(0),
            not_good: sum(&judged, |row| row.offered - row.good),
            alarms: measured.alarms,
        }
    }
}

fn sum(rows: &Timed<'_>, figure: impl Fn(&Row) -> u64) -> u64 {
    rows.iter().map(|(_, row)| figure(row)).sum()
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Good answers over the ceiling; `None` where nothing could be had.
fn goodput(scenario: &Scenario, rows: &[(u32, &Row)]) -> Option<f64> {
    let good: u64 = rows.iter().map(|(_, row)| row.good).sum();
    let ceiling: f64 = rows.iter().map(|(second, row)| scenario.ceiling(*second, row.offered)).sum();
    (ceiling > 0.0).then(|| good as f64 / ceiling)
}

/// The first second that is good, and after which all the rest taken together is.
fn back(scenario: &Scenario, rows: &[(u32, &Row)]) -> Back {
    let good = |rows: &[(u32, &Row)]| goodput(scenario, rows).is_some_and(|share| share >= BACK);
    let found = (0..rows.len()).find(|first| good(&rows[*first..=*first]) && good(&rows[*first..]));
    found.map_or(Back::Never, |first| Back::After(rows[first].0 - rows[0].0))
}

/// 99th percentile over all phases that are judged.
fn p99_ms(
    measured: &Measured,
    scenario: &Scenario,
    of: impl Fn(&super::kept::Kept) -> &Pairs,
) -> Option<f64> {
    let judged = scenario.phases.iter().filter(|phase| phase.from >= scenario.judged_from());
    let kept = judged.filter_map(|phase| measured.latencies.get(&phase.name));
    let mut pairs: Pairs = kept.flat_map(|kept| of(kept).iter().copied()).collect();
    pairs.sort_unstable();
    quantile(&pairs, 0.99).map(|micros| micros as f64 / 1000.0)
}

/// The least value that at least this share of all does not exceed.
fn quantile(sorted: &[(u64, u64)], share: f64) -> Option<u64> {
    let all: u64 = sorted.iter().map(|(_, count)| count).sum();
    let mut seen = 0;
    let reached = |(_, count): &&(u64, u64)| {
        seen += count;
        seen as f64 >= share * all as f64
    };
    sorted.iter().find(reached).map(|(value, _)| *value)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::replay::{
        answer::Worth,
        scenario::Name,
        tally::{End, Tally},
    };
    use std::time::Duration;

    /// A system that answers `good(second)` requests of each second well, in 40 ms, and refuses the others in 2 ms.
    pub(crate) fn measured(name: Name, good: impl Fn(u32) -> u32) -> Measured {
        let scenario = name.scenario();
        let mut tally = Tally::new(scenario.row_seconds, scenario.end()).unwrap();
        for second in 0..scenario.end() {
            for request in 0..1000 {
                let due = Duration::from_secs(u64::from(second));
                let (end, took) = if request < good(second) {
                    (End::Answered(Worth::Good), Duration::from_millis(40))
                } else {
                    (End::Answered(Worth::Refused { retry_after: true }), Duration::from_millis(2))
                };
                tally.offered(due);
                tally.tried(due, end, took);
                tally.settled(due, end);
                tally.database(due, u64::from(request < good(second)), 45);
            }
        }
        Measured::new(("Banyan", "as set up"), None, &scenario, &tally.finish()).unwrap()
    }

    #[test]
    fn a_system_that_answers_what_can_be_answered_reaches_the_ceiling() {
        let scenario = Name::S3.scenario();
        let facts = Facts::of(
            &measured(Name::S3, |second| if (50..110).contains(&second) { 409 } else { 1000 }),
            &scenario,
        );
        assert!((0.999..=1.001).contains(&facts.goodput), "{facts:?}");
        assert!((0.999..=1.001).contains(&facts.goodput_in_fault.unwrap()), "{facts:?}");
        assert_eq!(facts.back_after, Back::After(0));
        assert_eq!((facts.retry_after, facts.peak), (Some(1.0), 45));
        assert!(facts.good_p99_ms.unwrap() < 41.0 && facts.refusal_p99_ms.unwrap() < 2.1, "{facts:?}");
        assert!((facts.good_a_minute_at_end - 60_000.0).abs() < 1e-9);
    }

    #[test]
    fn a_system_is_back_when_it_stays_back() {
        let scenario = Name::S2.scenario();
        let after = |good: fn(u32) -> u32| Facts::of(&measured(Name::S2, good), &scenario).back_after;
        assert_eq!(after(|second| if second < 67 { 100 } else { 1000 }), Back::After(7));
        // Good for one second, and then not.
        assert_eq!(after(|second| if second == 63 { 1000 } else { 100 }), Back::Never);
        assert_eq!(Facts::of(&measured(Name::S1, |_| 1000), &Name::S1.scenario()).back_after, Back::NotAway);
    }

    #[test]
    fn nothing_can_be_had_from_a_dead_database() {
        let facts = Facts::of(&measured(Name::S4, |_| 0), &Name::S4.scenario());
        assert_eq!((facts.goodput_in_fault, facts.good_p99_ms), (None, None));
    }

    #[test]
    fn what_came_before_the_switch_is_not_judged() {
        let facts = Facts::of(
            &measured(Name::S6, |second| if second < 180 { 0 } else { 1000 }),
            &Name::S6.scenario(),
        );
        assert_eq!((facts.goodput_in_fault, facts.back_after, facts.not_good), (None, Back::After(0), 0));
    }

    #[test]
    fn quantiles_of_pairs() {
        assert_eq!(quantile(&[], 0.99), None);
        assert_eq!(quantile(&[(1, 98), (7, 1), (900, 1)], 0.99), Some(7));
        assert_eq!(quantile(&[(1, 98), (7, 1), (900, 1)], 1.0), Some(900));
    }
}
