//! What counts say against 'both are alike'.
//!
//! Under 'the candidate behaves as the control does', a triple in which exactly one of both differs is a fair coin. If
//! the candidate differs `r` times as often, heads have probability `r / (1 + r)`. The likelihood ratio of the two is a
//! bet on the coin that nobody can win by waiting: averaged over several `r` it is still one, an e-process, and by
//! Ville's inequality the chance that it *ever* reaches `t` is at most `1 / t`, however often one looks
//! (Ramdas, Grünwald, Vovk, Shafer: "Game-theoretic statistics and safe anytime-valid inference", 2023).
//!
//! The coin is the same for every triple, so the e-value depends on the two counts alone. That is why counts of
//! several nodes can simply be added.

/// The chance that a path where nothing is wrong is ever reported.
pub const FALSE_ALARMS: f64 = 0.001;
/// Kinds of difference that a path may have a spot of.
const KINDS: f64 = 6.0;
/// The e-value at which a spot is reported. [`FALSE_ALARMS`] holds per path, and a path may differ in six ways.
///
/// Reaching it takes 15 triples in which only the candidate differs, or 50 against 10. With one wrong answer in 200,
/// 10,000 triples hold 50 of them on average; that they hold fewer than 15 has a chance of two in a billion.
pub const THRESHOLD: f64 = KINDS / FALSE_ALARMS;

/// How much worse the candidate may be: slightly, or always where the control never is. Nobody needs to know which.
const RATIOS: [f64; 7] = [1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0];

/// The natural logarithm of the e-value of so many triples in which only the candidate, and only the control, differs.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts above 2^53 are not reached in anybody's lifetime")]
pub fn ln_e(only_candidate: u64, only_control: u64) -> f64 {
    let logs = RATIOS.map(|ratio| {
        let (heads, tails) = ((2.0 * ratio / (1.0 + ratio)).ln(), (2.0 / (1.0 + ratio)).ln());
        only_candidate as f64 * heads + only_control as f64 * tails
    });
    // The largest is taken out of the sum, so that nothing overflows and nothing that counts underflows.
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
    largest + (sum / RATIOS.len() as f64).ln()
}

/// The e-value itself; `f64::MAX` when it is larger than that.
#[must_use]
pub fn e_value(only_candidate: u64, only_control: u64) -> f64 {
    ln_e(only_candidate, only_control).exp().min(f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_triples_as_the_docs_say() {
        assert!(e_value(0, 0) > 0.999_999 && e_value(0, 0) < 1.000_001);
        assert!(e_value(14, 0) < THRESHOLD && e_value(15, 0) >= THRESHOLD);
        assert!(e_value(50, 10) >= THRESHOLD);
        assert!(e_value(100, 100) < 1.0);
        assert!(e_value(u64::MAX, 0).is_finite() && e_value(0, u64::MAX) >= 0.0);
    }

    /// A bet is fair when what it is worth now is what it is worth on average after one more toss.
    #[test]
    fn nobody_wins_by_waiting() {
        for heads in 0..40 {
            for tails in 0..40 {
                let now = e_value(heads, tails);
                let next = f64::midpoint(e_value(heads + 1, tails), e_value(heads, tails + 1));
                assert!((now - next).abs() <= 1e-9 * now, "{heads} {tails}");
            }
        }
    }
}
