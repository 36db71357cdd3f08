use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::Dice;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ejected(seconds: u64, why: Why) -> Effect {
    Effect::Ejected { time: Duration::from_secs(seconds), why }
}

/// Fails so often, and says what the last failure did.
fn fail(mut state: Ejection, times: u32, now: Instant) -> (Ejection, Effect) {
    let mut effect = Effect::None;
    for _ in 0..times {
        assert_eq!(effect, Effect::None, "only the last one ejects");
        (state, effect) = state.failed(&Settings::default(), true, now);
    }
    (state, effect)
}

#[test]
fn out_after_five_in_a_row_and_longer_each_time() {
    let (settings, mut now) = (Settings::default(), Instant::now());
    let (mut state, effect) = fail(Ejection::default(), 5, now);
    assert_eq!(effect, ejected(30, Why::Errors));
    assert!(state.is_out(now + seconds(29)) && !state.is_out(now + seconds(30)));
    assert_eq!(state.out_until(now), Some(now + seconds(30)));
    // On probation one failure is enough.
    for time in [60, 120, 240, 300, 300, 300] {
        now += seconds(301);
        let (next, effect) = state.failed(&settings, true, now);
        assert_eq!(effect, ejected(time, Why::Probation));
        state = next;
    }
}

#[test]
fn a_success_between_failures_clears_the_count() {
    let (settings, now) = (Settings::default(), Instant::now());
    let (state, effect) = fail(Ejection::default(), 4, now);
    assert_eq!(effect, Effect::None);
    let (_, effect) = fail(state.succeeded(&settings, now), 4, now);
    assert_eq!(effect, Effect::None);
}

#[test]
fn late_results_while_out_change_nothing() {
    let (settings, now) = (Settings::default(), Instant::now());
    let (state, _) = fail(Ejection::default(), 5, now);
    assert_eq!(state.succeeded(&settings, now + seconds(29)), state);
    assert_eq!(state.failed(&settings, true, now + seconds(29)), (state, Effect::None));
}

#[test]
fn a_success_on_probation_ends_it() {
    let (settings, now) = (Settings::default(), Instant::now());
    let (state, _) = fail(Ejection::default(), 5, now);
    let back = now + seconds(30);
    let (state, effect) = fail(state.succeeded(&settings, back), 4, back);
    assert_eq!(effect, Effect::None, "it takes five in a row again");
    assert_eq!(state.failed(&settings, true, back).1, ejected(60, Why::Errors));
}

#[test]
fn an_endpoint_that_flaps_is_out_for_longer_each_time() {
    // It answers a few calls after each return and then fails again: a restart loop.
    let (settings, mut now, mut state) = (Settings::default(), Instant::now(), Ejection::default());
    let mut times = Vec::new();
    for _ in 0..6 {
        for _ in 0..3 {
            state = state.succeeded(&settings, now);
            now += seconds(1);
        }
        let (next, effect) = fail(state, 5, now);
        let Effect::Ejected { time, .. } = effect else { panic!("it is put out") };
        times.push(time.as_secs());
        (state, now) = (next, now + time);
    }
    assert_eq!(times, [30, 60, 120, 240, 300, 300]);
}

#[test]
fn one_ejection_is_forgotten_for_each_base_time_without_failure() {
    let (settings, mut now, mut state) = (Settings::default(), Instant::now(), Ejection::default());
    for _ in 0..4 {
        let times = if state.ejections() == 0 { 5 } else { 1 };
        (state, _) = fail(state, times, now);
        now += seconds(300);
    }
    assert_eq!(state.ejections(), 4);
    let after =
        |calm: u64| (0..=calm).fold(state, |state, second| state.succeeded(&settings, now + seconds(second)));
    assert_eq!(after(29).ejections(), 4);
    assert_eq!(after(30).ejections(), 3);
    assert_eq!(after(60).ejections(), 2);
    assert_eq!(after(10_000).ejections(), 0);
    // A failure begins the calm anew, though it is not enough to put it out.
    let (state, _) = after(29).failed(&settings, true, now + seconds(29));
    assert_eq!(state.succeeded(&settings, now + seconds(58)).ejections(), 4);
    // And a long silence with a success at both ends counts in full.
    assert_eq!(after(0).succeeded(&settings, now + seconds(65)).ejections(), 2);
}

#[test]
fn too_few_successes_put_it_out_though_failures_never_come_in_a_row() {
    let rate = Rate::new(9_000, 20, seconds(10)).unwrap();
    let settings = Settings::default().with_rate(rate);
    let start = Instant::now();
    // Every other call fails, ten a second.
    let mut state = Ejection::default();
    let first = (0..200_u32).find_map(|call| {
        let now = start + Duration::from_millis(100) * call;
        if call % 2 == 0 {
            state = state.succeeded(&settings, now);
            return None;
        }
        let (next, effect) = state.failed(&settings, true, now);
        state = next;
        (effect != Effect::None).then_some((call + 1, effect))
    });
    assert_eq!(first, Some((20, ejected(30, Why::Rate))));
    // What it did before does not count against it when it is back.
    let back = start + seconds(40);
    let (_, effect) = state.succeeded(&settings, back).failed(&settings, true, back);
    assert_eq!(effect, Effect::None);
}

/// Whether every other call failing, so many calls a second, ever breaks the rule.
fn half_is_ejected(rate: Rate, per_second: u32) -> bool {
    let settings = Settings::default().with_rate(rate);
    let (start, mut state) = (Instant::now(), Ejection::default());
    (0..1_000_u32).any(|call| {
        let now = start + seconds(1) / per_second * call;
        let (next, effect) = match call % 2 {
            0 => (state.succeeded(&settings, now), Effect::None),
            _ => state.failed(&settings, true, now),
        };
        state = next;
        effect != Effect::None
    })
}

#[test]
fn a_rate_that_is_kept_or_rests_on_too_few_calls_puts_nobody_out() {
    let rate = |below, at_least| Rate::new(below, at_least, seconds(10)).unwrap();
    assert!(half_is_ejected(rate(5_001, 20), 10));
    assert!(!half_is_ejected(rate(5_000, 20), 10), "half is not below half");
    assert!(half_is_ejected(rate(9_999, 10), 1), "ten calls in ten seconds");
    assert!(!half_is_ejected(rate(9_999, 11), 1), "there are never eleven");
}

#[test]
fn failures_from_before_an_idle_gap_count_for_no_rate() {
    let settings = Settings::new(100, seconds(30), seconds(300)).unwrap();
    let settings = settings.with_rate(Rate::new(9_000, 20, seconds(10)).unwrap());
    let start = Instant::now();
    let after = |gap: u64| {
        let state = (0..19).fold(Ejection::default(), |state, _| state.failed(&settings, true, start).0);
        state.failed(&settings, true, start + seconds(gap)).1
    };
    assert_eq!(after(0), ejected(30, Why::Rate));
    assert_eq!(after(9), ejected(30, Why::Rate), "still in the window");
    assert_eq!(after(10), Effect::None);
    assert_eq!(after(86_400), Effect::None);
}

#[test]
fn it_is_never_put_out_without_others_that_remain_and_is_asked_about_again() {
    let (settings, now, mut state) = (Settings::default(), Instant::now(), Ejection::default());
    for _ in 0..50 {
        let (next, effect) = state.failed(&settings, false, now);
        assert_eq!(effect, Effect::None);
        state = next;
    }
    assert!(!state.is_out(now));
    assert_eq!(state.failed(&settings, true, now).1, ejected(30, Why::Errors));
}

#[test]
fn never_more_than_half_and_at_least_one_stays() {
    for hosts in 0..50_usize {
        let out = (0..).find(|out| !may_eject(hosts, *out)).unwrap();
        assert_eq!(out, hosts / 2, "of {hosts}");
        assert!(hosts == 0 || out < hosts);
        assert!((out..hosts + 5).all(|out| !may_eject(hosts, out)), "nor when more are out already");
    }
    assert!(!may_eject(1, 0), "one host stays");
    assert!(may_eject(2, 0) && !may_eject(2, 1), "of two, one stays");
}

/// Asks hosts in turn for a minute, a hundred calls a second. Says how many were ever out at once.
fn most_out(is_good: &[bool]) -> usize {
    let (settings, start) = (Settings::default(), Instant::now());
    let mut hosts = vec![Ejection::default(); is_good.len()];
    let mut most = 0;
    for call in 0..6_000_u32 {
        let now = start + Duration::from_millis(10) * call;
        let out = hosts.iter().filter(|host| host.is_out(now)).count();
        most = most.max(out);
        let asked =
            (0..hosts.len()).map(|at| (at + call as usize) % hosts.len()).find(|at| !hosts[*at].is_out(now));
        let at = asked.expect("somebody is always in");
        hosts[at] = if is_good[at] {
            hosts[at].succeeded(&settings, now)
        } else {
            hosts[at].failed(&settings, may_eject(hosts.len(), out), now).0
        };
    }
    most
}

#[test]
fn all_bad_leaves_half_of_them_in() {
    assert_eq!(most_out(&[false]), 0);
    assert_eq!(most_out(&[false; 2]), 1);
    assert_eq!(most_out(&[false; 3]), 1);
    assert_eq!(most_out(&[false; 10]), 5);
}

#[test]
fn the_bad_ones_of_many_are_out_and_nobody_else() {
    assert_eq!(most_out(&[true; 4]), 0);
    assert_eq!(most_out(&[true, false, true, true]), 1);
    assert_eq!(most_out(&[true, false, false, true]), 2);
    assert_eq!(most_out(&[true, false]), 1);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let (base, max) = (seconds(30), seconds(300));
    for error in [
        Settings::new(0, base, max).unwrap_err(),
        Settings::new(5, Duration::ZERO, max).unwrap_err(),
        Settings::new(5, base, seconds(29)).unwrap_err(),
        Settings::new(5, base, seconds(86_401)).unwrap_err(),
        Rate::new(0, 20, base).unwrap_err(),
        Rate::new(10_000, 20, base).unwrap_err(),
        Rate::new(9_000, 0, base).unwrap_err(),
        Rate::new(9_000, 20, Duration::ZERO).unwrap_err(),
        Rate::new(9_000, 20, seconds(3_601)).unwrap_err(),
    ] {
        assert!(error.to_string().contains("choose"), "it says what to do: {error}");
    }
    assert_eq!(Settings::new(5, base, max), Ok(Settings::default()));
}

proptest! {
    #[test]
    fn whatever_happens_it_is_out_for_base_to_max_and_comes_back(
        seed: u64,
        rate in proptest::option::of((1_u16..10_000, 1_u32..50, 1_u64..30)),
        good in 0.0_f64..1.0,
    ) {
        let (dice, mut now) = (Dice::seeded(seed), Instant::now());
        let mut settings = Settings::new(3, seconds(2), seconds(15)).unwrap();
        if let Some((below, at_least, within)) = rate {
            settings = settings.with_rate(Rate::new(below, at_least, seconds(within)).unwrap());
        }
        let mut state = Ejection::default();
        for _ in 0..500 {
            now += dice.up_to(seconds(1));
            let was_out = state.out_until(now);
            let (next, effect) = match dice.share() < good {
                true => (state.succeeded(&settings, now), Effect::None),
                false => state.failed(&settings, dice.share() < 0.8, now),
            };
            match effect {
                Effect::Ejected { time, .. } => {
                    prop_assert!(was_out.is_none() && (seconds(2)..=seconds(15)).contains(&time));
                    prop_assert_eq!(next.out_until(now), Some(now + time));
                }
                Effect::None => prop_assert_eq!(next.out_until(now), was_out),
            }
            state = next;
        }
        prop_assert!(!state.is_out(now + seconds(15)));
    }
}
