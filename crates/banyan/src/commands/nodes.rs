//! `banyan nodes`: who shares the store of a running gateway, and whether all run the same.

use anyhow::Result;
use serde_json::Value;

use super::{
    span,
    unit::{print_json, table, text},
};
use crate::{admin::Admin, cli::Remote};

/// Characters of a fingerprint that are shown.
const SHOWN: usize = 12;

/// Every node in a table; those that differ are marked.
pub(crate) fn run(remote: &Remote) -> Result<()> {
    let nodes = Admin::find(remote)?.get("/v1/nodes")?;
    if remote.json {
        return print_json(&nodes);
    }
    let mut table = table(["NODE", "ADDRESS", "VERSION", "CONFIG", "GENERATION", "LAST SEEN", "NOTE"]);
    for node in nodes["nodes"].as_array().into_iter().flatten() {
        let config = text(&node["config_fingerprint"]);
        table.add_row([
            text(&node["name"]),
            text(&node["address"]),
            text(&node["version"]),
            config.get(..SHOWN).unwrap_or(&config).to_owned(),
            text(&node["generation"]),
            node["last_seen_s"].as_f64().map_or_else(|| "-".to_owned(), |ago| format!("{} ago", span(ago))),
            notes(node),
        ]);
    }
    println!("{table}");
    for line in remarks(&nodes) {
        println!("{line}");
    }
    Ok(())
}

fn notes(node: &Value) -> String {
    let mut notes = Vec::new();
    for (key, said) in [("self", "this one"), ("leader", "leads")] {
        if node[key] == true {
            notes.push(said.to_owned());
        }
    }
    if node["alive"] == false {
        notes.push("GONE".to_owned());
    }
    if node["differs"] == true {
        notes.push("DIFFERS".to_owned());
    }
    if let Some(since) = node["cut_off_since"].as_str() {
        notes.push(format!("CUT OFF since {since}"));
    }
    notes.join(", ")
}

/// What stands in the way, below the table.
fn remarks(nodes: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(since) = nodes["cut_off_since"].as_str() {
        lines.push(format!(
            "cut off from the state store since {since}: {}\nthis is what was known then; requests are served as before, \
             and nothing goes up",
            text(&nodes["cut_off_why"])
        ));
    }
    if let Some(differences) = nodes["differences"].as_str() {
        lines.push(format!("no rollout goes up: {differences}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_marked() {
        let node = json!({ "self": true, "leader": true, "alive": true, "differs": false });
        assert_eq!(notes(&node), "this one, leads");
        let node = json!({ "alive": false, "differs": true, "cut_off_since": "T" });
        assert_eq!(notes(&node), "GONE, DIFFERS, CUT OFF since T");
    }

    #[test]
    fn what_stands_in_the_way_is_said_in_words() {
        let nodes = json!({ "differences": "b runs version 2 instead of 1", "cut_off_since": null });
        assert_eq!(remarks(&nodes), ["no rollout goes up: b runs version 2 instead of 1"]);
        let nodes = json!({ "cut_off_since": "T", "cut_off_why": "gone" });
        assert!(remarks(&nodes)[0].starts_with("cut off from the state store since T: gone\n"));
    }
}
