//! Configs that are wrong: everything about them is said at once, and nothing is opened.

use std::{fs, process::Output};

use anyhow::Result;
use banyan_testkit::{Banyan, command};

/// A config around what is wrong with it. The first line of `rest` is line 4.
fn config(rest: &str) -> String {
    format!(
        "version: 1\nlisten: 127.0.0.1:8080\nupstreams: {{ old: {{ endpoints: [\"http://127.0.0.1:7001\"] }}, new: {{ endpoints: [\"http://127.0.0.1:7002\"] }} }}\n{rest}"
    )
}

fn run(word: &str, text: &str) -> Result<Output> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("banyan.yaml");
    fs::write(&path, text)?;
    Ok(command(&[word])?.arg(&path).output()?)
}

/// What `banyan check` says about a config that it must refuse.
#[track_caller]
fn refused(text: &str) -> String {
    let output = run("check", text).expect("the program is built");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// Checks that all of `parts` are said.
#[track_caller]
fn says(text: &str, parts: &[&str]) {
    let said = refused(text);
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
}

#[test]
fn unknown_key() {
    says(
        &config("limitz: { body: 1KiB }\nroutes: [ { match: \"* /{rest...}\", to: old } ]\n"),
        &["banyan.yaml:4:1", "limitz", "limits"],
    );
}

#[test]
fn dangling_upstream() {
    says(&config("routes: [ { match: \"* /{rest...}\", to: odl } ]\n"), &["banyan.yaml:4:", "odl", "old"]);
}

#[test]
fn duplicate_route() {
    let routes =
        "routes:\n  - { match: \"GET /a/{id}\", to: old }\n  - { match: \"GET /a/{name}\", to: new }\n";
    says(&config(routes), &["banyan.yaml:6:", "GET /a/{name}"]);
}

#[test]
fn unreachable_route() {
    let routes = "routes:\n  - { match: \"* /a\", to: old }\n  - { match: \"* /{rest...}\", to: old }\n  - { match: \"* /{all...}\", to: new }\n";
    says(&config(routes), &["banyan.yaml:7:"]);
}

#[test]
fn percentage_over_100() {
    let unit =
        "units: { a: { legacy: old, replacement: new, percent: 150%, routes: [ { match: \"GET /a\" } ] } }\n";
    says(&config(unit), &["banyan.yaml:4:", "150%", "100"]);
}

#[test]
fn bad_duration() {
    let text = "timeouts: { head: 5 minutes }\nroutes: [ { match: \"* /{rest...}\", to: old } ]\n";
    says(&config(text), &["banyan.yaml:4:", "5 minutes"]);
}

#[test]
fn duplicate_yaml_key() {
    says(
        &config("workers: 1\nworkers: 2\nroutes: [ { match: \"* /{rest...}\", to: old } ]\n"),
        &["banyan.yaml:5:1", "workers"],
    );
}

#[test]
fn everything_at_once() {
    let said = refused(&config(
        "limitz: { body: 1KiB }\n\
         workers: 1\n\
         workers: 2\n\
         timeouts: { head: 5 minutes }\n\
         units: { a: { legacy: old, replacement: new, percent: 150%, routes: [ { match: \"GET /u\" } ] } }\n\
         routes:\n\
         \x20 - { match: \"GET /a\", to: odl }\n\
         \x20 - { match: \"GET /b/{x}\", to: old }\n\
         \x20 - { match: \"GET /b/{y}\", to: old }\n",
    ));
    for place in ["yaml:4:1", "yaml:6:1", "yaml:7:", "yaml:8:", "yaml:10:", "yaml:12:"] {
        assert!(said.contains(place), "{place} is not in:\n{said}");
    }
    assert!(said.contains("6 errors"), "{said}");
}

#[test]
fn not_yaml_at_all() {
    says("version: [1\n", &["banyan.yaml:"]);
    says("\u{0}\u{1}\u{2}", &["banyan.yaml:"]);
    says("", &["banyan.yaml"]);
}

#[test]
fn a_file_that_is_not_there() -> Result<()> {
    let output = command(&["check", "/nowhere/banyan.yaml"])?.output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/banyan.yaml"));
    Ok(())
}

/// A terminal must not be controlled by a config that is checked on it.
#[test]
fn control_characters_are_not_repeated() {
    let said = refused(&config("\"evil\\e[2J\": 1\nroutes: [ { match: \"* /{rest...}\", to: old } ]\n"));
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_good_one() -> Result<()> {
    let output = run("check", &config("routes: [ { match: \"* /{rest...}\", to: old } ]\n"))?;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Checking opens no listener, so it works beside a gateway that serves the same config.
#[tokio::test]
async fn checking_beside_a_running_gateway() -> Result<()> {
    let banyan = Banyan::start("upstreams: { old: { endpoints: [\"http://127.0.0.1:7001\"] } }\nroutes: [ { match: \"* /{rest...}\", to: old } ]\n").await?;
    let output = command(&["check"])?.arg(banyan.config_path()).output()?;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[test]
fn serving_says_the_same_and_opens_nothing() -> Result<()> {
    let text = config("routes: [ { match: \"* /{rest...}\", to: odl } ]\n");
    let output = run("serve", &text)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("banyan.yaml:4:"), "{said}");
    Ok(())
}
