//! The judge against made-up traffic with few seeds: `cargo xtask bench rollout` plays the same at length.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::time::Duration;

use banyan_rollout::{
    Judge, Millis, Plan, Settings, Side, Sides, Verdict,
    judge::{Compared, Contents, Count, Observation, RouteIndex, Scope},
};

const START: Millis = Millis(1_700_000_000_000);

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn chance(&mut self, of: f64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let share = (self.number() >> 11) as f64 / (1_u64 << 53) as f64;
        share < of
    }
}

/// A thousand requests a second at a 1 % stage.
struct World {
    dice: Dice,
    judge: Judge,
    plan: Plan,
    /// How often each side fails.
    errors: Sides<f64>,
    /// How often the candidate takes twice as long.
    slow: f64,
    /// How many requests are asked of both.
    shadow: f64,
    requests: u64,
    candidates: u64,
}

impl World {
    fn new(seed: u64, candidate: f64, control: f64) -> Self {
        let scope = Scope { epoch: 1, lap: 1, percent: "1%".parse().unwrap(), began: START };
        Self {
            dice: Dice(Dice(seed).number()),
            judge: Judge::new(scope, ["/list", "/item"], START),
            plan: Plan::new(Settings::default()).unwrap(),
            errors: Sides { candidate, control },
            slow: 0.0,
            shadow: 0.0,
            requests: 0,
            candidates: 0,
        }
    }

    /// One more request; whether the candidate counts as worse since.
    fn turns(&mut self) -> bool {
        let now = START.after(Duration::from_millis(self.requests));
        self.requests += 1;
        self.judge.tick(now);
        let subject = self.dice.number() % 10_000;
        let side = if subject < 100 { Side::Candidate } else { Side::Control };
        self.candidates += u64::from(side == Side::Candidate);
        let route = RouteIndex(u16::from(self.dice.chance(0.3)));
        let compared = self.dice.chance(self.shadow);
        let usual = 1_000 + self.dice.number() % 1_000;
        let slow = side == Side::Candidate && self.dice.chance(self.slow);
        let failed = self.dice.chance(*self.errors.of(side));
        let latency_us = if slow { usual * 2 } else { usual };
        let seen = Observation { route, side, failed, latency_us, degraded: false, compared, subject };
        let mut noted = self.judge.observe(&seen, now);
        if compared {
            let mut answers = Sides {
                candidate: Count::one(self.dice.chance(self.errors.candidate)),
                control: Count::one(self.dice.chance(self.errors.control)),
            };
            let again = if side == Side::Candidate { &mut answers.candidate } else { &mut answers.control };
            *again = Count { failures: again.failures + u64::from(failed), of: 2 };
            let contents = Some(Contents::default());
            let shadow = self.judge.compare(&Compared { route, answers, contents, subject }, now);
            noted = if noted.is_empty() { shadow } else { noted };
        }
        !noted.is_empty() && self.judge.verdict(&self.plan) != Verdict::Fine
    }

    fn until_worse(&mut self, most: u64) -> bool {
        (0..most).any(|_| self.turns())
    }
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

/// The candidate's requests until it is found out, by the median of some seeds.
fn requests_until_worse(candidate: f64, seeds: u64) -> u64 {
    let found = (1..=seeds).map(|seed| {
        let mut world = World::new(seed, candidate, 0.001);
        assert!(world.until_worse(1_000_000), "{seed}: never");
        world.candidates
    });
    median(found.collect())
}

#[test]
fn a_candidate_that_fails_a_fifth_is_found_within_twenty_requests() {
    assert!(requests_until_worse(0.20, 61) <= 20);
}

#[test]
fn a_candidate_that_fails_a_twentieth_is_found_within_ninety_requests() {
    assert!(requests_until_worse(0.05, 61) <= 90);
}

#[test]
fn a_candidate_that_fails_a_fiftieth_is_found_within_three_hundred_requests() {
    assert!(requests_until_worse(0.02, 41) <= 300);
}

#[test]
fn a_shadow_finds_a_tenfold_difference_within_a_minute() {
    for seed in 1..=10 {
        let mut world = World::new(seed, 0.01, 0.001);
        world.shadow = 0.1;
        assert!(world.until_worse(60_000), "{seed}");
    }
}

#[test]
fn a_candidate_that_is_twice_as_slow_now_and_then_is_found() {
    for seed in 1..=3 {
        let mut world = World::new(seed, 0.001, 0.001);
        world.slow = 0.05;
        assert!(world.until_worse(300_000), "{seed}");
    }
}

#[test]
fn a_candidate_that_turns_bad_after_minutes_that_were_well_is_found() {
    let mut world = World::new(1, 0.001, 0.001);
    assert!(!world.until_worse(600_000));
    let before = world.candidates;
    world.errors.candidate = 0.2;
    assert!(world.until_worse(100_000));
    assert!(world.candidates - before <= 80, "{}", world.candidates - before);
}

#[test]
fn equal_sides_are_left_alone() {
    for seed in 1..=4 {
        let mut world = World::new(seed, 0.01, 0.01);
        world.shadow = 0.1;
        assert!(!world.until_worse(150_000), "{seed}");
    }
}
