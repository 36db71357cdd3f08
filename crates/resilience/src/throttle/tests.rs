use std::{collections::VecDeque, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What one second of a simulated dependency came to.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    sent: u64,
    accepted: u64,
}

/// A service that makes 100 calls a second of a dependency.
struct World {
    throttle: Throttle,
    dice: Dice,
    now: Instant,
}

impl World {
    fn new(settings: Settings) -> Self {
        Self { throttle: Throttle::new(settings), dice: Dice::seeded(5), now: Instant::now() }
    }

    /// Runs for some seconds, in each of which the dependency accepts the first `capacity` calls.
    fn run(&mut self, for_seconds: u64, capacity: u64) -> Vec<Second> {
        (0..for_seconds).map(|_| self.second(capacity)).collect()
    }

    fn second(&mut self, capacity: u64) -> Second {
        let mut second = Second::default();
        for _ in 0..100 {
            self.now += Duration::from_millis(10);
            if self.throttle.admit(self.now, &self.dice).is_ok() {
                let accepted = second.accepted < capacity;
                second.sent += 1;
                second.accepted += u64::from(accepted);
                self.throttle.record(accepted, self.now);
            }
        }
        second
    }
}

fn sent(seconds: &[Second]) -> u64 {
    seconds.iter().map(|second| second.sent).sum()
}

#[test]
fn nothing_is_dropped_while_half_is_accepted() {
    let mut world = World::new(Settings::default());
    assert_eq!(sent(&world.run(600, 50)), 60_000);
    assert_eq!(world.throttle.status(world.now).probability, 0.0);
}

#[test]
fn a_dependency_that_accepts_little_sees_about_twice_what_it_accepts() {
    let mut world = World::new(Settings::default());
    world.run(600, 20);
    let seconds = world.run(600, 20);
    let per_second = sent(&seconds) / 600;
    assert!((36..=44).contains(&per_second), "{per_second} sent per second where 20 are accepted");
    let accepted: u64 = seconds.iter().map(|second| second.accepted).sum();
    assert!(accepted >= 600 * 19, "what it can do is used: {accepted}");
}

#[test]
fn a_tenth_gets_through_to_one_that_accepts_nothing() {
    let mut world = World::new(Settings::default());
    world.run(200, 0);
    let sent = sent(&world.run(600, 0));
    assert!((5_400..6_600).contains(&sent), "{sent} of 60,000");
}

#[test]
fn a_recovery_is_noticed_and_completed_within_two_windows() {
    let mut world = World::new(Settings::default());
    world.run(300, 0);
    let recovery = world.run(240, 100);
    let of = |range: std::ops::Range<usize>| sent(&recovery[range]);
    assert!(of(0..10) < 200, "carefully at first: {}", of(0..10));
    let tens: Vec<_> = (6..20).map(|ten| of(ten * 10..ten * 10 + 10)).collect();
    assert!(tens.windows(4).all(|tens| tens[3] > tens[0]), "more and more: {tens:?}");
    assert!((150..240).contains(&recovery.iter().rposition(|second| second.sent < 100).unwrap()));
    assert_eq!(sent(&world.run(600, 100)), 60_000, "and then everything");
}

#[test]
fn calls_that_take_longer_than_the_window_are_no_refusals() {
    // 100 calls a second that take 30 s each and are all accepted, and a window of 10 s.
    let throttle = Throttle::new(Settings::new(2.0, seconds(10), 0.9).unwrap());
    let (dice, start) = (Dice::seeded(1), Instant::now());
    let mut under_way = VecDeque::new();
    for step in 0..12_000_u32 {
        let now = start + Duration::from_millis(10) * step;
        while under_way.front().is_some_and(|ends| *ends <= now) {
            under_way.pop_front();
            throttle.record(true, now);
        }
        assert_eq!(throttle.admit(now, &dice), Ok(()));
        under_way.push_back(now + seconds(30));
    }
    assert_eq!(throttle.status(start + seconds(120)).probability, 0.0);
}

#[test]
fn slow_refusals_are_noticed_though_they_come_after_the_window() {
    let throttle = Throttle::new(Settings::new(2.0, seconds(10), 0.9).unwrap());
    let (dice, start) = (Dice::seeded(1), Instant::now());
    (0..100).for_each(|_| assert!(throttle.admit(start, &dice).is_ok()));
    (0..100).for_each(|_| throttle.record(false, start + seconds(30)));
    assert_eq!(throttle.status(start + seconds(30)).probability, 0.9);
}

#[test]
fn an_idle_window_forgets_everything() {
    let (throttle, dice, start) = (Throttle::default(), Dice::seeded(1), Instant::now());
    (0..1_000).for_each(|_| throttle.record(false, start));
    let before = throttle.status(start + seconds(114));
    assert_eq!((before.requests, before.accepts), (1_000, 0));
    assert!((0..100).any(|_| throttle.admit(start + seconds(114), &dice).is_err()), "it still holds");
    let (throttle, dice) = (Throttle::default(), Dice::seeded(1));
    (0..1_000).for_each(|_| throttle.record(false, start));
    let after = start + seconds(120);
    assert_eq!(throttle.status(after), Status { requests: 0, accepts: 0, probability: 0.0 });
    assert!((0..1_000).all(|_| throttle.admit(after, &dice).is_ok()));
}

#[test]
fn it_admits_when_it_knows_nothing() {
    let (throttle, dice, now) = (Throttle::default(), Dice::seeded(1), Instant::now());
    assert!((0..1_000).all(|_| throttle.admit(now, &dice).is_ok()));
    assert_eq!(throttle.status(now).requests, 0, "what is under way is no evidence");
}

#[test]
fn a_refusal_counts_as_a_request() {
    let (throttle, dice, now) = (Throttle::default(), Dice::seeded(1), Instant::now());
    (0..50).for_each(|_| throttle.record(false, now));
    let refusals = (0..100).filter(|_| throttle.admit(now, &dice).is_err()).count() as u64;
    assert!(refusals > 70, "{refusals}");
    assert_eq!(throttle.status(now).requests, 50 + refusals);
}

#[test]
fn a_refusal_says_when_to_come_back_and_why() {
    let (throttle, dice, now) = (Throttle::default(), Dice::seeded(1), Instant::now());
    (0..1_000).for_each(|_| throttle.record(false, now));
    let refusal = (0..100).find_map(|_| throttle.admit(now, &dice).err()).unwrap();
    assert!(refusal.retry_after.abs_diff(seconds(10)) < Duration::from_millis(1), "one in ten gets through");
    assert_eq!(
        refusal.to_string(),
        "throttled: 90 % of calls are dropped, as the dependency refuses too many"
    );
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let window = seconds(120);
    for settings in [
        Settings::new(1.0, window, 0.9),
        Settings::new(f64::NAN, window, 0.9),
        Settings::new(f64::INFINITY, window, 0.9),
        Settings::new(2.0, seconds(2), 0.9),
        Settings::new(2.0, Duration::MAX, 0.9),
        Settings::new(2.0, window, 0.0),
        Settings::new(2.0, window, 1.0),
        Settings::new(2.0, window, f64::NAN),
    ] {
        let error = settings.expect_err("it cannot work");
        assert!(error.to_string().contains("choose"), "it says what to do: {error}");
    }
    assert_eq!(Settings::new(2.0, window, 0.9), Ok(Settings::default()));
}

proptest! {
    #[test]
    fn the_probability_is_that_of_the_book_and_within_its_bounds(accepts in 0_u64..10_000, refused in 0_u64..10_000) {
        let (throttle, now) = (Throttle::default(), Instant::now());
        throttle.accepted.add(throttle.ticks.at(now), u32::try_from(accepts).unwrap());
        (0..refused.min(1)).for_each(|_| throttle.record(false, now));
        throttle.turned_away.add(throttle.ticks.at(now), u32::try_from(refused.saturating_sub(1)).unwrap());
        let requests = accepts + refused;
        let book = (requests as f64 - 2.0 * accepts as f64) / (requests as f64 + 1.0);
        let status = throttle.status(now);
        prop_assert_eq!((status.requests, status.accepts), (requests, accepts));
        prop_assert!((status.probability - book.clamp(0.0, 0.9)).abs() < 1e-9);
    }
}
