//! `cargo xtask`: what people who change Banyan run, and what continuous integration runs, are the same commands.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod bench;
mod debian;
mod dist;
mod layers;
mod run;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Banyan's workshop.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need, then check formatting, lints and layers, and run every test
    Test(test::Options),
    /// Build the program as it should run in production, by the profile in `dist/`
    Dist(dist::Options),
    /// Check that the crates of the workspace depend on one another only as they may
    Layers,
    /// Measure Banyan and its peers in one run (`bench --help` says what there is)
    #[command(disable_help_flag = true)]
    Bench {
        /// Passed on to the benchmark program
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Replay an incident with Banyan and its peers (`replay --help` says how)
    #[command(disable_help_flag = true)]
    Replay {
        /// Passed on to the benchmark program
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Dist(options) => dist::make(&options),
        Task::Layers => layers::check_workspace(),
        Task::Bench { args } => bench::run(&args),
        Task::Replay { args } => bench::replay(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
