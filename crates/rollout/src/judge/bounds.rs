//! How large a share, or the difference of two, may be in truth, with 95 % confidence on each side.

use super::{Count, Excess};

/// The chance with which a bound is passed.
const MISS: f64 = 0.05;
/// Steps of the continued fraction: it needs about the square root of the larger parameter.
const MOST_STEPS: u32 = 100_000;
/// Halvings of the interval in which the bound is: more than an f64 can tell apart.
const HALVINGS: u32 = 80;

/// A share is at most this, unless what was seen has a chance of less than 5 % (Clopper and Pearson, 1934).
pub(crate) fn upper(count: Count) -> f64 {
    let Count { failures, of } = count;
    if failures >= of {
        return 1.0;
    }
    if failures == 0 {
        // The chance of seeing none is (1 - p)^n.
        return -(MISS.ln() / float(of)).exp_m1();
    }
    quantile(1.0 - MISS, float(failures) + 1.0, float(of - failures))
}

/// A share is at least this, by the same.
pub(crate) fn lower(count: Count) -> f64 {
    let Count { failures, of } = count;
    if failures == 0 {
        return 0.0;
    }
    if failures >= of {
        return (MISS.ln() / float(of)).exp();
    }
    quantile(MISS, float(failures), float(of - failures) + 1.0)
}

/// How much larger the candidate's share is than the control's: the bounds of both shares, combined as if on two legs of a
/// right angle (MOVER; Zou and Donner, 2008). `None` without answers of both.
pub(crate) fn excess(candidate: Count, control: Count) -> Option<Excess> {
    let (p, q) = (candidate.share()?, control.share()?);
    let high = (upper(candidate) - p).hypot(q - lower(control));
    let low = (p - lower(candidate)).hypot(upper(control) - q);
    let measured = p - q;
    Some(Excess { low: (measured - low).max(-1.0), measured, high: (measured + high).min(1.0) })
}

#[expect(clippy::cast_precision_loss, reason = "counts above 2^53 do not happen, and would be close enough")]
const fn float(count: u64) -> f64 {
    count as f64
}

/// The point below which the beta distribution has that much of its mass.
fn quantile(mass: f64, a: f64, b: f64) -> f64 {
    let beta = Beta::new(a, b);
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if beta.below(middle) < mass {
            low = middle
        } else {
            high = middle
        }
        if high - low <= f64::EPSILON * high {
            break;
        }
    }
    high
}

/// The regularised incomplete beta function, by its continued fraction (Press et al., "Numerical Recipes", 6.4).
struct Beta {
    a: f64,
    b: f64,
    ln_scale: f64,
}

impl Beta {
    fn new(a: f64, b: f64) -> Self {
        Self { a, b, ln_scale: ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) }
    }

    /// The mass below `x`.
    fn below(&self, x: f64) -> f64 {
        if x <= 0.0 || x >= 1.0 {
            return x.clamp(0.0, 1.0);
        }
        let front = self.b.mul_add((-x).ln_1p(), self.a.mul_add(x.ln(), self.ln_scale)).exp();
        // The fraction converges fast on this side of the mean; on the other, the mirrored one does.
        if x < (self.a + 1.0) / (self.a + self.b + 2.0) {
            front * fraction(self.a, self.b, x) / self.a
        } else {
            1.0 - front * fraction(self.b, self.a, 1.0 - x) / self.b
        }
    }
}

/// The continued fraction by the method of Lentz.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (sum, above, below) = (a + b, a + 1.0, a - 1.0);
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - sum * x / above);
    let mut result = d;
    for step in 1..=MOST_STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((below + 2.0 * m) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(even.mul_add(d, 1.0));
        c = away_from_zero(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (sum + m) * x / ((a + 2.0 * m) * (above + 2.0 * m));
        d = 1.0 / away_from_zero(odd.mul_add(d, 1.0));
        c = away_from_zero(1.0 + odd / c);
        let factor = d * c;
        result *= factor;
        if (factor - 1.0).abs() < 1e-14 {
            break;
        }
    }
    result
}

/// The logarithm of the gamma function for `x` of at least 1: Stirling's series, for small ones after stepping up.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 1.0);
    while x < 12.0 {
        below *= x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / x;
    let half_ln_tau = 0.918_938_533_204_672_7;
    (x - 0.5).mul_add(x.ln(), half_ln_tau - x) + series - f64::ln(below)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(failures: u64, of: u64) -> Count {
        Count { failures, of }
    }

    /// The chance of at most so many failures, added up term by term: the definition, and so an oracle.
    fn at_most(failures: u64, of: u64, share: f64) -> f64 {
        let (mut ln_ways, mut sum) = (0.0_f64, 0.0);
        for k in 0..=failures {
            if k > 0 {
                ln_ways += (float(of - k + 1) / float(k)).ln();
            }
            sum += (ln_ways + float(k) * share.ln() + float(of - k) * (-share).ln_1p()).exp();
        }
        sum
    }

    #[test]
    fn none_of_three_hundred_certifies_one_percent() {
        let alone = excess(count(0, 300), count(0, 29_700)).unwrap();
        assert!(alone.high <= 0.01, "{alone:?}");
        let fewer = excess(count(0, 298), count(0, 29_700)).unwrap();
        assert!(fewer.high > 0.01, "{fewer:?}");
    }

    #[test]
    fn none_of_three_thousand_certifies_a_thousandth() {
        let alone = excess(count(0, 3_000), count(0, 3_000)).unwrap();
        assert!(alone.high <= 0.001, "{alone:?}");
        let fewer = excess(count(0, 2_990), count(0, 2_990)).unwrap();
        assert!(fewer.high > 0.001, "{fewer:?}");
    }

    #[test]
    fn errors_that_the_control_has_too_are_not_held_against_the_candidate() {
        let both = excess(count(90, 30_000), count(8_910, 2_970_000)).unwrap();
        assert!(both.high < 0.001 && both.low < 0.0 && both.measured.abs() < 1e-12, "{both:?}");
        let worse = excess(count(900, 30_000), count(8_910, 2_970_000)).unwrap();
        assert!(worse.low > 0.02 && worse.high < 0.03, "{worse:?}");
    }

    #[test]
    fn nothing_is_known_without_answers() {
        assert_eq!(excess(count(0, 0), count(0, 100)), None);
        assert_eq!(excess(count(0, 100), count(0, 0)), None);
        assert!((upper(count(3, 3)) - 1.0).abs() < 1e-12 && lower(count(0, 3)).abs() < 1e-12);
    }

    #[test]
    fn large_counts_come_out_like_the_normal_distribution() {
        let (failures, of) = (5_000_000, 1_000_000_000);
        let spread = 1.644_853_6 * (0.005_f64 * 0.995 / float(of)).sqrt();
        let found = upper(count(failures, of)) - 0.005;
        assert!((found / spread - 1.0).abs() < 0.01, "{found} {spread}");
    }

    proptest! {
        #[test]
        fn a_bound_is_where_what_was_seen_has_a_chance_of_five_percent(of in 2u64..2_000, part in 0.0..1.0_f64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small number")]
            let failures = (float(of) * part) as u64;
            let seen = count(failures, of);
            if failures < of {
                prop_assert!((at_most(failures, of, upper(seen)) - MISS).abs() < 1e-6);
            }
            if failures > 0 {
                prop_assert!((1.0 - at_most(failures - 1, of, lower(seen)) - MISS).abs() < 1e-6);
            }
            prop_assert!(lower(seen) <= float(failures) / float(of) && upper(seen) >= float(failures) / float(of));
        }
    }
}
