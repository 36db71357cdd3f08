use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::Dice;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn hedge(quantile: f64) -> Hedge {
    Hedge::new(Settings::new(After::Quantile(quantile), 200).unwrap())
}

#[test]
fn nothing_is_hedged_before_fifty_samples() {
    let (hedge, now) = (Hedge::default(), Instant::now());
    for _ in 0..49 {
        assert_eq!(hedge.delay(now), None);
        hedge.observe(millis(10), now);
    }
    assert_eq!(hedge.delay(now), None);
    hedge.observe(millis(10), now);
    assert!(hedge.delay(now).is_some_and(|delay| (millis(10)..millis(11)).contains(&delay)));
}

#[test]
fn a_fixed_time_needs_no_samples() {
    let hedge = Hedge::new(Settings::new(After::Fixed(millis(30)), 200).unwrap());
    let now = Instant::now();
    assert_eq!(hedge.delay(now), Some(millis(30)));
    (0..1_000).for_each(|_| hedge.observe(millis(1), now));
    assert_eq!(hedge.delay(now), Some(millis(30)));
}

#[test]
fn it_follows_a_dependency_that_becomes_slower_and_quicker_again() {
    let (hedge, start, mut now) = (Hedge::default(), Instant::now(), Instant::now());
    let mut run = |seconds: u64, took: Duration| {
        for _ in 0..seconds * 10 {
            now += millis(100);
            hedge.observe(took, now);
        }
        hedge.delay(now).unwrap()
    };
    assert!(run(60, millis(10)) < millis(11));
    assert!(run(31, millis(100)) >= millis(100));
    assert!(run(31, millis(10)) < millis(11));
    assert!(now > start);
}

#[test]
fn samples_expire_after_the_window_and_not_before_half_of_it() {
    let (hedge, start) = (Hedge::default(), Instant::now());
    (0..100).for_each(|_| hedge.observe(millis(10), start + millis(14_999)));
    assert!(hedge.delay(start + millis(15_000)).is_some());
    assert!(hedge.delay(start + millis(29_999)).is_some());
    // (The window began with the first moment it saw, 15 s ahead of `start`.)
    assert_eq!(hedge.delay(start + millis(45_000)), None);
    // After an idle gap of any length it begins anew.
    let later = start + Duration::from_secs(86_400);
    assert_eq!(hedge.delay(later), None);
    (0..50).for_each(|_| hedge.observe(millis(20), later));
    assert!(hedge.delay(later).is_some_and(|delay| delay >= millis(20)));
}

#[test]
fn extra_legs_are_an_exact_share_of_the_calls() {
    for extra in [1_u16, 50, 199, 200, 1_000, 10_000] {
        let hedge = Hedge::new(Settings::new(After::Fixed(millis(1)), extra).unwrap());
        let (now, mut spent) = (Instant::now(), 0_u64);
        for calls in 1..=20_000_u64 {
            hedge.deposit(now);
            spent += u64::from(hedge.try_spend(now));
            assert_eq!(spent, calls * u64::from(extra) / 10_000, "{extra} basis points of {calls}");
        }
    }
}

#[test]
fn a_dependency_that_is_slow_throughout_does_not_get_more_than_its_share() {
    // Every call is late, and wants its second leg.
    let (hedge, start, mut legs) = (Hedge::default(), Instant::now(), 0_u32);
    for call in 0..60_000_u32 {
        let now = start + millis(1) * call;
        hedge.deposit(now);
        legs += u32::from(hedge.try_spend(now));
    }
    assert!(legs <= 60_000 / 50, "{legs}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for (after, extra) in [
        (After::Quantile(0.49), 200),
        (After::Quantile(1.0), 200),
        (After::Quantile(f64::NAN), 200),
        (After::Fixed(Duration::ZERO), 200),
        (After::Quantile(0.95), 0),
        (After::Quantile(0.95), 10_001),
    ] {
        let error = Settings::new(after, extra).expect_err("it cannot work");
        assert!(error.to_string().contains("choose"), "it says what to do: {error}");
    }
    assert_eq!(Settings::new(After::Quantile(0.95), 200), Ok(Settings::default()));
}

/// Of sorted times, the one below or at which a share of `quantile` of them lies.
#[expect(clippy::cast_possible_truncation, reason = "a rank among a few thousand")]
fn exact(times: &[u64], quantile: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    Duration::from_nanos(sorted[rank.clamp(1, sorted.len()) - 1])
}

#[test]
fn quantiles_of_a_long_tail_are_within_a_32nd_of_the_exact_ones() {
    // Log-normal around 20 ms with a tail: the exponential of a sum of shares.
    let dice = Dice::seeded(11);
    let times: Vec<u64> = (0..10_048)
        .map(|_| 0.020 * ((0..12).map(|_| dice.share()).sum::<f64>() - 6.0).exp())
        .filter_map(|seconds| u64::try_from(Duration::from_secs_f64(seconds).as_nanos()).ok())
        .collect();
    for quantile in [0.5, 0.9, 0.95, 0.99, 0.999] {
        let (hedge, now) = (hedge(quantile), Instant::now());
        times.iter().for_each(|nanos| hedge.observe(Duration::from_nanos(*nanos), now));
        let (found, exact) = (hedge.delay(now).unwrap(), exact(&times, quantile));
        let error = found.as_secs_f64() / exact.as_secs_f64() - 1.0;
        println!("q{quantile}: exact {exact:?}, found {found:?}, {:+.2} %", error * 100.0);
        assert!((0.0..=1.0 / 32.0).contains(&error), "q{quantile}: {error}");
    }
}

proptest! {
    #[test]
    fn the_delay_is_never_below_the_exact_quantile_and_at_most_a_32nd_above(
        quantile in 0.5_f64..=0.999,
        times in proptest::collection::vec(0_u64..10_000_000_000, 70),
    ) {
        let (hedge, now) = (hedge(quantile), Instant::now());
        times.iter().for_each(|nanos| hedge.observe(Duration::from_nanos(*nanos), now));
        let (found, exact) = (hedge.delay(now).unwrap(), exact(&times, quantile));
        prop_assert!(found >= exact);
        // A microsecond for rounding times up to microseconds.
        prop_assert!(found <= exact + exact / 32 + Duration::from_micros(1) + Duration::from_micros(1) / 32);
    }
}
