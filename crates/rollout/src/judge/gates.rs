//! Whether enough is known to go on, and whether it is good.
//!
//! Not being worse is not yet being well: at the first stage nothing is known, and nothing speaks against the candidate. So
//! going on is a question of its own, asked the other way round: how bad can it be at most, given what was seen? No
//! failures in 300 requests show that it is at most 1 %, in 3,000 at most 0.1 %. Without data the answer is 'anything', so a
//! rollout without traffic stays where it is.

use banyan_flags::Percent;

use super::{
    Count, Excess, Gate, GateVerdict,
    bounds::excess,
    evidence::{Evidence, Tally},
};
use crate::{Gates, Metric, Sides};

/// Why nothing is compared once everybody has moved.
const ALONE: &str = "at 100% there is nobody on the other side to compare with";
/// Answers of the control without which nobody knows its 99th percentile.
const LEAST_CONTROL: u64 = 200;

/// All gates, in the order in which they are shown.
pub(super) fn gates(evidence: &Evidence, gates: &Gates, percent: Percent) -> Vec<Gate> {
    let tally = &evidence.tally;
    let alone = percent == Percent::FULL;
    let live = |metric| match alone {
        true => evidence.against_the_past(metric),
        false => tally.counts(metric),
    };
    vec![
        requests(tally, gates.requests),
        share("excess_errors", live(Metric::Errors), Some(gates.excess_errors), alone),
        latency(tally, gates, alone),
        share("mismatches", tally.counts(Metric::Mismatches), gates.mismatches, false),
        share("degraded", live(Metric::Degraded), Some(gates.degraded), alone),
    ]
}

fn requests(tally: &Tally, least: u64) -> Gate {
    let sample = tally.errors.candidate.of;
    let enough = sample >= least;
    #[expect(clippy::cast_precision_loss, reason = "shown, not computed with")]
    let (measured, threshold) = (sample as f64, least as f64);
    Gate {
        name: "requests",
        measured: Some(measured),
        threshold: Some(threshold),
        sample,
        verdict: if enough { GateVerdict::Pass } else { GateVerdict::Hold },
        why: if enough {
            format!("{sample} answers of the replacement")
        } else {
            format!("{sample} of {least} answers of the replacement")
        },
    }
}

/// A bound on how much more often the candidate fails. `alone`: everybody is on the candidate, so the control is what it
/// was before. Yesterday is a poor measure, and still a better one than none: a replacement that fails everybody at 100 %
/// must not be called well.
fn share(name: &'static str, counts: Sides<Count>, most: Option<f64>, alone: bool) -> Gate {
    let sample = counts.candidate.of;
    let Some(most) = most else {
        return not_measured(name, None, sample, "nothing is compared: there is no shadow");
    };
    if alone && counts.control.of == 0 {
        return not_measured(name, Some(most), sample, ALONE);
    }
    let Some(Excess { measured, high, .. }) = excess(counts.candidate, counts.control) else {
        return held(name, None, most, sample, "no answers of both sides yet".to_owned());
    };
    let than = if alone { "more often than legacy before" } else { "more often" };
    let said = format!("{} {than}, at most {} with 95 % confidence", percent(measured), percent(high));
    if high <= most {
        return Gate { verdict: GateVerdict::Pass, ..held(name, Some(high), most, sample, said) };
    }
    let reason = if measured > most { "it is too much" } else { "it takes more answers to be sure" };
    held(name, Some(high), most, sample, format!("{said}: {reason}"))
}

/// The ratio of both 99th percentiles, as measured: both sides answer at the same time, so what slows down both cancels out.
fn latency(tally: &Tally, gates: &Gates, alone: bool) -> Gate {
    let (name, most) = ("latency_p99", gates.latency_p99);
    let (candidate, control) = (&tally.latency.candidate, &tally.latency.control);
    let sample = candidate.count();
    if alone {
        return not_measured(name, Some(most), sample, ALONE);
    }
    let least = gates.requests.max(1);
    let (Some(slow), Some(usual)) = (candidate.p99(), control.p99()) else {
        return held(name, None, most, sample, "no answers of both sides yet".to_owned());
    };
    #[expect(clippy::cast_precision_loss, reason = "microseconds below 2^36")]
    let excess = slow as f64 / usual.max(1) as f64 - 1.0;
    let said = format!("p99 {} against {}", millis(slow), millis(usual));
    if sample < least || control.count() < LEAST_CONTROL {
        let few = format!("{said}, of {sample} and {} answers: too few", control.count());
        return held(name, Some(excess), most, sample, few);
    }
    let verdict = if excess <= most { GateVerdict::Pass } else { GateVerdict::Hold };
    Gate { verdict, ..held(name, Some(excess), most, sample, said) }
}

fn held(name: &'static str, measured: Option<f64>, threshold: f64, sample: u64, why: String) -> Gate {
    Gate { name, measured, threshold: Some(threshold), sample, verdict: GateVerdict::Hold, why }
}

fn not_measured(name: &'static str, threshold: Option<f64>, sample: u64, why: &str) -> Gate {
    Gate { name, measured: None, threshold, sample, verdict: GateVerdict::NotMeasured, why: why.to_owned() }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds below 2^36")]
fn millis(latency_us: u64) -> String {
    format!("{:.1} ms", latency_us as f64 / 1_000.0)
}
