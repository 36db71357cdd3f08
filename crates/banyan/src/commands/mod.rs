//! The commands, one file each.

mod check;
mod demo;
mod explain;
mod remote;
mod serve;
mod unit;

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::{Cli, Command};

/// Runs a command to its exit code.
///
/// # Errors
/// What people are told on standard error.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Check { config } => return check::run(&config),
        Command::Serve { config, log } => return serve::run(&config, log),
        Command::Explain(what) => return explain::run(&what),
        Command::Demo(how) => return demo::run(&how),
        Command::Unit { action } => unit::run(action)?,
        Command::Upstreams(remote) => remote::upstreams(&remote)?,
        Command::Status(remote) => remote::status(&remote)?,
        Command::Reload(remote) => remote::reload(&remote)?,
        Command::Schema => println!("{}", serde_json::to_string_pretty(&banyan_config::json_schema())?),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "banyan", &mut std::io::stdout());
        }
        Command::Man => clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?,
    }
    Ok(ExitCode::SUCCESS)
}
