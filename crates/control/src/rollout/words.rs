//! Steps and evidence in words, for histories, alerts and screens.

use std::time::Duration;

use banyan_rollout::{
    Metric, Source, State,
    judge::{Count, StratumTally, Worse},
    machine::{Phase, RolledBack, Why},
};

/// Routes that are named.
const ROUTES: usize = 3;
/// Trace ids that are named.
const TRACES: usize = 3;

/// What was done: `1% -> 5%`.
pub(crate) fn what(before: &State, after: &State) -> String {
    let percent =
        |state: &State| state.percent().map_or_else(|| "0%".to_owned(), |percent| percent.to_string());
    match (&before.phase, &after.phase) {
        (Phase::Running(_), Phase::Running(to)) | (Phase::Paused(_), Phase::Running(to))
            if before.percent() != Some(to.percent) =>
        {
            format!("{} -> {}", percent(before), to.percent)
        }
        (Phase::Running(_), Phase::Running(_)) | (Phase::Paused(_), Phase::Paused(_)) => {
            match (&before.blocked, &after.blocked) {
                (None, Some(_)) => format!("held at {}", percent(after)),
                (Some(_), None) => format!("free to go on at {}", percent(after)),
                _ => format!("stays at {}", percent(after)),
            }
        }
        (Phase::Paused(_), Phase::Running(to)) => format!("resumed at {}", to.percent),
        (_, Phase::Running(to)) => format!("started at {}", to.percent),
        (_, Phase::Paused(to)) => format!("paused at {}", to.percent),
        (_, Phase::RolledBack(to)) => format!("rolled back from {} to 0%", to.from),
        (_, Phase::Complete { percent, .. }) => format!("complete at {percent}"),
        (_, Phase::Aborted { from, .. }) => format!("aborted from {from} to 0%"),
        (_, Phase::Idle) => "idle".to_owned(),
    }
}

/// Why it was done, where no person said so. `sample` is how many answers of the replacement there were.
pub(crate) fn why(before: &State, after: &State, sample: u64) -> String {
    match (&after.phase, &after.blocked) {
        (Phase::RolledBack(RolledBack { at, evidence, .. }), _) => worse(evidence, at.since(before.began)),
        (Phase::Paused(paused), _)
            if !matches!(before.phase, Phase::Paused(_)) || before.percent() == after.percent() =>
        {
            match &paused.why {
                Why::Person(act) => signed(&act.by, &act.why),
                Why::PercentSet(act) => {
                    format!("the percentage was set by hand, {}", signed(&act.by, &act.why))
                }
                Why::Unsafe { why, evidence } => {
                    format!("{}; {why}", worse(evidence, paused.since.since(before.began)))
                }
            }
        }
        (_, Some(blocked)) if before.blocked.as_ref() != Some(blocked) => blocked.to_string(),
        (_, None) if before.blocked.is_some() => "the nodes agree, and the store is there".to_owned(),
        (Phase::Running(_) | Phase::Complete { .. }, _) => {
            format!("every gate passed, with {} answers of the replacement", thousands(sample))
        }
        _ => String::new(),
    }
}

/// `by ada: looks well`.
pub(crate) fn signed(by: &str, why: &str) -> String {
    if why.is_empty() { format!("by {by}") } else { format!("by {by}: {why}") }
}

/// `errors 41 of 210 on the replacement against 3 of 4,102 on legacy in 62 s (GET /articles/{id}); trace ids a, b, c`.
pub(crate) fn worse(worse: &Worse, within: Duration) -> String {
    let mut strata = worse.strata.iter().filter(|stratum| stratum.counts.candidate.failures > 0);
    let within = within.as_secs().max(1);
    let first = strata.next().map_or_else(
        || format!("{} on the replacement", named(worse.metric)),
        |first| format!("{} {} in {} s", named(worse.metric), tally(first, true), thousands(within)),
    );
    let first = match worse.strata.first() {
        Some(stratum) => format!("{first} ({})", place(stratum)),
        None => first,
    };
    let others: Vec<_> = strata
        .take(ROUTES - 1)
        .map(|stratum| format!("{} ({})", tally(stratum, false), place(stratum)))
        .collect();
    let others = if others.is_empty() { String::new() } else { format!("; also {}", others.join(", ")) };
    let traces: Vec<_> = worse
        .exhibits
        .iter()
        .map(|exhibit| exhibit.trace.as_str())
        .filter(|trace| !trace.is_empty())
        .take(TRACES)
        .collect();
    let traces = if traces.is_empty() { String::new() } else { format!("; trace ids {}", traces.join(", ")) };
    format!("{first}{others}{traces}")
}

/// What failed, as the subject of a sentence.
const fn named(metric: Metric) -> &'static str {
    match metric {
        Metric::Errors => "errors",
        Metric::Latency => "answers slower than legacy's 99th percentile",
        Metric::Mismatches => "answers that differ",
        Metric::Degraded => "degraded answers",
    }
}

fn tally(stratum: &StratumTally, whole: bool) -> String {
    let of = |count: Count| format!("{} of {}", thousands(count.failures), thousands(count.of));
    let (candidate, control) = (of(stratum.counts.candidate), of(stratum.counts.control));
    if whole {
        format!("{candidate} on the replacement against {control} on legacy")
    } else {
        format!("{candidate} against {control}")
    }
}

fn place(stratum: &StratumTally) -> String {
    match stratum.source {
        Source::Live => stratum.route.clone(),
        Source::Pair => format!("{}, asked of both", stratum.route),
    }
}

/// `4,102`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use banyan_rollout::{Millis, Sides, judge::Exhibit};

    use super::*;

    fn stratum(route: &str, candidate: (u64, u64), control: (u64, u64)) -> StratumTally {
        let count = |(failures, of)| Count { failures, of };
        StratumTally {
            route: route.to_owned(),
            source: Source::Live,
            counts: Sides { candidate: count(candidate), control: count(control) },
            e_value: 9.0,
        }
    }

    fn example() -> Worse {
        let exhibit = |trace: &str| Exhibit {
            at: Millis(0),
            metric: Metric::Errors,
            route: "GET /articles/{id}".to_owned(),
            source: Source::Live,
            what: "503".to_owned(),
            latency_us: None,
            trace: trace.to_owned(),
        };
        Worse {
            metric: Metric::Errors,
            e_value: 5_000.0,
            threshold: 4_000.0,
            ratio: 100.0,
            subjects: 9,
            strata: vec![
                stratum("GET /articles/{id}", (41, 210), (3, 4_102)),
                stratum("GET /articles", (2, 30), (0, 900)),
                stratum("POST /articles", (0, 3), (1, 70)),
            ],
            exhibits: vec![exhibit("aa"), exhibit(""), exhibit("bb")],
        }
    }

    #[test]
    fn evidence_is_a_sentence_that_can_be_read_at_night() {
        assert_eq!(
            worse(&example(), Duration::from_millis(62_400)),
            "errors 41 of 210 on the replacement against 3 of 4,102 on legacy in 62 s (GET /articles/{id}); also 2 of 30 \
             against 0 of 900 (GET /articles); trace ids aa, bb"
        );
    }

    #[test]
    fn numbers_are_read_in_groups() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(thousands(number), text);
        }
    }
}
