//! `banyan rollout`: units that go up by themselves on a running gateway.
mod figures;
mod frame;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use self::frame::Frame;
use super::unit::{print_json, table, text};
use crate::{
    admin::{Admin, encoded},
    cli::{Abort, Change, Remote, RolloutAction},
};

/// Entries of the history below a rollout.
const LAST: usize = 5;

/// Does it.
pub(crate) fn run(action: RolloutAction) -> Result<ExitCode> {
    match action {
        RolloutAction::Watch(how) => return watch::run(&how),
        RolloutAction::List(remote) => list(&remote)?,
        RolloutAction::Show { name, remote } => show(&name, &remote)?,
        RolloutAction::History { name, remote } => history(&name, &remote)?,
        RolloutAction::Start { name, change } => command(&name, "start", &change)?,
        RolloutAction::Pause { name, change } => command(&name, "pause", &change)?,
        RolloutAction::Resume { name, change } => command(&name, "resume", &change)?,
        RolloutAction::Promote { name, change } => command(&name, "promote", &change)?,
        RolloutAction::Abort(abort) => self::abort(&abort)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn path(name: &str) -> String {
    format!("/v1/rollouts/{}", encoded(name))
}

fn command(name: &str, command: &str, change: &Change) -> Result<()> {
    let body = json!({ "why": change.why, "by": change.by });
    let rollout = Admin::find(&change.remote)?.send("POST", &format!("{}/{command}", path(name)), &body)?;
    print_change(&change.remote, &rollout)
}

fn abort(abort: &Abort) -> Result<()> {
    let Abort { name, force, change } = abort;
    let body = json!({ "why": change.why, "by": change.by, "force": force });
    let rollout = Admin::find(&change.remote)?.send("POST", &format!("{}/abort", path(name)), &body)?;
    print_change(&change.remote, &rollout)
}

fn print_change(remote: &Remote, rollout: &Value) -> Result<()> {
    if remote.json {
        return print_json(rollout);
    }
    println!("{}", frame::headline(rollout));
    Ok(())
}

fn list(remote: &Remote) -> Result<()> {
    let rollouts = Admin::find(remote)?.get("/v1/rollouts")?;
    if remote.json {
        return print_json(&rollouts);
    }
    if rollouts.as_array().is_none_or(Vec::is_empty) {
        println!("no unit has a 'rollout' in the config");
        return Ok(());
    }
    let mut table = table(["UNIT", "PHASE", "SHARE", "STAGE", "TIME LEFT", "NOTE"]);
    for rollout in rollouts.as_array().into_iter().flatten() {
        table.add_row([
            text(&rollout["unit"]),
            text(&rollout["phase"]),
            text(&rollout["percent"]),
            frame::stage(rollout),
            frame::left(rollout).unwrap_or_default(),
            frame::note(rollout).unwrap_or_default(),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn show(name: &str, remote: &Remote) -> Result<()> {
    let frame = Frame::ask(&Admin::find(remote)?, name)?;
    if remote.json {
        return print_json(&frame.rollout);
    }
    println!("{}", frame.text().join("\n"));
    Ok(())
}

fn history(name: &str, remote: &Remote) -> Result<()> {
    let entries = Admin::find(remote)?.get(&format!("{}/history", path(name)))?;
    if remote.json {
        return print_json(&entries);
    }
    let mut table = table(["VERSION", "AT", "STEP", "SHARE", "BY", "WHY"]);
    for entry in entries.as_array().into_iter().flatten() {
        table.add_row(["version", "at", "what", "percent", "by", "why"].map(|key| text(&entry[key])));
    }
    println!("{table}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_the_path_whatever_is_typed() {
        assert_eq!(path("articles"), "/v1/rollouts/articles");
        assert_eq!(path("articles/abort?x="), "/v1/rollouts/articles%2Fabort%3Fx%3D");
        assert_eq!(path("a b"), "/v1/rollouts/a%20b");
    }
}
