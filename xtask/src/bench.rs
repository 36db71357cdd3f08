//! `cargo xtask bench`: builds what is measured as users build it, then hands over to the benchmark program.

use crate::{debian, run::cargo};

/// Runs the benchmark program with `args`.
///
/// # Errors
/// When something cannot be installed or built, or the benchmark fails.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let measures = !args.iter().any(|arg| ["table", "help", "--help", "-h"].contains(&arg.as_str()));
    if measures {
        debian::install(debian::FOR_BENCHMARKS)?;
        cargo(&["build", "--release", "--package", "banyan"])?;
    }
    let mut line = vec!["run", "--quiet", "--release", "--package", "banyan-bench", "--"];
    line.extend(args.iter().map(String::as_str));
    cargo(&line)
}
