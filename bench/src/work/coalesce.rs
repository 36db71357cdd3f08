//! What coalescing alone spares an upstream.
//!
//! Nothing is kept, so that every call that is spared was shared with another request under way. The traffic is open-loop
//! and has many duplicates; see [`crate::traffic::Twins`] for what a twin is.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::{Column, Subject, Turn};
use crate::{
    backend::Backend,
    open_loop,
    record::{Figures, Measured, Run},
    stats::Summary,
    traffic::{Arrivals, Twins},
};

pub(super) const COLUMNS: &[Column] = &[
    Column {
        figure: "upstream_calls_per_100_requests",
        heading: "upstream calls per 100 requests",
        decimals: 1,
    },
    Column { figure: "p50_us", heading: "P50 us", decimals: 0 },
    Column { figure: "p99_us", heading: "P99 us", decimals: 0 },
    Column { figure: "requests", heading: "requests", decimals: 0 },
];

/// How long the upstream takes for an answer.
pub(super) const TAKES: Duration = Duration::from_millis(20);
/// Items that are asked for.
pub(super) const ITEMS: usize = 10_000;
/// Bytes of an item.
pub(super) const BYTES: usize = 1024;
/// Name of the candidate that shares nothing.
pub(super) const ALONE: &str = "Banyan, no cache";
/// Name of the candidate that must spare enough.
const SHARING: &str = "Banyan, coalescing";
/// Share of requests that have a twin shortly before them.
const TWINS: f64 = 0.6;
/// Requests per second.
const RATE: u32 = 2_000;
/// Share of upstream calls that coalescing must spare.
const BAR: f64 = 0.6;

/// Sends what is due.
///
/// # Errors
/// When a single request fails, or requests were sent too late.
pub(super) fn round(subject: &Subject, origin: &Backend, turn: Turn) -> anyhow::Result<Figures> {
    let server = subject.server.as_ref().context("no server to load")?;
    let requests = Twins::new(turn.seed, Arrivals::new(turn.seed, RATE, turn.seconds), ITEMS, TWINS);
    let before = origin.asked();
    let seen = open_loop::play(server.address(), BYTES, requests).with_context(|| subject.candidate.name)?;
    if !turn.quick {
        seen.check_lag()?;
    }
    let (calls, count) = ((origin.asked() - before) as f64, seen.latency.len() as f64);
    Ok([
        ("upstream_calls_per_100_requests", 100.0 * calls / count),
        ("upstream_calls", calls),
        ("requests", count),
        ("p50_us", seen.latency.value_at_quantile(0.5) as f64),
        ("p99_us", seen.latency.value_at_quantile(0.99) as f64),
        ("send_lag_p99_us", seen.lag.value_at_quantile(0.99) as f64),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into())
}

/// Whether coalescing spares enough.
///
/// # Errors
/// When it does not.
pub(super) fn judge(run: &Run) -> anyhow::Result<String> {
    let find = |name: &str| run.candidates.iter().find(|one: &&Measured| one.name == name);
    let (Some(alone), Some(sharing)) = (find(ALONE), find(SHARING)) else {
        return Ok(format!("the bar is judged when both are measured: {ALONE}; {SHARING}"));
    };
    let figure = COLUMNS[0].figure;
    let spared = sharing.figure(figure).zip(alone.figure(figure)).map(|(some, all)| 1.0 - some / all);
    let spared = Summary::of(spared).context("nothing was measured")?.median;
    let said = format!(
        "coalescing spares {:.0} % of upstream calls; at least {:.0} % is the bar",
        100.0 * spared,
        100.0 * BAR
    );
    ensure!(spared >= BAR, "missed: {said}");
    Ok(format!("reached: {said}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::machine::Machine;

    fn run(sharing: &[f64]) -> Run {
        let measured = |name: &str, values: &[f64]| Measured {
            name: name.to_owned(),
            about: String::new(),
            rounds: values.iter().map(|value| [(COLUMNS[0].figure.to_owned(), *value)].into()).collect(),
        };
        Run {
            work: "coalesce".to_owned(),
            at: "2026-11-21T0712".to_owned(),
            machine: Machine::look().unwrap(),
            seconds: 1,
            seed: Some(1),
            candidates: vec![measured(ALONE, &[100.0; 3]), measured(SHARING, sharing)],
        }
    }

    #[test]
    fn the_bar_is_the_median_of_what_is_spared() {
        assert!(judge(&run(&[40.0, 35.0, 90.0])).unwrap().starts_with("reached: coalescing spares 60 %"));
        assert!(judge(&run(&[41.0, 35.0, 90.0])).unwrap_err().to_string().starts_with("missed"));
    }

    #[test]
    fn without_both_nothing_is_judged() {
        let mut run = run(&[90.0; 3]);
        run.candidates.pop();
        assert!(judge(&run).unwrap().contains(SHARING));
    }

    /// 62 % are spared: a little less than one would think from 60 % twins and what else falls together, since a twin's twin
    /// may come when the first one's call has just ended.
    #[test]
    fn sharing_without_any_loss_reaches_the_bar_just_so() {
        let (mut until, mut calls, mut count) = (BTreeMap::new(), 0_u32, 0_u32);
        for due in Twins::new(1, Arrivals::new(1, RATE, 20), ITEMS, TWINS) {
            count += 1;
            if until.get(&due.item).is_none_or(|until| *until <= due.at) {
                calls += 1;
                until.insert(due.item, due.at + TAKES);
            }
        }
        let spared = 1.0 - f64::from(calls) / f64::from(count);
        assert!((0.61..0.63).contains(&spared), "{spared}");
    }
}
