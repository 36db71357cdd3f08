//! XFetch: what is asked for often is fetched anew a little before it expires, by one caller that chance picks.
//!
//! When a popular value expires, everybody who asks for it in the time that one fetch takes finds nothing. Coalescing makes
//! one fetch of that in one process, but all of them still wait, and each process fetches. So every caller that finds a
//! fresh value draws a number, and the later it is and the longer a fetch takes, the likelier that number says: fetch it
//! now, while the others are still served. Nobody has to agree with anybody (Vattani, Chierichetti, Lowenstein: "Optimal
//! Probabilistic Cache Stampede Prevention", VLDB 2015).
//!
//! A fetch is due when `now - delta * beta * ln(u) >= expiry`. The logarithm of a share is never above zero, so time is put
//! *forward*; articles that print it with a plus, or draw `u` the wrong way, refresh never or always. By how much is
//! exponentially distributed with a mean of `delta * beta`: long fetches begin early enough to end in time, and a value that
//! nobody asks for is not refreshed at all.
//!
//! Another cure is a lock per value with a lease, which needs a place that all processes share. And values that were stored
//! in the same moment expire in the same moment, against which [`jittered`] helps.

use std::time::Duration;

use tokio::time::Instant;

use crate::dice::Dice;

/// Above any `-ln(u)` that [`draw`] can lead to: it draws steps of 2^-53, and 53 ln 2 is 36.74.
const LONGEST_DRAW: f64 = 37.0;

/// A share for [`is_due`]: above 0, up to and including 1.
#[must_use]
pub fn draw(dice: &Dice) -> f64 {
    // Dice give 0 and never 1, and the logarithm wants it the other way round.
    1.0 - dice.share()
}

/// Whether a value that expires at `expiry` should be fetched anew at `now`, for the caller that drew `u`.
///
/// - `delta`: how long a fetch takes, as measured with the last one.
/// - `beta`: how eager to be. 1 is what the paper proves to be best; above is earlier, 0 is never early.
/// - `u`: a share from [`draw`]. What is not above 0 counts as the smallest share there is.
///
/// At its expiry and after it a value is due for everybody, whatever else is given.
#[must_use]
pub fn is_due(now: Instant, expiry: Instant, delta: Duration, beta: f64, u: f64) -> bool {
    let gap = expiry.saturating_duration_since(now);
    // Without the logarithm for the many that are far from it.
    gap.is_zero() || gap.as_secs_f64() <= mean(delta, beta) * -u.clamp(f64::MIN_POSITIVE, 1.0).ln()
}

/// How long before its expiry a value can be due for the first time, for shares from [`draw`]. Who keeps `expiry - lead(..)`
/// beside a value need not draw before then.
#[must_use]
pub fn lead(delta: Duration, beta: f64) -> Duration {
    Duration::try_from_secs_f64(mean(delta, beta) * LONGEST_DRAW).unwrap_or(Duration::MAX)
}

/// A lifetime that is shorter by a share of up to `ratio`, drawn evenly: from `ttl * (1 - ratio)` to `ttl`. Never longer, as
/// a lifetime says how old a value may become. A ratio outside 0 to 1 counts as the nearest of them.
#[must_use]
pub fn jittered(ttl: Duration, ratio: f64, dice: &Dice) -> Duration {
    let less = ttl.as_secs_f64() * ratio.clamp(0.0, 1.0) * dice.share();
    // A ratio that is no number is not one of a duration either, and takes nothing off.
    ttl.saturating_sub(Duration::try_from_secs_f64(less).unwrap_or(Duration::ZERO))
}

/// By how many seconds a draw is early on the average.
fn mean(delta: Duration, beta: f64) -> f64 {
    delta.as_secs_f64() * beta.max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The share of draws for which a value is due so long before its expiry, with a fetch of a second.
    fn share_due(gap: Duration, beta: f64) -> f64 {
        let (dice, now) = (Dice::seeded(1), Instant::now());
        let due = (0..100_000).filter(|_| is_due(now, now + gap, SECOND, beta, draw(&dice))).count();
        f64::from(u32::try_from(due).unwrap()) / 1e5
    }

    #[test]
    fn at_a_gap_of_one_fetch_37_in_100_find_it_due() {
        for (gap, beta, expected) in [
            (SECOND, 1.0, (-1.0_f64).exp()),
            (2 * SECOND, 1.0, (-2.0_f64).exp()),
            (SECOND / 2, 1.0, (-0.5_f64).exp()),
            (SECOND, 2.0, (-0.5_f64).exp()),
            (2 * SECOND, 0.5, (-4.0_f64).exp()),
        ] {
            let share = share_due(gap, beta);
            // Four standard deviations of 100,000 draws at most.
            assert!((share - expected).abs() < 0.0064, "{gap:?} {beta}: {share} instead of {expected}");
        }
    }

    #[test]
    fn what_has_expired_is_due_for_everybody() {
        let now = Instant::now();
        for (delta, beta, u) in
            [(SECOND, 1.0, 1.0), (Duration::ZERO, 1.0, 0.5), (SECOND, 0.0, 0.5), (SECOND, f64::NAN, f64::NAN)]
        {
            assert!(is_due(now, now, delta, beta, u));
            assert!(is_due(now + SECOND, now, delta, beta, u));
        }
    }

    #[test]
    fn what_costs_nothing_to_fetch_or_is_not_wanted_early_is_never_early() {
        let now = Instant::now();
        let soon = now + Duration::from_nanos(1);
        for u in [0.0, f64::MIN_POSITIVE, 1e-12, 0.5, 1.0, f64::NAN] {
            assert!(!is_due(now, soon, Duration::ZERO, 1.0, u), "{u}");
            assert!(!is_due(now, soon, SECOND, 0.0, u), "{u}");
            assert!(!is_due(now, soon, SECOND, -1.0, u), "{u}");
        }
        // The largest share puts time forward by nothing.
        assert!(!is_due(now, soon, SECOND, 1.0, 1.0));
    }

    #[test]
    fn the_smallest_shares_are_early_by_far_and_still_finite() {
        let now = Instant::now();
        let smallest = 2.0_f64.powi(-53);
        assert!(is_due(now, now + 36 * SECOND, SECOND, 1.0, smallest));
        assert!(!is_due(now, now + 37 * SECOND, SECOND, 1.0, smallest));
        for none in [0.0, -1.0, f64::NEG_INFINITY] {
            assert!(is_due(now, now + 700 * SECOND, SECOND, 1.0, none), "{none}");
            assert!(!is_due(now, now + 800 * SECOND, SECOND, 1.0, none), "{none}");
        }
    }

    #[test]
    fn a_lifetime_is_spread_evenly_over_its_last_part() {
        let dice = Dice::seeded(3);
        let drawn: Vec<_> = (0..10_000).map(|_| jittered(10 * SECOND, 0.1, &dice)).collect();
        assert!(drawn.iter().all(|ttl| (9 * SECOND..=10 * SECOND).contains(ttl)));
        let mean = drawn.iter().sum::<Duration>().as_secs_f64() / 1e4;
        assert!((mean - 9.5).abs() < 0.02, "{mean}");
        let low = drawn.iter().filter(|ttl| **ttl < 9 * SECOND + SECOND / 4).count();
        assert!((2_300..2_700).contains(&low), "{low}");
    }

    #[test]
    fn a_ratio_that_is_none_changes_nothing() {
        let dice = Dice::seeded(3);
        for ratio in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(jittered(SECOND, ratio, &dice), SECOND, "{ratio}");
        }
        assert_eq!(jittered(Duration::ZERO, 1.0, &dice), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn nothing_is_due_before_its_lead(
            gap in 0_u64..1_000_000, delta in 0_u64..100_000, beta in 0.0_f64..10.0, seed: u64,
        ) {
            let now = Instant::now();
            let (gap, delta) = (Duration::from_micros(gap), Duration::from_micros(delta));
            let due = is_due(now, now + gap, delta, beta, draw(&Dice::seeded(seed)));
            prop_assert!(!due || gap <= lead(delta, beta));
        }

        #[test]
        fn later_longer_and_more_eager_never_make_it_less_due(
            gap in 0_u64..10_000, delta in 0_u64..10_000, beta in 0.0_f64..10.0, u in 1e-9_f64..=1.0, more in 1_u64..100,
        ) {
            let now = Instant::now();
            let ms = Duration::from_millis;
            if is_due(now, now + ms(gap), ms(delta), beta, u) {
                prop_assert!(is_due(now + ms(more), now + ms(gap), ms(delta), beta, u));
                prop_assert!(is_due(now, now + ms(gap), ms(delta + more), beta, u));
                prop_assert!(is_due(now, now + ms(gap), ms(delta), beta + 1.0, u));
                prop_assert!(is_due(now, now + ms(gap), ms(delta), beta, u / 2.0));
            }
        }

        #[test]
        fn no_numbers_panic(secs: u64, nanos in 0_u32..1_000_000_000, factor: f64, u: f64, seed: u64) {
            let (now, any) = (Instant::now(), Duration::new(secs, nanos));
            prop_assert!(is_due(now, now, any, factor, u));
            prop_assert!(!is_due(now, now + SECOND, any, factor, u) || !lead(any, factor).is_zero());
            prop_assert!(jittered(any, factor, &Dice::seeded(seed)) <= any);
        }
    }
}
