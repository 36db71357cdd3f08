//! `banyan flag`: see, set and ask flags on a running gateway.

use std::{
    fs,
    io::{IsTerminal as _, Read as _, Write as _, stderr, stdin},
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use super::unit::{print_json, table, text};
use crate::{
    admin::{Admin, encoded, with_query},
    cli::{Change, EvaluateFlag, FlagAction, Remote, SetFlag},
};

/// Does it.
pub(crate) fn run(action: FlagAction) -> Result<()> {
    match action {
        FlagAction::List(remote) => list(&remote),
        FlagAction::Show { key, remote } => show(&key, &remote),
        FlagAction::Set(order) => set(&order),
        FlagAction::Enable { key, change } => step(&key, "enable", &change),
        FlagAction::Disable { key, change } => step(&key, "disable", &change),
        FlagAction::Reset { key, change } => step(&key, "reset", &change),
        FlagAction::Retire { key, yes, change } => retire(&key, yes, &change),
        FlagAction::History { key, remote } => history(&key, &remote),
        FlagAction::Evaluate(question) => evaluate(&question),
    }
}

fn path(key: &str) -> String {
    format!("/v1/flags/{}", encoded(key))
}

fn list(remote: &Remote) -> Result<()> {
    let flags = Admin::find(remote)?.get("/v1/flags")?;
    if remote.json {
        return print_json(&flags);
    }
    let mut table = table(["FLAG", "STATE", "SERVES", "TYPE", "BY", "VERSION", "DESCRIPTION"]);
    for flag in flags.as_array().into_iter().flatten() {
        let [key, state, serves, kind, by, version, description] =
            ["key", "state", "serves", "type", "decided_by", "version", "description"]
                .map(|name| text(&flag[name]));
        table.add_row([key, state, serves, kind, by, version, description]);
    }
    println!("{table}");
    Ok(())
}

fn show(key: &str, remote: &Remote) -> Result<()> {
    let flag = Admin::find(remote)?.get(&path(key))?;
    if remote.json {
        return print_json(&flag);
    }
    println!("{}", described(&flag));
    if !flag["definition"].is_null() {
        println!("{}", serde_json::to_string_pretty(&flag["definition"])?);
    }
    Ok(())
}

/// A flag without its definition.
fn described(flag: &Value) -> String {
    let title = format!("{}  {}", text(&flag["key"]), text(&flag["description"]));
    let mut lines = vec![title.trim_end().to_owned()];
    let serves = flag["serves"].as_str().filter(|serves| !serves.is_empty() && flag["state"] != *serves);
    let serves = serves.map_or_else(String::new, |serves| format!(", serves {serves}"));
    lines.push(format!("  state       {}{serves} ({})", text(&flag["state"]), decided_by(flag)));
    for fault in flag["faults"].as_array().into_iter().flatten() {
        let hint = fault["hint"].as_str().map_or_else(String::new, |hint| format!(" ({hint})"));
        lines.push(format!("  wrong       {} {}{hint}", text(&fault["pointer"]), text(&fault["what"])));
    }
    lines.push(format!("  version     {}", text(&flag["version"])));
    lines.join("\n")
}

fn decided_by(flag: &Value) -> String {
    match flag["decided_by"].as_str() {
        Some("config") => "by the config".to_owned(),
        Some("unit") => "where the unit stands: 'banyan unit set' moves it".to_owned(),
        _ => {
            let why = flag["why"].as_str().filter(|why| !why.is_empty());
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            let config = flag["configured"].as_str().unwrap_or("nothing");
            format!("set by {} at {}{why}; the config says {config}", text(&flag["by"]), text(&flag["at"]))
        }
    }
}

fn set(order: &SetFlag) -> Result<()> {
    let SetFlag { key, to, at_version, change } = order;
    let (wanted, value, version) = match (&to.percent, &to.variant, &to.from) {
        (Some(percent), ..) => ("percent", json!(percent.to_string()), None),
        (_, Some(variant), _) => ("variant", json!(variant), None),
        (.., Some(file)) => {
            let (definition, version) = definition(key, read(file)?)?;
            ("definition", definition, version)
        }
        // The command line asks for one of them.
        (None, None, None) => bail!("say what the flag is to be"),
    };
    let body = json!({ wanted: value, "why": change.why, "by": change.by });
    let version = at_version.or(version);
    let flag = Admin::find(&change.remote)?.send_if("PUT", &path(key), &body, version)?;
    print_change(key, change, &flag)
}

fn read(file: &Path) -> Result<Value> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        stdin().read_to_string(&mut text).context("cannot read standard input")?;
        text
    } else {
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
    };
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))
}

/// The definition, and the version it is of if it was printed by `show --json`: then nobody may have changed the flag since.
fn definition(key: &str, mut read: Value) -> Result<(Value, Option<u64>)> {
    let (Some(version), Some(definition)) =
        (read["version"].as_u64(), read.get_mut("definition").map(Value::take))
    else {
        return Ok((read, None));
    };
    let shown = text(&read["key"]);
    if definition.is_null() {
        bail!("the file has no definition to set: '{shown}' is {}", text(&read["state"]));
    }
    if shown != key {
        bail!("the file is what '{shown}' is, and not '{key}': give its 'definition' alone, without the key");
    }
    Ok((definition, Some(version)))
}

fn step(key: &str, step: &str, change: &Change) -> Result<()> {
    let body = json!({ "why": change.why, "by": change.by });
    let flag = Admin::find(&change.remote)?.send("POST", &format!("{}/{step}", path(key)), &body)?;
    print_change(key, change, &flag)
}

fn retire(key: &str, yes: bool, change: &Change) -> Result<()> {
    let question = format!(
        "Retire '{key}' for ever? Applications that ask for it get their own default, and no flag can have this key again."
    );
    let admin = Admin::find(&change.remote)?;
    if !yes && !confirmed(&question)? {
        println!("nothing was retired");
        return Ok(());
    }
    let flag = admin.end(&with_query(&path(key), &[("why", &change.why), ("by", &change.by)]))?;
    print_change(key, change, &flag)
}

/// Asks back.
fn confirmed(question: &str) -> Result<bool> {
    if !stdin().is_terminal() {
        bail!("there is nobody to ask back, so nothing was retired: add --yes if it is meant");
    }
    eprint!("{question} [y/N] ");
    stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn print_change(key: &str, change: &Change, flag: &Value) -> Result<()> {
    if change.remote.json {
        return print_json(flag);
    }
    println!("{}", changed(key, flag));
    Ok(())
}

fn changed(key: &str, flag: &Value) -> String {
    match flag["state"].as_str() {
        Some("on") => format!("{key} serves {}", text(&flag["serves"])),
        Some("off") => format!("{key} is off"),
        Some("retired") => format!("{key} is retired"),
        Some(_) => format!("{key} is set aside: 'banyan flag show {key}' says why"),
        None => format!("{key} is gone: the config does not have it"),
    }
}

fn history(key: &str, remote: &Remote) -> Result<()> {
    let entries = Admin::find(remote)?.get(&format!("{}/history", path(key)))?;
    if remote.json {
        return print_json(&entries);
    }
    let mut table = table(["VERSION", "AT", "STEP", "FROM", "TO", "BY", "WHY"]);
    for entry in entries.as_array().into_iter().flatten() {
        let [version, at, step, by, why] =
            ["version", "at", "step", "by", "why"].map(|name| text(&entry[name]));
        let (from, to) = moved(entry);
        table.add_row([version, at, step, from, to, by, why]);
    }
    println!("{table}");
    Ok(())
}

/// From what to what a flag went by a change. Where nothing was set at run time, the config decided.
fn moved(entry: &Value) -> (String, String) {
    let set = |side: &Value| side.as_str().unwrap_or("the config's").to_owned();
    let to = if entry["step"] == "retire" { "retired".to_owned() } else { set(&entry["to"]) };
    (set(&entry["from"]), to)
}

fn evaluate(question: &EvaluateFlag) -> Result<()> {
    let EvaluateFlag { key, subject, context, remote } = question;
    let mut attributes = Map::new();
    for pair in context {
        let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            bail!("'{pair}' is no attribute: write NAME=VALUE, such as country=de");
        };
        attributes.insert(name.to_owned(), attribute(value));
    }
    if let Some(subject) = subject {
        attributes.insert("targetingKey".to_owned(), json!(subject));
    }
    let body = json!({ "context": attributes });
    let said = Admin::find(remote)?.send("POST", &format!("{}/evaluate", path(key)), &body)?;
    if remote.json {
        return print_json(&said);
    }
    println!("{}", answer(&said));
    for note in context.iter().filter_map(|pair| taken(pair)) {
        println!("{note}");
    }
    Ok(())
}

/// What is easily taken for a text and is none: no version, prefix or text of a flag matches it.
fn taken(pair: &str) -> Option<String> {
    let (name, value) = pair.split_once('=')?;
    let kind = match attribute(value) {
        Value::Number(_) => "number",
        Value::Bool(_) => "boolean",
        _ => return None,
    };
    Some(format!("  note     {name} was taken as the {kind} {value}; as a text it is '{name}=\"{value}\"'"))
}

/// A truth value, a number or a text in double quotes, as JSON has them; anything else is a text as it is.
fn attribute(written: &str) -> Value {
    match serde_json::from_str::<Value>(written) {
        Ok(value @ (Value::Bool(_) | Value::Number(_) | Value::String(_))) => value,
        _ => Value::from(written),
    }
}

/// What the flag said, and what decided.
fn answer(said: &Value) -> String {
    let key = text(&said["key"]);
    if let Some(details) = said["error_details"].as_str() {
        return format!("{key}: no value, {}: {details}", text(&said["error_code"]));
    }
    let mut lines = vec![
        format!("{key} = {}", said["value"]),
        format!("  variant  {}", text(&said["variant"])),
        format!("  reason   {}", text(&said["reason"])),
    ];
    for name in ["segment", "bucket", "unmet"] {
        if !said[name].is_null() {
            lines.push(format!("  {name:<8} {}", text(&said[name])));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_what_they_look_like() {
        for (written, expected) in [
            ("de", json!("de")),
            ("true", json!(true)),
            ("18", json!(18)),
            ("1.5", json!(1.5)),
            ("\"18\"", json!("18")),
            ("2.1.0", json!("2.1.0")),
            ("[1]", json!("[1]")),
            ("", json!("")),
        ] {
            assert_eq!(attribute(written), expected, "{written}");
        }
    }

    #[test]
    fn what_show_prints_is_a_definition_of_a_version() {
        let shown = json!({ "key": "a", "version": 3, "definition": { "percent": "5%" }, "state": "on" });
        assert_eq!(definition("a", shown.clone()).unwrap(), (json!({ "percent": "5%" }), Some(3)));
        let plain = json!({ "percent": "5%" });
        assert_eq!(definition("a", plain.clone()).unwrap(), (plain, None));
        // Of another flag, its version would say nothing.
        let other = definition("b", shown).unwrap_err().to_string();
        assert!(other.contains("what 'a' is, and not 'b'"), "{other}");
        let retired = json!({ "key": "a", "version": 3, "definition": null, "state": "retired" });
        let nothing = definition("a", retired).unwrap_err().to_string();
        assert!(nothing.contains("'a' is retired"), "{nothing}");
    }

    #[test]
    fn what_looks_like_a_version_and_was_taken_as_a_number_is_told() {
        let note = taken("app.version=2.1").unwrap();
        assert_eq!(
            note,
            "  note     app.version was taken as the number 2.1; as a text it is 'app.version=\"2.1\"'"
        );
        assert!(taken("beta=true").unwrap().contains("the boolean true"));
        for plain in ["app.version=2.1.0", "app.version=\"2.1\"", "country=de", "country="] {
            assert_eq!(taken(plain), None, "{plain}");
        }
    }

    #[test]
    fn a_change_goes_from_and_to_something() {
        let words = |entry: Value| moved(&entry);
        let named = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(words(json!({ "step": "set", "from": null, "to": "5%" })), named("the config's", "5%"));
        assert_eq!(words(json!({ "step": "reset", "from": "5%", "to": null })), named("5%", "the config's"));
        assert_eq!(words(json!({ "step": "retire", "from": "5%", "to": null })), named("5%", "retired"));
    }

    #[test]
    fn an_answer_says_what_decided() {
        let said = json!({
            "key": "new-editor", "value": true, "variant": "on", "reason": "SPLIT", "bucket": 42, "segment": "staff",
            "unmet": null, "error_details": null
        });
        let expected = "\
new-editor = true
  variant  on
  reason   SPLIT
  segment  staff
  bucket   42";
        assert_eq!(answer(&said), expected);
        let failed =
            json!({ "key": "f", "error_code": "TARGETING_KEY_MISSING", "error_details": "send one" });
        assert_eq!(answer(&failed), "f: no value, TARGETING_KEY_MISSING: send one");
    }

    #[test]
    fn a_flag_is_described_with_what_is_wrong() {
        let flag = json!({
            "key": "a", "description": "the a", "state": "aside", "serves": "5%", "decided_by": "runtime", "by": "ada",
            "at": "today", "why": "", "configured": null, "version": 2,
            "faults": [{ "pointer": "/prerequisites/0/flag", "what": "there is no flag 'b'", "hint": "define it" }]
        });
        let expected = "\
a  the a
  state       aside, serves 5% (set by ada at today; the config says nothing)
  wrong       /prerequisites/0/flag there is no flag 'b' (define it)
  version     2";
        assert_eq!(described(&flag), expected);
        assert_eq!(changed("a", &flag), "a is set aside: 'banyan flag show a' says why");
        assert_eq!(changed("a", &Value::Null), "a is gone: the config does not have it");
    }
}
