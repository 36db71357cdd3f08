//! `cargo xtask bench` and `cargo xtask replay`: build what is measured as it should run in production, then hand over to
//! the benchmark program.

use crate::{debian, dist, run::cargo};

/// Runs the benchmark program with `args`.
///
/// # Errors
/// When something cannot be installed or built, or the benchmark fails.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    // These measure nothing beside anything: they print, or play with the judge alone.
    let needs_nothing = |arg: &&str| ["table", "--table", "help", "--help", "-h", "rollout"].contains(arg);
    if args.iter().any(needs_nothing) {
        return cargo(
            &[&["run", "--quiet", "--release", "--package", "banyan-bench", "--"], &*args].concat(),
        );
    }
    debian::install(debian::FOR_BENCHMARKS)?;
    dist::measure(&dist::build()?, &args)
}

/// Replays the incident with `args`.
///
/// # Errors
/// As [`run`]; the replay also fails when Banyan misses a bar.
pub(crate) fn replay(args: &[String]) -> anyhow::Result<()> {
    run(&[&["replay".to_owned()], args].concat())
}
