//! Both bounds, on two servers full of noise: every fault is found, and noise is not taken for one.

mod world;

use std::collections::BTreeSet;

use banyan_compare::{
    Noise, Spot,
    noise::{FALSE_ALARMS, THRESHOLD, e_value},
};
use world::{Dice, World};

/// Spots reported after so many triples.
fn reported(mut world: World, triples: u64) -> BTreeSet<Spot> {
    let mut noise = Noise::default();
    for at in 0..triples {
        noise.observe(&world.triple(), at);
    }
    noise.differs().into_iter().map(|differs| differs.spot).collect()
}

#[test]
fn every_fault_in_half_a_percent_of_answers_is_found_within_ten_thousand() {
    let faults: BTreeSet<Spot> = World::faults().into_iter().collect();
    assert_eq!(reported(World::new(1, 6, 0.005), 10_000), faults);
}

#[test]
fn faults_in_five_percent_of_answers_are_found_within_a_thousand() {
    for seed in 10..14 {
        let faults: BTreeSet<Spot> = World::faults().into_iter().collect();
        assert_eq!(reported(World::new(seed, 36, 0.05), 1_000), faults, "seed {seed}");
    }
}

#[test]
fn a_candidate_that_is_as_noisy_as_the_control_is_not_reported() {
    for seed in 20..23 {
        assert_eq!(reported(World::new(seed, 120, 0.0), 500), BTreeSet::new(), "seed {seed}");
    }
}

/// The bound itself, on the counts alone: fair coins, looked at after every toss.
#[test]
fn noise_is_reported_once_in_a_thousand_paths_at_most_however_often_one_looks() {
    let (paths, tosses) = (4_000, 1_000);
    let mut dice = Dice(7);
    let alarms = (0..paths).filter(|_| {
        let (mut heads, mut tails) = (0, 0);
        (0..tosses).any(|_| {
            let head = dice.number() & 1 == 0;
            *(if head { &mut heads } else { &mut tails }) += 1;
            head && heads > tails && e_value(heads, tails) >= THRESHOLD
        })
    });
    assert!(alarms.count() as f64 <= FALSE_ALARMS * f64::from(paths));
}

#[test]
fn the_verdict_on_whole_answers_is_even_without_faults_and_shows_their_rate_with_them() {
    let count = |rate| {
        let (mut world, mut noise) = (World::new(30, 60, rate), Noise::default());
        let mismatches: Vec<_> = (0..1_500).filter_map(|at| noise.observe(&world.triple(), at)).collect();
        // Spots need a while to be known as noisy.
        let settled = &mismatches[500..];
        let candidate = settled.iter().filter(|one| one.candidate_only && !one.control_only).count();
        let control = settled.iter().filter(|one| one.control_only && !one.candidate_only).count();
        (candidate, control)
    };
    let (candidate, control) = count(0.0);
    assert!(candidate.abs_diff(control) < 30 && candidate + control < 100, "{candidate} {control}");
    // Seven faults at 2 % each: 13 % of answers.
    let (candidate, control) = count(0.02);
    assert!(candidate > 90 && control < 50, "{candidate} {control}");
}

#[test]
fn a_report_says_since_when_and_how_often() {
    let (mut world, mut noise) = (World::new(40, 6, 0.0), Noise::default());
    let mut faulty = World::new(41, 6, 0.2);
    for at in 0..1000 {
        noise.observe(&if at < 500 { world.triple() } else { faulty.triple() }, at);
    }
    let differs = noise.differs();
    assert_eq!(differs.len(), World::faults().len());
    for one in &differs {
        assert!((500..600).contains(&one.since), "{one:?}");
        // 20 % of the second half.
        assert!((0.06..0.14).contains(&one.rate), "{one:?}");
        assert!(one.e_value >= THRESHOLD);
    }
}
