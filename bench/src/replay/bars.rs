//! What a system must reach, a function for each.
//!
//! | bar | S1 | S2 | S3 | S4 | S5 | S6 | S7 |
//! |---|---|---|---|---|---|---|---|
//! | goodput over the ceiling, in the fault and over all | 99 % | 90 % | 90 % | | | | |
//! | p99 of good answers, ms | 250 | | 500 | | | | |
//! | p99 of refusals 50 ms, Retry-After on all | x | x | x | x | x | x | x |
//! | back to 99 % within 10 s | | x | x | x | x | x | |
//! | queries per try 1.10 | x | x | x | x | x | x | x |
//! | peak in the database 1.2 of the knee | x | x | x | x | x | x | x |
//! | no shed, no trip, nothing but 200 | | | | | | | x |

use super::{
    database::KNEE,
    facts::{Back, Facts},
    scenario::Name,
};

/// Slowest refusal at the 99th percentile, in milliseconds.
const REFUSAL_MS: f64 = 50.0;
/// Longest way back, in seconds.
const BACK_SECONDS: u32 = 10;
/// Most queries per try.
const ATTEMPTS: f64 = 1.10;
/// Most queries in the database, in knees.
const PEAK: f64 = 1.2;

/// What one bar says about one system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The bar, with its limit.
    pub(crate) bar: String,
    /// What was measured.
    pub(crate) measured: String,
    /// Whether that is enough.
    pub(crate) passed: bool,
}

/// A bar: `None` where it is not asked for.
type Bar = fn(Name, &Facts) -> Option<Verdict>;

const BARS: [Bar; 8] = [goodput, latency, refusals, retry_after, back, attempts, peak, quiet];

/// What all bars say.
pub(crate) fn judge(name: Name, facts: &Facts) -> Vec<Verdict> {
    BARS.iter().filter_map(|bar| bar(name, facts)).collect()
}

fn verdict(bar: impl Into<String>, measured: impl Into<String>, passed: bool) -> Option<Verdict> {
    Some(Verdict { bar: bar.into(), measured: measured.into(), passed })
}

/// A short fault is a small part of a run, so what was had during the fault must reach the bar by itself.
fn goodput(name: Name, facts: &Facts) -> Option<Verdict> {
    let least = match name {
        Name::S1 => 0.99,
        Name::S2 | Name::S3 => 0.90,
        _ => return None,
    };
    let found = facts.goodput_in_fault.map_or(facts.goodput, |in_fault| in_fault.min(facts.goodput));
    verdict(format!("goodput at least {}", percent(least)), percent(found), found >= least)
}

fn latency(name: Name, facts: &Facts) -> Option<Verdict> {
    let most = match name {
        Name::S1 => 250.0,
        Name::S3 => 500.0,
        _ => return None,
    };
    let found = facts.good_p99_ms;
    verdict(format!("p99 at most {most} ms"), ms(found), found.is_some_and(|found| found <= most))
}

fn refusals(_: Name, facts: &Facts) -> Option<Verdict> {
    let found = facts.refusal_p99_ms;
    verdict(
        format!("refused within {REFUSAL_MS} ms"),
        ms(found),
        found.is_none_or(|found| found <= REFUSAL_MS),
    )
}

fn retry_after(_: Name, facts: &Facts) -> Option<Verdict> {
    let found = facts.retry_after;
    let said = found.map_or("-".to_owned(), percent);
    verdict("Retry-After on all refusals", said, found.is_none_or(|found| found >= 1.0))
}

fn back(_: Name, facts: &Facts) -> Option<Verdict> {
    let bar = format!("back within {BACK_SECONDS} s");
    match facts.back_after {
        Back::NotAway => None,
        Back::After(seconds) => verdict(bar, format!("{seconds} s"), seconds <= BACK_SECONDS),
        Back::Never => verdict(bar, "never", false),
    }
}

fn attempts(_: Name, facts: &Facts) -> Option<Verdict> {
    let found = facts.attempts;
    verdict(format!("queries per try at most {ATTEMPTS:.2}"), format!("{found:.2}"), found <= ATTEMPTS)
}

fn peak(_: Name, facts: &Facts) -> Option<Verdict> {
    let most = (KNEE * PEAK).floor();
    let bar = format!("at most {most:.0} in the database");
    verdict(bar, facts.peak.to_string(), facts.peak as f64 <= most)
}

fn quiet(name: Name, facts: &Facts) -> Option<Verdict> {
    if name != Name::S7 {
        return None;
    }
    let alarms = facts.alarms.unwrap_or_default();
    let said = format!("{} sheds, {} trips, {} not 200", alarms.sheds, alarms.trips, facts.not_good);
    verdict("no alarm", said, alarms.sheds <= 0.0 && alarms.trips <= 0.0 && facts.not_good == 0)
}

/// A share, as people read it: never rounded up to a bar that it misses.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", (share * 1000.0).floor() / 10.0)
}

/// Milliseconds, or that there were none.
pub(crate) fn ms(time: Option<f64>) -> String {
    match time {
        None => "-".to_owned(),
        Some(time) if time < 10.0 => format!("{time:.1} ms"),
        Some(time) => format!("{time:.0} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::scrape::Alarms;

    fn good() -> Facts {
        Facts {
            goodput: 0.995,
            goodput_in_fault: Some(0.95),
            good_p99_ms: Some(200.0),
            refusal_p99_ms: Some(50.0),
            retry_after: Some(1.0),
            back_after: Back::After(10),
            attempts: 1.1,
            peak: 58,
            ..Facts::default()
        }
    }

    fn failed(name: Name, facts: &Facts) -> Vec<String> {
        judge(name, facts).into_iter().filter(|verdict| !verdict.passed).map(|verdict| verdict.bar).collect()
    }

    #[test]
    fn a_system_that_reaches_every_bar_fails_none() {
        let without_fault = Facts { goodput_in_fault: None, back_after: Back::NotAway, ..good() };
        assert_eq!(failed(Name::S1, &without_fault), [""; 0]);
        for name in [Name::S2, Name::S3, Name::S4, Name::S5, Name::S6, Name::S7] {
            assert_eq!(failed(name, &good()), [""; 0]);
        }
        assert_eq!(judge(Name::S7, &without_fault).len(), 5);
    }

    #[test]
    fn each_bar_can_be_missed() {
        let misses = [
            (Name::S2, Facts { goodput: 0.899, ..good() }, "goodput"),
            (Name::S3, Facts { goodput_in_fault: Some(0.899), ..good() }, "goodput"),
            (Name::S1, Facts { goodput: 0.989, goodput_in_fault: None, ..good() }, "goodput"),
            (Name::S1, Facts { good_p99_ms: Some(251.0), goodput_in_fault: None, ..good() }, "p99"),
            (Name::S3, Facts { good_p99_ms: None, ..good() }, "p99"),
            (Name::S4, Facts { refusal_p99_ms: Some(51.0), ..good() }, "refused within"),
            (Name::S4, Facts { retry_after: Some(0.999), ..good() }, "Retry-After"),
            (Name::S5, Facts { back_after: Back::After(11), ..good() }, "back"),
            (Name::S6, Facts { back_after: Back::Never, ..good() }, "back"),
            (Name::S1, Facts { attempts: 1.11, goodput_in_fault: None, ..good() }, "queries"),
            (Name::S1, Facts { peak: 59, goodput_in_fault: None, ..good() }, "at most 58"),
            (Name::S7, Facts { not_good: 1, ..good() }, "no alarm"),
            (Name::S7, Facts { alarms: Some(Alarms { trips: 1.0, sheds: 0.0 }), ..good() }, "no alarm"),
            (Name::S7, Facts { alarms: Some(Alarms { trips: 0.0, sheds: 1.0 }), ..good() }, "no alarm"),
        ];
        for (name, facts, bar) in misses {
            let failed = failed(name, &facts);
            assert!(failed.len() == 1 && failed[0].starts_with(bar), "{name:?} {bar}: {failed:?}");
        }
    }

    #[test]
    fn a_share_is_never_rounded_up_to_its_bar() {
        assert_eq!(percent(0.98999), "98.9 %");
        assert_eq!(percent(1.0), "100.0 %");
    }
}
