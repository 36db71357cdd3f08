//! `banyan unit`: see and move units on a running gateway.

use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::{Value, json};

use crate::{
    admin::Admin,
    cli::{Change, Remote, UnitAction},
};

/// Does it.
pub(crate) fn run(action: UnitAction) -> Result<()> {
    match action {
        UnitAction::List(remote) => list(&remote),
        UnitAction::Show { name, remote } => show(&name, &remote),
        UnitAction::History { name, remote } => history(&name, &remote),
        UnitAction::Set { name, percent, change } => {
            let body = json!({ "percent": percent.to_string(), "why": change.why, "by": change.by });
            let unit = Admin::find(&change.remote)?.send("PUT", &path(&name), &body)?;
            print_change(&change, &unit)
        }
        UnitAction::Hold { name, change } => step(&name, "hold", &change),
        UnitAction::Release { name, change } => step(&name, "release", &change),
        UnitAction::Back { name, change } => step(&name, "back", &change),
        UnitAction::Reset { name, change } => step(&name, "reset", &change),
    }
}

fn path(name: &str) -> String {
    format!("/v1/units/{name}")
}

fn step(name: &str, step: &str, change: &Change) -> Result<()> {
    let body = json!({ "why": change.why, "by": change.by });
    let unit = Admin::find(&change.remote)?.send("POST", &format!("{}/{step}", path(name)), &body)?;
    print_change(change, &unit)
}

fn print_change(change: &Change, unit: &Value) -> Result<()> {
    if change.remote.json {
        return print_json(unit);
    }
    let held = if unit["held"] == true { ", held" } else { "" };
    println!("{} is at {}{held}", text(&unit["name"]), text(&unit["percent"]));
    Ok(())
}

fn list(remote: &Remote) -> Result<()> {
    let units = Admin::find(remote)?.get("/v1/units")?;
    if remote.json {
        return print_json(&units);
    }
    let mut table = table(["UNIT", "SHARE", "LEGACY", "REPLACEMENT", "FALLBACKS", "MATCH", "NOTE"]);
    for unit in units.as_array().into_iter().flatten() {
        let counts = &unit["counts"];
        let note = if unit["held"] == true { "held" } else { "" };
        table.add_row([
            text(&unit["name"]),
            text(&unit["percent"]),
            text(&counts["legacy"]),
            text(&counts["replacement"]),
            text(&counts["fallback"]),
            rate(&counts["match_rate"]),
            note.to_owned(),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn show(name: &str, remote: &Remote) -> Result<()> {
    let admin = Admin::find(remote)?;
    let unit = admin.get(&path(name))?;
    let shadow = admin.get(&format!("{}/shadow", path(name)))?;
    if remote.json {
        return print_json(&json!({ "unit": unit, "shadow": shadow }));
    }
    let counts = &unit["counts"];
    println!("{}  {} -> {}", text(&unit["name"]), text(&unit["legacy"]), text(&unit["replacement"]));
    println!("  share       {} ({})", text(&unit["percent"]), decided_by(&unit));
    if unit["held"] == true {
        println!("  held        yes: 'banyan unit release {name}' lets it move again");
    }
    println!(
        "  requests    {} legacy, {} replacement, of which {} failed there and legacy answered",
        text(&counts["legacy"]),
        text(&counts["replacement"]),
        text(&counts["fallback"])
    );
    println!(
        "  shadow      {} match, {} differ ({} match), {}",
        text(&shadow["matched"]),
        text(&shadow["mismatched"]),
        rate(&shadow["match_rate"]),
        dropped(&shadow["dropped"])
    );
    if let Some(why) = shadow["paused"].as_str() {
        println!("              {why}");
    }
    for path in shadow["paths"].as_array().into_iter().flatten() {
        println!("    {} differed {} times", text(&path["path"]), text(&path["count"]));
        for sample in path["samples"].as_array().into_iter().flatten() {
            println!(
                "      {}: {} against {}  trace {}",
                text(&sample["route"]),
                text(&sample["control"]),
                text(&sample["candidate"]),
                text(&sample["trace_id"])
            );
        }
    }
    Ok(())
}

fn decided_by(unit: &Value) -> String {
    if unit["decided_by"] == "config" {
        return "by the config".to_owned();
    }
    let why = unit["why"].as_str().filter(|why| !why.is_empty());
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    format!(
        "set by {} at {}{why}; the config says {}",
        text(&unit["by"]),
        text(&unit["at"]),
        text(&unit["configured"])
    )
}

fn dropped(dropped: &Value) -> String {
    let reasons = dropped.as_object().into_iter().flatten();
    let reasons: Vec<_> = reasons
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(reason, count)| format!("{count} {}", reason.replace('_', " ")))
        .collect();
    if reasons.is_empty() { "none dropped".to_owned() } else { format!("dropped: {}", reasons.join(", ")) }
}

fn history(name: &str, remote: &Remote) -> Result<()> {
    let entries = Admin::find(remote)?.get(&format!("{}/history", path(name)))?;
    if remote.json {
        return print_json(&entries);
    }
    let mut table = table(["VERSION", "AT", "STEP", "SHARE", "BY", "WHY"]);
    for entry in entries.as_array().into_iter().flatten() {
        let [version, at, percent, by, why] =
            ["version", "at", "percent", "by", "why"].map(|key| text(&entry[key]));
        table.add_row([version, at, step_of(entry), percent, by, why]);
    }
    println!("{table}");
    Ok(())
}

/// What a step of the history did. An entry says where the unit stands after it, and whether it is held there.
fn step_of(entry: &Value) -> String {
    let step = text(&entry["step"]);
    if entry["held"] == true { format!("{step}, held") } else { step }
}

/// A table without lines, as wide as it needs.
pub(crate) fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head);
    table
}

/// A value as people read it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn rate(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |rate| format!("{:.1}%", rate * 100.0))
}

/// What the API gave, indented.
pub(crate) fn print_json(value: &Value) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_tells_a_hold_from_a_move() {
        assert_eq!(step_of(&json!({ "step": "set", "percent": "5%", "held": false })), "set");
        assert_eq!(step_of(&json!({ "step": "set", "percent": "5%", "held": true })), "set, held");
        assert_eq!(step_of(&json!({ "step": "reset", "percent": null, "held": false })), "reset");
    }
}
