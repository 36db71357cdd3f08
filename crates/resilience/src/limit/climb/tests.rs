use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A climb and the time. Windows are a second long.
struct Scene {
    climb: Climb,
    now: Instant,
}

impl Scene {
    fn new(start: u32, min: u32, max: u32) -> Self {
        Self { climb: Climb::new(&Settings::adaptive(start, min, max).unwrap()), now: Instant::now() }
    }

    /// One that has been warm and pressed long enough to be no longer in its start.
    fn warm() -> Self {
        let mut scene = Self::new(20, 1, 1_000);
        for _ in 0..20 {
            scene.window(0.010, true);
        }
        assert!(!scene.climb.starting && scene.climb.warming.is_none());
        scene
    }

    /// A window in which as many were in flight as might be.
    fn window(&mut self, round_trip: f64, pressed: bool) -> Effect {
        let level = self.climb.level();
        self.window_of(round_trip, pressed, level)
    }

    fn window_of(&mut self, round_trip: f64, pressed: bool, in_flight: f64) -> Effect {
        self.now += Duration::from_secs(1);
        let summary = Summary {
            now: self.now,
            seconds: 1.0,
            samples: 100.0,
            round_trip,
            variance: 0.0,
            in_flight,
            most: in_flight,
            pressed,
            refusing: pressed,
            wanted: in_flight * 2.0,
        };
        let effect;
        (self.climb, effect) = self.climb.step(&summary);
        effect
    }

    fn level(&self) -> f64 {
        self.climb.level()
    }

    fn overload(&mut self, began: Instant) -> bool {
        let counted;
        (self.climb, counted) = self.climb.congested(true, began, self.now);
        counted
    }
}

fn finding(elasticity: f64) -> Finding {
    Finding { elasticity, error: 0.01, high: 100.0, low: 88.0, round_trip: 0.010, samples: 500.0 }
}

#[test]
fn answers_in_time_let_it_grow_a_little_beyond_what_is_known() {
    let mut scene = Scene::warm();
    let before = scene.level();
    assert_eq!(scene.window(0.010, true), Effect::None);
    assert!(scene.level() > before && scene.level() <= before * REACH, "{before} {}", scene.level());
}

#[test]
fn where_nobody_waits_it_does_not_grow_and_is_forgotten_slowly() {
    let mut scene = Scene::warm();
    let before = scene.level();
    scene.window_of(0.010, false, 2.0);
    assert!(scene.level() <= before && scene.level() >= before * (1.0 - FORGET) - 1e-9);
    for _ in 0..1_000 {
        scene.window_of(0.010, false, 2.0);
    }
    assert!((scene.level() - scene.climb.floor).abs() < 1e-6, "half the start is kept: {}", scene.level());
}

#[test]
fn answers_late_at_a_level_never_known_to_be_good_lead_back_to_what_is_known() {
    let mut scene = Scene::warm();
    let known = scene.climb.known;
    scene.climb = scene.climb.at_level(known * 1.5);
    scene.window(0.020, true);
    assert!((scene.level() - known * ABOVE_KNEE).abs() < 1e-9);
}

#[test]
fn answers_late_at_a_known_level_begin_a_trial_and_lower_nothing() {
    let mut scene = Scene::warm();
    let known = scene.climb.known;
    scene.climb = scene.climb.at_level(known);
    assert_eq!(scene.window(0.020, true), Effect::None, "once may be chance");
    assert_eq!(scene.window(0.020, true), Effect::BeginTrial);
    assert!((scene.level() - known).abs() < 1e-9);
}

#[test]
fn a_trial_that_was_given_up_is_not_begun_again_at_once() {
    let mut scene = Scene::warm();
    scene.climb = scene.climb.at_level(scene.climb.known).found(None, MS, scene.now);
    for _ in 0..4 {
        assert_eq!(scene.window(0.020, true), Effect::None);
    }
    scene.window(0.020, true);
    assert_eq!(scene.window(0.020, true), Effect::BeginTrial);
}

#[test]
fn a_found_knee_is_where_the_limit_goes_and_stays_below() {
    let mut scene = Scene::warm();
    scene.climb = scene.climb.at_level(100.0).found(Some(&finding(1.0)), MS, scene.now);
    // In proportion down to the lower level: the knee is there or below.
    assert!((scene.level() - 88.0 * ABOVE_KNEE).abs() < 1.0, "{}", scene.level());
    let level = scene.level();
    scene.window(0.010, true);
    assert!(scene.level() <= level, "what a trial forbade, only another one may allow");
}

#[test]
fn a_trial_that_shows_that_it_is_not_us_sets_free() {
    let mut scene = Scene::warm();
    scene.climb = scene.climb.at_level(100.0);
    scene.climb.ceiling = 100.0;
    scene.climb = scene.climb.found(Some(&finding(0.0)), MS, scene.now);
    assert!((scene.climb.ceiling - 1_000.0).abs() < 1e-9);
    assert!(scene.level() >= 100.0);
}

#[test]
fn an_overload_takes_a_tenth_once_per_round_trip() {
    let mut scene = Scene::warm();
    let before = scene.level();
    assert!(scene.overload(scene.now));
    assert!((scene.level() - before * AFTER_OVERLOAD).abs() < 1e-9);
    // What began before is news of the same overload.
    let earlier = scene.now - 5 * MS;
    scene.now += 20 * MS;
    assert!(!scene.overload(earlier));
    assert!(scene.overload(scene.now));
    for _ in 0..1_000 {
        scene.now += 20 * MS;
        scene.overload(scene.now);
    }
    assert!((scene.level() - 1.0).abs() < 1e-9, "never below the least");
}

proptest! {
    #[test]
    fn the_level_stays_within_its_bounds_whatever_comes(
        (min, start, max) in (1_u32..50, 0_u32..50, 0_u32..100).prop_map(|(min, a, b)| (min, min + a, min + a + b)),
        steps in proptest::collection::vec((0_u8..8, 0.0_f64..10.0, any::<bool>(), 0.0_f64..1_000.0), 1..100),
    ) {
        let mut scene = Scene::new(start, min, max);
        for (deed, number, flag, in_flight) in steps {
            match deed {
                0 => {
                    scene.overload(scene.now);
                }
                1 => scene.climb = scene.climb.found(Some(&finding(number - 5.0)), MS, scene.now),
                2 => scene.climb = scene.climb.found(None, MS, scene.now),
                _ => {
                    scene.window_of(number, flag, in_flight);
                }
            }
            let level = scene.level();
            prop_assert!((f64::from(min)..=f64::from(max)).contains(&level), "{level}");
        }
    }
}
