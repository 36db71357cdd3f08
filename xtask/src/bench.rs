//! `cargo xtask bench` and `cargo xtask replay`: build what is measured as users build it, then hand over to the benchmark
//! program.

use crate::{debian, run::cargo};

/// Runs the benchmark program with `args`.
///
/// # Errors
/// When something cannot be installed or built, or the benchmark fails.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    // These measure nothing beside anything: they print, or play with the judge alone.
    let needs_nothing =
        |arg: &String| ["table", "--table", "help", "--help", "-h", "rollout"].contains(&arg.as_str());
    if !args.iter().any(needs_nothing) {
        debian::install(debian::FOR_BENCHMARKS)?;
        cargo(&["build", "--release", "--package", "banyan"])?;
    }
    let mut line = vec!["run", "--quiet", "--release", "--package", "banyan-bench", "--"];
    line.extend(args.iter().map(String::as_str));
    cargo(&line)
}

/// Replays the incident with `args`.
///
/// # Errors
/// As [`run`]; the replay also fails when Banyan misses a bar.
pub(crate) fn replay(args: &[String]) -> anyhow::Result<()> {
    run(&[&["replay".to_owned()], args].concat())
}
