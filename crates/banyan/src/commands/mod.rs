//! The commands, one file each.

mod breaker;
mod cache;
mod chaos;
mod check;
mod demo;
mod diff;
mod explain;
mod flag;
mod nodes;
mod remote;
mod rollout;
mod serve;
mod timeline;
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
    // Whoever reads what a command prints may stop reading (`| head`), which ends the command as it does every other. Those
    // that serve live on: a log that nobody reads any more is no reason to stop.
    if !matches!(cli.command, Command::Serve { .. } | Command::Demo(_)) {
        sigpipe::reset();
    }
    match cli.command {
        Command::Check { config } => return check::run(&config),
        Command::Serve { config, log } => return serve::run(&config, log),
        Command::Explain(what) => return explain::run(&what),
        Command::Demo(how) => return demo::run(&how),
        Command::Rollout { action } => return rollout::run(action),
        Command::Unit { action } => unit::run(action)?,
        Command::Nodes(remote) => nodes::run(&remote)?,
        Command::Flag { action } => flag::run(action)?,
        Command::Diff(how) => diff::run(&how)?,
        Command::Breaker { action } => breaker::run(action)?,
        Command::Chaos { action } => chaos::run(action)?,
        Command::Cache { action } => cache::run(action)?,
        Command::Timeline(how) => timeline::run(&how)?,
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

/// Seconds as people say them: `3.2 s`, `9 min 58 s`, `2 h 5 min`.
fn span(seconds: f64) -> String {
    if seconds < 59.95 {
        return format!("{} s", (seconds.max(0.0) * 10.0).round() / 10.0);
    }
    // Of a duration nothing can be cut off or negative here: the API says at most a day.
    let whole = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes, seconds) {
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_as_fine_as_people_say_them() {
        for (seconds, said) in [
            (0.0, "0 s"),
            (0.04, "0 s"),
            (3.24, "3.2 s"),
            (59.94, "59.9 s"),
            (60.0, "1 min"),
            (598.2, "9 min 58 s"),
            (3600.0, "1 h"),
            (7521.0, "2 h 5 min"),
            (-1.0, "0 s"),
        ] {
            assert_eq!(span(seconds), said);
        }
    }
}
