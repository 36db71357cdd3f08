//! What all the bets together are worth: the e-value.
//!
//! ```text
//! E   = sum over k of w_k E_k                       bets that began in period k
//! E_k = 3/4 * mean over r of (product over strata of money(k, r, stratum))
//!     + 1/4 * mean over strata of (mean over r of money(k, r, stratum))
//! ```
//!
//! The product finds what is worse everywhere, a little on each route; the mean finds what is worse on one route of
//! many, where the product would be spoilt by all that are well. Most regressions are of the first kind, so it has more of
//! the money (with halves, all the waits are a few percent longer). A mean of fair games is one, and so is a product of
//! independent ones. A stratum that nothing was bet on has kept its money: it counts as 1 in both.

use super::{bets::RATIOS, evidence::Evidence, periods, trail::Trail};
use crate::{Metric, Source};

/// The money that is bet on all strata together; the rest is bet on single ones.
const TOGETHER: f64 = 0.75;

/// Evidence against one metric.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wealth {
    /// The natural logarithm of the e-value.
    pub(super) ln: f64,
    /// How many times as often the candidate fails, by the bet that is worth most.
    pub(super) ratio: f64,
}

impl Wealth {
    /// Of the bets since whose beginning at least `subjects` distinct subjects failed on the candidate. Leaving out the
    /// others can only make it smaller.
    pub(super) fn of(evidence: &Evidence, metric: Metric, subjects: u32) -> Self {
        let trails: Vec<&Trail> = trails(evidence, metric).collect();
        let strata = strata(evidence, metric);
        let failed = |k| evidence.subjects.get(&metric).map_or(0, |known| known.since(k));
        let mut all = Self { ln: f64::NEG_INFINITY, ratio: RATIOS[0] };
        let mut best = f64::NEG_INFINITY;
        for k in periods::alive(evidence.period) {
            if failed(k) < subjects {
                continue;
            }
            let (ln, bet) = since(&trails, strata, k);
            let ln = ln + periods::weight(k).ln();
            all.ln = ln_sum([all.ln, ln]);
            if ln > best {
                (best, all.ratio) = (ln, RATIOS[bet]);
            }
        }
        all
    }

    /// As people read it: large ones are not told apart.
    pub(super) fn e_value(self) -> f64 {
        e_value(self.ln)
    }
}

/// The e-value of a logarithm, as it is shown and written: at most 10^300, which JSON can hold.
pub(super) fn e_value(ln: f64) -> f64 {
    ln.exp().min(1e300)
}

/// The evidence of one stratum alone, by the bets that were there from the start.
pub(super) fn alone(trail: &Trail) -> f64 {
    e_value(ln_mean(&trail.since(1).natural()))
}

fn trails(evidence: &Evidence, metric: Metric) -> impl Iterator<Item = &Trail> {
    let moments = (metric == Metric::Latency).then_some(&evidence.moments);
    let cases = evidence.strata.iter().filter_map(move |stratum| stratum.cases.get(&metric));
    cases.map(|case| &case.trail).chain(moments).filter(|trail| !trail.is_empty())
}

/// Among how many strata the half for single ones is shared out: all that there can be, so that it does not depend on which
/// of them were seen.
fn strata(evidence: &Evidence, metric: Metric) -> u32 {
    if metric == Metric::Latency {
        // All routes are one.
        return 1;
    }
    let sources = Source::ALL.into_iter().filter(|&source| is_seen(metric, source)).count();
    let all = evidence.routes.saturating_mul(u32::try_from(sources).unwrap_or(1));
    let seen = u32::try_from(trails(evidence, metric).count()).unwrap_or(u32::MAX);
    all.max(seen).max(1)
}

/// Whether a metric is seen in that way.
pub(super) const fn is_seen(metric: Metric, source: Source) -> bool {
    match source {
        Source::Live => !matches!(metric, Metric::Mismatches),
        Source::Pair => matches!(metric, Metric::Errors | Metric::Mismatches),
    }
}

/// The logarithm of what the bets of one period are worth, and which of them is worth most.
fn since(trails: &[&Trail], strata: u32, k: u32) -> (f64, usize) {
    let mut product = [0.0; RATIOS.len()];
    let mut money = Vec::with_capacity(trails.len() + 1);
    let mut best = (f64::NEG_INFINITY, 0);
    for trail in trails {
        let logs = trail.since(k).natural();
        for (sum, log) in product.iter_mut().zip(logs) {
            *sum += log;
        }
        money.push(ln_mean(&logs));
        best = leading(best, &logs);
    }
    best = leading(best, &product);
    let idle = f64::from(strata) - f64::from(u32::try_from(trails.len()).unwrap_or(u32::MAX));
    if idle > 0.0 {
        money.push(idle.ln());
    }
    let single = ln_sum(money) - f64::from(strata).ln();
    let both = [ln_mean(&product) + TOGETHER.ln(), single + (1.0 - TOGETHER).ln()];
    (ln_sum(both), best.1)
}

fn leading(best: (f64, usize), logs: &[f64; RATIOS.len()]) -> (f64, usize) {
    logs.iter().copied().zip(0..).fold(best, |best, other| if other.0 > best.0 { other } else { best })
}

/// The logarithm of the mean of what these are logarithms of.
fn ln_mean(logs: &[f64; RATIOS.len()]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seven")]
    let count = logs.len() as f64;
    ln_sum(logs.iter().copied()) - count.ln()
}

/// The logarithm of the sum of what these are logarithms of, without ever leaving the range of an f64.
fn ln_sum(logs: impl IntoIterator<Item = f64, IntoIter: Clone>) -> f64 {
    let logs = logs.into_iter();
    let largest = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + logs.map(|log| (log - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_logarithms_neither_overflow_nor_vanish() {
        assert!((ln_sum([1_000.0, 1_000.0]) - 1_000.0 - std::f64::consts::LN_2).abs() < 1e-12);
        assert!((ln_sum([-5_000.0, -6_000.0]) + 5_000.0).abs() < 1e-12);
        assert!(ln_sum([]).is_infinite() && ln_sum([f64::NEG_INFINITY]).is_infinite());
        assert!((e_value(10_000.0) - 1e300).abs() < 1.0);
    }
}
