//! `cargo xtask test`: everything that must hold before a change goes in.

use clap::Args;

use crate::{
    debian, layers,
    run::{cargo, find_program},
};

/// What of the tests to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave out the end-to-end tests, which drive the real binary and third-party servers
    #[arg(long)]
    only_unit: bool,
    /// Run only the tests that these match (names, or arguments of the test runner); skips formatting, lints and
    /// layers
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    filters: Vec<String>,
}

/// The crate whose tests are left out by `--only-unit`.
const END_TO_END: &str = "banyan-e2e";

/// Runs what `options` ask for, in the order that fails soonest.
///
/// # Errors
/// At the first step that fails.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if !options.only_unit {
        debian::install(debian::FOR_TESTS)?;
    }
    if options.filters.is_empty() {
        cargo(&["fmt", "--all", "--check"])?;
        layers::check_workspace()?;
        cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    }
    tests(options)
}

fn tests(options: &Options) -> anyhow::Result<()> {
    let mut scope = vec!["--workspace"];
    if options.only_unit {
        scope.extend(["--exclude", END_TO_END]);
    } else {
        // End-to-end tests start target/debug/banyan. Building every target at once resolves features the way the
        // test build does, so that no dependency is built twice.
        cargo(&["build", "--workspace", "--all-targets"])?;
    }
    let filters = options.filters.iter().map(String::as_str);
    if find_program("cargo-nextest").is_some() {
        let mut args = vec!["nextest", "run", "--no-tests=pass"];
        args.extend(scope.iter().copied().chain(filters));
        cargo(&args)?;
        if !options.filters.is_empty() {
            return Ok(());
        }
        // nextest does not run doctests.
        let mut args = vec!["test", "--doc"];
        args.extend(scope);
        cargo(&args)
    } else {
        let mut args = vec!["test"];
        args.extend(scope.iter().copied().chain(filters));
        cargo(&args)
    }
}
