//! Shedding in front of a dependency with a queue, in simulated time.

use std::{collections::BTreeMap, time::Duration};

use banyan_resilience::{
    Dice,
    shed::{Criticality, Settings, SettingsError, Shedder},
};
use proptest::prelude::*;
use tokio::time::Instant;

/// What a second was like.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    offered: [u32; 4],
    admitted: [u32; 4],
    good: u32,
}

/// A dependency that does `capacity` requests per second behind a queue of at most 100 ms, users who ask it at random, and a
/// shedder in front.
struct Town {
    shedder: Shedder,
    dice: Dice,
    epoch: Instant,
    at: Duration,
    /// When the dependency is through with what it has.
    busy_until: Duration,
    users: u64,
    /// Answers per user: admitted, shed.
    answers: BTreeMap<u64, (u32, u32)>,
}

impl Town {
    fn new() -> Self {
        Self {
            shedder: Shedder::new(Settings::default()),
            dice: Dice::seeded(1),
            epoch: Instant::now(),
            at: Duration::ZERO,
            busy_until: Duration::ZERO,
            users: 1000,
            answers: BTreeMap::new(),
        }
    }

    fn now(&self) -> Instant {
        self.epoch + self.at
    }

    /// A tenth of the requests is critical, two are high, five normal, two low.
    fn criticality(&self) -> Criticality {
        match self.dice.number() % 10 {
            0 => Criticality::Critical,
            1 | 2 => Criticality::High,
            3..=7 => Criticality::Normal,
            _ => Criticality::Low,
        }
    }

    fn request(&mut self, capacity: f64, second: &mut Second) {
        let user = self.dice.number() % self.users;
        let criticality = self.criticality();
        let hash = Dice::seeded(user).number();
        let index = Criticality::ALL.iter().position(|one| *one == criticality).expect("it is one of all");
        second.offered[index] += 1;
        let admitted = self.shedder.admit(criticality, hash, self.now()).is_ok();
        if criticality == Criticality::Normal {
            let answers = self.answers.entry(user).or_default();
            if admitted { answers.0 += 1 } else { answers.1 += 1 }
        }
        if !admitted {
            return;
        }
        second.admitted[index] += 1;
        let wait = self.busy_until.saturating_sub(self.at);
        if wait > Duration::from_millis(100) {
            self.shedder.observe_refusal(self.now());
        } else {
            self.busy_until = self.busy_until.max(self.at) + Duration::from_secs_f64(1.0 / capacity);
            self.shedder.observe_wait(wait, self.now());
            second.good += 1;
        }
    }

    /// Lets seconds pass.
    fn run(&mut self, seconds: u32, rate: u32, capacity: f64) -> Vec<Second> {
        let gap = Duration::from_secs(1) / rate;
        (0..seconds)
            .map(|_| {
                let mut second = Second::default();
                for _ in 0..rate {
                    self.at += gap;
                    self.request(capacity, &mut second);
                }
                second
            })
            .collect()
    }
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

#[test]
fn without_waits_everybody_is_admitted() {
    let mut town = Town::new();
    let seconds = town.run(60, 1000, 5000.0);
    assert!(seconds.iter().all(|second| second.admitted == second.offered));
    assert!(!town.shedder.status().shedding);
}

#[test]
fn under_overload_the_line_settles_and_hardly_swings() {
    let mut town = Town::new();
    let seconds = town.run(60, 1200, 480.0);
    let settled = &seconds[20..];
    let good = mean(settled.iter().map(|second| f64::from(second.good)));
    assert!(good >= 0.95 * 480.0, "shedding must not cost what could be done: {good} of 480");
    let admitted = settled.iter().map(|second| f64::from(second.admitted.iter().sum::<u32>()));
    let middle = mean(admitted.clone());
    let swing = mean(admitted.map(|value| (value - middle).powi(2))).sqrt() / middle;
    assert!(swing < 0.10, "admissions swing by {swing:.3}");
    assert!(
        middle < 1.15 * 480.0,
        "hardly anybody is refused behind the line: {middle} admitted, 480 possible"
    );
}

#[test]
fn what_matters_most_is_shed_last() {
    let mut town = Town::new();
    let seconds = town.run(60, 1200, 480.0);
    for second in &seconds[20..] {
        assert_eq!(second.admitted[0], second.offered[0], "critical requests fit, so all are admitted");
        assert_eq!(second.admitted[1], second.offered[1], "and so do high ones");
        assert_eq!(second.admitted[3], 0, "low ones go first");
    }
}

#[test]
fn users_stay_on_their_side() {
    let mut town = Town::new();
    town.run(20, 1200, 480.0);
    town.answers.clear();
    town.run(20, 1200, 480.0);
    let mixed = town.answers.values().filter(|(admitted, shed)| *admitted > 0 && *shed > 0).count();
    let (inside, outside) = town.answers.values().fold((0, 0), |(inside, outside), (admitted, shed)| {
        (inside + u32::from(*shed == 0), outside + u32::from(*admitted == 0))
    });
    assert!(inside > 100 && outside > 300, "{inside} in, {outside} out");
    assert!(
        mixed * 4 < town.answers.len(),
        "only users near the line change sides: {mixed} of {}",
        town.answers.len()
    );
}

#[test]
fn after_an_hour_other_users_are_shed() {
    let mut town = Town::new();
    town.run(20, 1200, 480.0);
    let shed = |town: &mut Town| -> Vec<bool> {
        town.answers.clear();
        town.run(5, 1200, 480.0);
        (0..town.users)
            .map(|user| town.answers.get(&user).is_some_and(|(admitted, _)| *admitted == 0))
            .collect()
    };
    let before = shed(&mut town);
    for _ in 0..60 {
        town.run(1, 1200, 480.0);
        town.at += Duration::from_secs(60);
        town.busy_until = town.at;
    }
    town.run(30, 1200, 480.0);
    let after = shed(&mut town);
    let changed = before.iter().zip(&after).filter(|(before, after)| **before && !**after).count();
    assert!(changed > 50, "{changed} users who were shed are admitted in the next hour");
}

#[test]
fn when_the_overload_is_over_everybody_is_back_within_ten_seconds() {
    let mut town = Town::new();
    town.run(60, 1200, 400.0);
    assert!(town.shedder.status().shedding);
    let seconds = town.run(10, 1200, 5000.0);
    let last = seconds.last().unwrap();
    assert_eq!(last.admitted, last.offered);
    assert!(!town.shedder.status().shedding);
}

#[test]
fn after_an_idle_gap_the_first_request_is_admitted() {
    let mut town = Town::new();
    town.run(30, 1200, 300.0);
    let shed = |town: &Town| town.shedder.admit(Criticality::Low, 7, town.now()).is_err();
    assert!(shed(&town));
    town.at += Duration::from_secs(60);
    assert!(!shed(&town), "nobody waits any more");
}

#[test]
fn one_slow_second_sheds_nobody_at_once() {
    let shedder = Shedder::new(Settings::default());
    let now = Instant::now();
    for request in 0..1000_u64 {
        let now = now + Duration::from_millis(request);
        assert!(shedder.admit(Criticality::Low, request << 50, now).is_ok());
        shedder.observe_wait(Duration::from_millis(19), now);
    }
    assert!(!shedder.status().shedding, "19 ms of waiting are no overload");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let settings = Settings::default();
    assert_eq!(settings.with_wait(Duration::ZERO), Err(SettingsError::Wait(Duration::ZERO)));
    assert_eq!(settings.with_window(5, Duration::from_secs(1)), Err(SettingsError::Requests(5)));
    assert_eq!(settings.with_window(50, Duration::ZERO), Err(SettingsError::Within(Duration::ZERO)));
    assert_eq!(settings.with_steps(0.6, 0.01), Err(SettingsError::Step(0.6)));
    assert!(settings.with_steps(f64::NAN, 0.01).is_err());
}

#[test]
fn criticalities_are_ordered_and_read_back_what_they_print() {
    assert!(Criticality::ALL.is_sorted());
    for criticality in Criticality::ALL {
        assert_eq!(criticality.to_string().parse(), Ok(criticality));
    }
    assert_eq!(
        "vital".parse::<Criticality>().unwrap_err().to_string(),
        "'vital' is no criticality: use critical, high, normal or low"
    );
}

proptest! {
    /// Whatever happens, whoever matters more is not shed before whoever matters less.
    #[test]
    fn the_line_never_turns_the_order_round(
        waits in prop::collection::vec((0u64..200, 0u64..3000), 1..200),
        hash in any::<u64>(),
    ) {
        let shedder = Shedder::new(Settings::default().with_window(10, Duration::from_millis(100)).unwrap());
        let mut now = Instant::now();
        for (wait, pause) in waits {
            now += Duration::from_millis(pause);
            let answers = Criticality::ALL.map(|criticality| shedder.admit(criticality, hash, now).is_ok());
            prop_assert!(answers.is_sorted_by(|more, less| more >= less), "{answers:?}");
            for _ in 0..10 {
                shedder.observe_wait(Duration::from_millis(wait), now);
            }
        }
    }
}
