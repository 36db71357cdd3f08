//! When bets begin: a good hour must not hide a bad minute.
//!
//! Every failure of the control costs a bet against the candidate some of its money. After an hour in which all was well the
//! bets of the first minute are worth e^-200, and a candidate that turns bad then would have to win all of that back
//! first. So a bet begins anew with each period k = 1, 2, 3, ... of 30 s, with a share of the money that was set aside
//! at the start: `w_k = 1 / (k (k + 1))`. These add up to 1, so the whole is still a fair game, and Ville's inequality
//! holds for it: under equal rates the chance that it ever reaches 1/alpha is at most alpha.
//!
//! Keeping a bet for each period would be endless, so most are given up: counted as nothing, which can only make the evidence
//! smaller. Of those that began lately one is kept for each power of two: the bet of period k lives for twice the largest
//! power of two that divides k (at most 2^13), and the first one lives for ever. That makes at most sixteen, the younger the
//! denser. Whether a bet is alive depends on two numbers alone, k and the present period, and one that was given up never
//! comes back: so nodes agree about it without asking each other.

use std::time::Duration;

/// Length of a period.
///
/// Shorter periods waste weight on more beginnings, longer ones let a bet lose more before its turn comes. What this one
/// costs a candidate that turns bad after a good hour is a row of `cargo xtask bench rollout`.
pub(crate) const PERIOD: Duration = Duration::from_secs(30);

/// Bets of periods that this divides live longest.
const COARSEST: u32 = 1 << 13;

/// Most bets that live at once.
#[cfg(test)]
const MOST: usize = 16;

/// The money that the bet of period `k` starts with.
pub(crate) fn weight(k: u32) -> f64 {
    let k = f64::from(k);
    1.0 / (k * (k + 1.0))
}

/// Whether the bet of period `k` is alive in period `now`.
const fn is_alive(k: u32, now: u32) -> bool {
    if k == 0 || k > now {
        return false;
    }
    let power = 1 << k.trailing_zeros();
    let power = if power > COARSEST { COARSEST } else { power };
    k == 1 || now - k < 2 * power
}

/// The periods of the bets that are alive in period `now`, from the oldest on.
pub(crate) fn alive(now: u32) -> Vec<u32> {
    let mut periods = Vec::with_capacity(17);
    let mut step = 1;
    while step <= COARSEST {
        // Multiples of a power that are not multiples of the next one, but for the coarsest.
        let newest = now - now % step;
        for k in [newest, newest.saturating_sub(step), newest.saturating_sub(2 * step)] {
            if is_alive(k, now) {
                periods.push(k);
            }
        }
        step *= 2;
    }
    periods.push(1);
    periods.sort_unstable();
    periods.dedup();
    periods
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_add_up_to_one() {
        let sum: f64 = (1..=1_000_000).map(weight).sum();
        assert!(sum < 1.0 && sum > 0.999_99, "{sum}");
    }

    #[test]
    fn the_list_is_what_the_rule_says() {
        for now in (1..3_000).chain(20_000..20_100) {
            let by_rule: Vec<_> = (1..=now).filter(|&k| is_alive(k, now)).collect();
            assert_eq!(alive(now), by_rule, "{now}");
        }
    }

    proptest! {
        #[test]
        fn few_bets_live_and_none_comes_back(now in 1u32..4_000_000_000, k in 1u32..4_000_000_000) {
            let living = alive(now);
            prop_assert!(living.len() <= MOST, "{living:?}");
            prop_assert!(living.contains(&now) && living.contains(&1));
            prop_assert!(k <= now || !living.contains(&k));
            prop_assert!(k > now || is_alive(k, now) || !is_alive(k, now + 1));
        }

        /// However long ago a candidate turned bad, a bet began soon after, or not long before.
        #[test]
        fn a_bet_begins_near_every_moment(now in 1u32..100_000, age in 0u32..8_192) {
            let turned = now.saturating_sub(age).max(1);
            let near = alive(now).into_iter().any(|k| k >= turned && (now - k + 1) * 8 >= (now - turned));
            prop_assert!(near, "{turned} {now} {:?}", alive(now));
        }
    }
}
