//! What is bet, and what one failure does to the bets.
//!
//! Under 'equal rates' a failure is the candidate's with chance pi, its share of the requests. Each bet says that the candidate
//! fails r times as often; then the chance is `pi_r = r pi / (r pi + 1 - pi)`. A failure multiplies a bet's money by
//! how much better it foretold whose it would be:
//!
//! ```text
//! candidate: pi_r / pi             = r / (1 + (r - 1) pi)
//! control:   (1 - pi_r) / (1 - pi) = 1 / (1 + (r - 1) pi)
//! ```
//!
//! Under equal rates the expected factor is exactly 1, whatever r is: a fair game, in which nobody gets rich but by luck.
//!
//! Money is kept as logarithms in fixed point, in units of 2^-32, each rounded down. So adding is exact: the order in which
//! nodes are added up cannot change a verdict, and rounding can only make the evidence smaller than it is, by less than
//! 0.001 after four million failures.

/// How many times as often the candidate fails, by each bet.
pub(crate) const RATIOS: [f64; 7] = [1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0];

/// What of its money each bet stakes on the candidate being slower in a moment.
const STAKES: [f64; RATIOS.len()] = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9];

/// Units of one natural logarithm.
const UNIT: f64 = 4_294_967_296.0;

/// The logarithm of each bet's money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Logs([i64; RATIOS.len()]);

impl Logs {
    /// What one failure does, `share` being the candidate's of the requests, 0 to 1.
    pub(crate) fn of_failure(candidate: bool, share: f64) -> Self {
        Self(RATIOS.map(|ratio| {
            let won = if candidate { ratio.ln() } else { 0.0 };
            units(won - ((ratio - 1.0) * share).ln_1p())
        }))
    }

    /// What one moment does, by how much slower the candidate was in it, -1 to 1; see [`super::moments`].
    pub(crate) fn of_moment(excess: f64) -> Self {
        Self(STAKES.map(|stake| units((stake * excess.clamp(-1.0, 1.0)).ln_1p())))
    }

    /// Multiplies the money.
    pub(crate) fn add(&mut self, other: Self) {
        for (log, more) in self.0.iter_mut().zip(other.0) {
            *log = log.saturating_add(more);
        }
    }

    /// Natural logarithms.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are more than a verdict needs")]
    pub(crate) fn natural(self) -> [f64; RATIOS.len()] {
        self.0.map(|units| units as f64 / UNIT)
    }
}

/// A logarithm in fixed point.
fn units(log: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "at most 5 in size, so far inside an i64")]
    let units = (log * UNIT).floor() as i64;
    units
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_moment_that_is_fair_is_not_expected_to_win(excess in 0.0..=1.0_f64) {
            let (slower, faster) = (Logs::of_moment(excess).natural(), Logs::of_moment(-excess).natural());
            for (won, lost) in slower.into_iter().zip(faster) {
                prop_assert!(won.exp() + lost.exp() <= 2.0 + 1e-12);
            }
        }

        #[test]
        fn under_equal_rates_no_bet_is_expected_to_win(share in 0.0..=1.0_f64) {
            let candidate = Logs::of_failure(true, share).natural();
            let control = Logs::of_failure(false, share).natural();
            for (won, lost) in candidate.into_iter().zip(control) {
                let expected = share * won.exp() + (1.0 - share) * lost.exp();
                prop_assert!(expected <= 1.0 + 1e-12 && expected > 1.0 - 1e-8, "{expected}");
            }
        }
    }

    #[test]
    fn factors_are_those_of_the_formula() {
        let share = 0.01;
        for (index, ratio) in RATIOS.into_iter().enumerate() {
            let other = ratio * share / (ratio * share + 1.0 - share);
            let (candidate, control) = (other / share, (1.0 - other) / (1.0 - share));
            assert!((Logs::of_failure(true, share).natural()[index] - candidate.ln()).abs() < 1e-9);
            assert!((Logs::of_failure(false, share).natural()[index] - control.ln()).abs() < 1e-9);
        }
    }

    #[test]
    fn with_everybody_on_one_side_there_is_nothing_to_win() {
        assert!(Logs::of_failure(true, 1.0).natural().into_iter().all(|log| log.abs() < 1e-9));
        assert!(Logs::of_failure(false, 0.0).natural().into_iter().all(|log| log.abs() < 1e-9));
    }
}
