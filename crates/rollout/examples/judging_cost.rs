//! What judging costs: `cargo run --release -p banyan-rollout --example judging_cost`.
#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]

use std::{hint::black_box, time::Instant};

use banyan_rollout::{
    Judge, Millis, Plan, Settings, Side,
    judge::{Observation, RouteIndex, Scope},
};

const ANSWERS: u32 = 10_000_000;
const VERDICTS: u32 = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scope = Scope { epoch: 1, lap: 1, percent: "1%".parse()?, began: Millis(0) };
    let names: Vec<String> = (0..64).map(|route| format!("/{route}")).collect();
    let mut judge = Judge::new(scope, names, Millis(0));
    for (what, failing) in [("well", u32::MAX), ("one in a hundred failing", 100), ("all failing", 1)] {
        let begun = Instant::now();
        for n in 0..ANSWERS {
            // A multiplicative hash spreads routes, sides and latencies.
            let mixed = n.wrapping_mul(2_654_435_761);
            let seen = Observation {
                route: RouteIndex(u16::try_from(mixed >> 26)?),
                side: if mixed % 101 == 0 { Side::Candidate } else { Side::Control },
                failed: n % failing == failing - 1,
                latency_us: u64::from(mixed >> 16),
                degraded: false,
                compared: false,
                subject: u64::from(mixed),
            };
            black_box(judge.observe(&seen, Millis(u64::from(n / 1_000))));
        }
        println!("an answer, {what}: {:.0} ns", begun.elapsed().as_secs_f64() * 1e9 / f64::from(ANSWERS));
    }
    let plan = Plan::new(Settings::default())?;
    let begun = Instant::now();
    for _ in 0..VERDICTS {
        black_box(judge.verdict(&plan));
    }
    println!("a verdict, 64 routes: {:.0} us", begun.elapsed().as_secs_f64() * 1e6 / f64::from(VERDICTS));
    Ok(())
}
