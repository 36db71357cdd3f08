use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

const WINDOW: Duration = Duration::from_secs(10);

fn budget(ratio: u16, per_second: u32) -> RetryBudget {
    RetryBudget::new(Settings::new(ratio, per_second, WINDOW).unwrap())
}

/// Withdraws until refused.
fn drain(budget: &RetryBudget, now: Instant) -> u64 {
    (0..).take_while(|_| budget.try_withdraw(now)).count().try_into().unwrap()
}

#[test]
fn every_ratio_from_one_to_a_hundred_percent_is_exact() {
    let now = Instant::now();
    for percent in 1..=100_u16 {
        for requests in [1, 2, 3, 7, 10, 99, 100, 101, 999, 1_000] {
            let budget = budget(percent * 100, 2);
            (0..requests).for_each(|_| budget.deposit(now));
            let exact = requests * u64::from(percent) / 100;
            assert_eq!(drain(&budget, now), exact + 20, "{percent} % of {requests}");
        }
    }
}

#[test]
fn every_request_counts_and_not_only_every_so_many() {
    // 30 %: after 1, 2, 3, ... requests 0, 0, 0, 1, 1, 1, 2, ... retries have been possible.
    let (budget, now) = (budget(3_000, 0), Instant::now());
    let mut granted = 0;
    for requests in 1..=1_000 {
        budget.deposit(now);
        granted += u64::from(budget.try_withdraw(now));
        assert_eq!(granted, requests * 3 / 10, "after {requests}");
    }
}

#[test]
fn racing_threads_never_overspend_and_leave_nothing_unspent() {
    let (budget, now, granted) = (budget(1_700, 2), Instant::now(), AtomicU64::new(0));
    (0..10_000).for_each(|_| budget.deposit(now));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                (0..1_000).for_each(|_| {
                    granted.fetch_add(u64::from(budget.try_withdraw(now)), Relaxed);
                });
            });
        }
    });
    assert_eq!(granted.into_inner(), 1_720);
    assert_eq!(budget.balance(now), 0);
}

#[test]
fn racing_deposits_and_withdrawals_add_up() {
    let (budget, now, granted) = (budget(2_500, 0), Instant::now(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    budget.deposit(now);
                    granted.fetch_add(u64::from(budget.try_withdraw(now)), Relaxed);
                }
            });
        }
    });
    let granted = granted.into_inner() + drain(&budget, now);
    assert_eq!(granted, 10_000, "a quarter of 40,000");
}

#[test]
fn little_traffic_gets_its_two_a_second() {
    // One request a second that always fails: 20 % of that would be a retry every five seconds.
    let (budget, start) = (RetryBudget::default(), Instant::now());
    let retries = |from: u64, to: u64| -> usize {
        let attempts = (from..to).flat_map(|second| {
            let now = start + Duration::from_secs(second);
            budget.deposit(now);
            std::iter::repeat_n(now, 3)
        });
        attempts.filter(|now| budget.try_withdraw(*now)).count()
    };
    retries(0, 100);
    // 2 a second of its own and 0.2 of the requests.
    assert_eq!(retries(100, 200), 220);
}

#[test]
fn what_a_busy_time_earned_is_gone_after_an_idle_gap() {
    let (budget, start) = (budget(2_000, 2), Instant::now());
    (0..10_000).for_each(|_| budget.deposit(start));
    assert_eq!(budget.balance(start), 2_020);
    let later = start + WINDOW;
    assert_eq!(budget.balance(later), 20);
    assert_eq!(drain(&budget, later), 20);
    // Nor does idleness fill it above its reserve.
    let much_later = start + Duration::from_secs(86_400);
    assert_eq!(drain(&budget, much_later), 20);
}

#[test]
fn a_reading_of_the_clock_that_is_late_brings_nothing_back() {
    let (budget, start) = (budget(10_000, 0), Instant::now());
    (0..5).for_each(|_| budget.deposit(start));
    // Not in the step that takes the place of the first one in the ring: the five are still there to be found.
    let after = start + WINDOW + Duration::from_secs(2);
    (0..2).for_each(|_| budget.deposit(after));
    assert!(budget.try_withdraw(after));
    // By the old clock the five deposits of before are still in the window, besides one that is left of the two.
    assert_eq!(drain(&budget, start), 1);
    budget.deposit(start);
    assert_eq!(drain(&budget, after), 0, "nor is anything earned in a step that is over");
}

#[test]
fn the_remaining_ratio_goes_from_one_to_zero() {
    let (budget, now) = (budget(10_000, 0), Instant::now());
    let is = |share: f64| (budget.remaining_ratio(now) - share).abs() < 1e-9;
    assert!(is(1.0), "nothing spent");
    (0..4).for_each(|_| budget.deposit(now));
    assert!(is(1.0));
    assert!(budget.try_withdraw(now));
    assert!(is(0.75));
    drain(&budget, now);
    assert!(is(0.0));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for (settings, error) in [
        (Settings::new(0, 2, WINDOW), SettingsError::Ratio(0)),
        (Settings::new(10_001, 2, WINDOW), SettingsError::Ratio(10_001)),
        (Settings::new(1, 1_000_001, WINDOW), SettingsError::PerSecond(1_000_001)),
        (Settings::new(1, 2, Duration::from_millis(999)), SettingsError::Window(Duration::from_millis(999))),
        (Settings::new(1, 2, Duration::MAX), SettingsError::Window(Duration::MAX)),
    ] {
        assert_eq!(settings, Err(error));
        assert!(error.to_string().contains("choose"), "it says what to do: {error}");
    }
    assert_eq!(Settings::new(2_000, 2, WINDOW), Ok(Settings::default()));
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Deposit(u32),
    Withdraw(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_u64..4_000).prop_map(Step::Wait),
        (1_u32..30).prop_map(Step::Deposit),
        (1_u32..15).prop_map(Step::Withdraw),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    /// Against the sentence in the module's docs, counted in plain lists.
    #[test]
    fn it_grants_exactly_what_the_window_allows(ratio in 1_u16..=10_000, per_second in 0_u32..4, steps in steps()) {
        let (budget, start) = (budget(ratio, per_second), Instant::now());
        let (mut millis, mut deposits, mut granted) = (0_u64, VecDeque::new(), VecDeque::new());
        budget.deposit(start);
        deposits.push_back(0_u64);
        for step in steps {
            let now = start + Duration::from_millis(millis);
            match step {
                Step::Wait(wait) => millis += wait,
                Step::Deposit(times) => for _ in 0..times {
                    budget.deposit(now);
                    deposits.push_back(millis / 1_000);
                },
                Step::Withdraw(times) => for _ in 0..times {
                    let second = millis / 1_000;
                    deposits.retain(|of| of + 10 > second);
                    granted.retain(|of| of + 10 > second);
                    let allowed = deposits.len() as u64 * u64::from(ratio) / 10_000 + u64::from(per_second) * 10;
                    let expected = (granted.len() as u64) < allowed;
                    prop_assert_eq!(budget.try_withdraw(now), expected);
                    if expected {
                        granted.push_back(second);
                    }
                },
            }
        }
    }
}
