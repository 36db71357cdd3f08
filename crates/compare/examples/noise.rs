//! Shows on two servers full of noise what the comparison finds and what it does not take for a fault.
//!
//! Six units with 170 noisy fields each, and lists whose order, timestamps and scores are noise. The candidate has seven
//! faults per unit, each in 0.5, 1 or 5 % of its answers. With `--seed N` other servers.
#![expect(clippy::print_stdout, reason = "a program that prints a table")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    thread,
};

use banyan_compare::{Noise, Spot};
use world::World;

const UNITS: u64 = 6;
const NOISY_FIELDS: usize = 170;
const TRIPLES: u64 = 10_000;
const RATES: [f64; 3] = [0.005, 0.01, 0.05];

/// What comparing one unit gave.
struct Outcome {
    /// After how many triples each reported spot was reported.
    reported: BTreeMap<Spot, u64>,
    /// Paths where the control disagreed with itself.
    noisy: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let seed = match arguments.iter().position(|argument| argument == "--seed") {
        Some(at) => arguments.get(at + 1).and_then(|seed| seed.parse().ok()).unwrap_or(1),
        None => 1,
    };
    println!("{TRIPLES} comparisons each of {UNITS} units, seed {seed}\n");
    println!("faults in   found      comparisons until found        noisy   falsely");
    println!("                       median      last               paths   reported");
    let missed = RATES.into_iter().filter(|&rate| !line(rate, seed)).count();
    if missed > 0 {
        println!("\nA bar was missed: every fault is found, and at most 1 noisy path in 1,000 is reported.");
        std::process::exit(1);
    }
}

/// Prints the line of one rate; whether it keeps both bars.
fn line(rate: f64, seed: u64) -> bool {
    let outcomes = all_units(rate, seed);
    let faults: BTreeSet<Spot> = World::faults().into_iter().collect();
    let (mut soon, mut wrong) = (Vec::new(), 0);
    for (spot, at) in outcomes.iter().flat_map(|outcome| &outcome.reported) {
        if faults.contains(spot) {
            soon.push(*at);
        } else {
            wrong += 1;
        }
    }
    soon.sort_unstable();
    let all = faults.len() * outcomes.len();
    let noisy: usize = outcomes.iter().map(|outcome| outcome.noisy).sum();
    let (median, last) = (soon.get(soon.len() / 2).copied().unwrap_or(0), soon.last().copied().unwrap_or(0));
    let found = format!("{}/{all}", soon.len());
    println!("{:>7} %   {found:<8}   {median:<11} {last:<18} {noisy:<7} {wrong}", rate * 100.0);
    soon.len() == all && wrong * 1000 <= noisy
}

/// Compares the units, as many at a time as there are cores.
fn all_units(rate: f64, seed: u64) -> Vec<Outcome> {
    let (next, outcomes) = (Mutex::new(0..UNITS), Mutex::new(Vec::new()));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let Some(unit) = next.lock().ok().and_then(|mut units| units.next()) else { return };
                    let outcome = unit_of(rate, seed * 1_000_003 + unit);
                    if let Ok(mut all) = outcomes.lock() {
                        all.push(outcome);
                    }
                }
            });
        }
    });
    outcomes.into_inner().unwrap_or_default()
}

fn unit_of(rate: f64, seed: u64) -> Outcome {
    let (mut world, mut noise) = (World::new(seed, NOISY_FIELDS, rate), Noise::default());
    let mut reported = BTreeMap::new();
    for at in 1..=TRIPLES {
        noise.observe(&world.triple(), at);
        // Looking after every comparison costs nothing but time.
        for differs in noise.differs() {
            reported.entry(differs.spot).or_insert(at);
        }
    }
    let disagreed = noise.spots().filter(|(_, tally)| tally.only_control() + tally.both() > 0);
    let noisy = disagreed.map(|(spot, _)| &spot.path).collect::<BTreeSet<_>>().len();
    Outcome { reported, noisy }
}
