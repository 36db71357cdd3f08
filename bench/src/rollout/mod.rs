//! The judge of rollouts on trial: how soon it sees that a candidate is worse, and how often it sees what is not there.
//!
//! Only the traffic is made up. Judge and machine are those of the gateway (`crates/rollout`), asked after every event as
//! the gateway does. A seed repeats a run to the last request; no clock and no network is involved.

mod runs;
mod scenario;
mod world;

use anyhow::ensure;
use banyan_rollout::{Plan, Settings};
use clap::Args;

use self::scenario::{Effort, Line, SCENARIOS};

/// What to simulate.
#[derive(Args, Clone)]
pub(crate) struct Options {
    /// Runs of each scenario; a tenth of that for those that play hours
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..=1_000_000))]
    runs: u64,
    /// What randomness is drawn from; each run draws from the next number
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Few and short runs: shows that everything works
    #[arg(long, conflicts_with = "runs")]
    quick: bool,
}

impl Options {
    const fn effort(&self) -> Effort {
        if self.quick {
            return Effort { seed: self.seed, runs: 300, long_runs: 5, equal_requests: 50_000 };
        }
        Effort { seed: self.seed, runs: self.runs, long_runs: self.runs / 10, equal_requests: 1_000_000 }
    }
}

/// Plays every scenario and prints the table.
///
/// # Errors
/// When a bar is missed.
pub(crate) fn simulate(options: &Options) -> anyhow::Result<()> {
    let plan = Plan::new(Settings::default())?;
    println!("| what | runs | measured | bar | |");
    println!("|---|---|---|---|---|");
    let mut missed = Vec::new();
    for scenario in SCENARIOS {
        let Line { what, runs, measured, bar, passed } = scenario(&plan, options.effort());
        println!("| {what} | {runs} | {measured} | {bar} | {} |", if passed { "ok" } else { "missed" });
        if !passed {
            missed.push(format!("{what}: {measured} ({bar})"));
        }
    }
    ensure!(missed.is_empty(), "{}", missed.join("\n       "));
    Ok(())
}
