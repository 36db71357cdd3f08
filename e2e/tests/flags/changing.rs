//! Flags that people change: conflicts, crashes, retired keys, reloads.

use anyhow::{Context as _, Result, ensure};
use banyan_testkit::{Admin, AdminAnswer, RawClient, eventually};
use serde_json::{Value, json};

use crate::kit::World;

pub(crate) async fn put(admin: &Admin, key: &str, body: Value) -> Result<AdminAnswer> {
    admin.send("PUT", &format!("/v1/flags/{key}"), Some(&body)).await
}

/// The same on a version.
pub(crate) async fn put_at(admin: &Admin, key: &str, version: u64, body: &Value) -> Result<AdminAnswer> {
    let (body, address) = (body.to_string(), admin.address());
    let request = format!(
        "PUT /v1/flags/{key} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nIf-Match: \"{version}\"\r\nContent-Length: {}\r\n\r\n{body}",
        admin.token(),
        body.len()
    );
    let mut client = RawClient::connect(address).await?;
    client.write(request).await?;
    Ok(client.read_response("PUT").await?.into())
}

#[tokio::test]
async fn a_change_is_in_force_when_it_is_acknowledged() -> Result<()> {
    let world = World::start("").await?;
    let (mut app, admin) = (world.application().await?, world.banyan.admin()?);
    for (percent, value) in [("100%", true), ("0%", false), ("100%", true)] {
        let set =
            put(&admin, "new-editor", json!({ "percent": percent, "by": "ada", "why": "trying" })).await?;
        assert_eq!((set.status, &set.json["serves"]), (200, &json!(percent)));
        assert_eq!(app.single("new-editor", json!({ "targetingKey": "a" })).await?.json()["value"], value);
    }
    admin.send("POST", "/v1/flags/new-editor/disable", None).await?;
    let off = app.single("new-editor", json!({ "targetingKey": "a" })).await?.json();
    assert_eq!((&off["value"], &off["reason"]), (&json!(false), &json!("DISABLED")));
    let audit = world
        .banyan
        .wait_for_log(|line| line.contains("flag changed") && line.contains("\"to\":\"0%\""))
        .await?;
    assert!(["ada", "trying", "new-editor", "100%"].iter().all(|part| audit.contains(part)), "{audit}");
    Ok(())
}

#[tokio::test]
async fn two_people_at_once_are_told_and_nothing_is_lost() -> Result<()> {
    let world = World::start("").await?;
    let admin = world.banyan.admin()?;
    for version in 0..10 {
        let [ada, bob] =
            ["ada", "bob"].map(|by| json!({ "percent": format!("{}%", version + 1), "by": by, "why": by }));
        let (one, two) = tokio::join!(
            put_at(&admin, "new-editor", version, &ada),
            put_at(&admin, "new-editor", version, &bob)
        );
        let (one, two) = (one?, two?);
        let statuses = [one.status, two.status];
        // Both want the same percentage, so both may find it done; never is one taken for the other.
        assert!(statuses.contains(&200) && statuses.contains(&412), "{statuses:?}");
    }
    let history = admin.get("/v1/flags/new-editor/history").await?.json;
    let versions: Vec<_> =
        history.as_array().context("a history")?.iter().map(|entry| entry["version"].as_u64()).collect();
    assert_eq!(versions, (1..=10).rev().map(Some).collect::<Vec<_>>());
    for (newer, older) in
        history.as_array().context("a history")?.iter().zip(&history.as_array().context("a history")?[1..])
    {
        assert_eq!(newer["from"], older["to"], "{history}");
    }
    Ok(())
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() -> Result<()> {
    let mut world = World::start("").await?;
    let definition = json!({ "definition": { "variants": { "a": "x", "b": "y" }, "default": "b" } });
    for round in 1..=3_u64 {
        let admin = world.banyan.admin()?;
        assert_eq!(put(&admin, "new-editor", json!({ "percent": format!("{round}%") })).await?.status, 200);
        if round == 1 {
            assert_eq!(put(&admin, "banner", definition.clone()).await?.status, 200);
            assert_eq!(admin.send("DELETE", "/v1/flags/theme", None).await?.status, 200);
        }
        world.banyan.kill().await?;
        world.banyan.restart().await?;
        let admin = world.banyan.admin()?;
        let flag = admin.get("/v1/flags/new-editor").await?.json;
        assert_eq!((&flag["serves"], &flag["version"]), (&json!(format!("{round}%")), &json!(round)));
        let mut app = world.application().await?;
        assert_eq!(app.single("banner", json!({})).await?.json()["value"], "y");
        assert_eq!(app.single("theme", json!({})).await?.status, 404);
        assert_problem_json(&put(&admin, "theme", definition.clone()).await?, 409, "flag-retired");
    }
    Ok(())
}

fn assert_problem_json(answer: &AdminAnswer, status: u16, name: &str) {
    assert_eq!(
        (answer.status, &answer.json["type"]),
        (status, &json!(format!("urn:banyan:problem:{name}"))),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_place() -> Result<()> {
    let world = World::start("").await?;
    let admin = world.banyan.admin()?;
    let wrong = json!({ "definition": { "percent": "120%", "colour": "red" } });
    let refused = put(&admin, "banner", wrong).await?;
    assert_problem_json(&refused, 422, "invalid-flag");
    let pointers: Vec<_> = refused.json["faults"]
        .as_array()
        .context("faults")?
        .iter()
        .map(|fault| fault["pointer"].clone())
        .collect();
    assert!(
        pointers.contains(&json!("/definition/percent")) && pointers.contains(&json!("/definition/colour")),
        "{pointers:?}"
    );
    let clash = admin.send("DELETE", "/v1/flags/new-editor", None).await?;
    assert_problem_json(&clash, 409, "flag-clash");
    assert_problem_json(&put(&admin, "old-editor", json!({ "definition": {} })).await?, 409, "flag-retired");
    assert_problem_json(
        &put(&admin, "unit.articles", json!({ "percent": "1%" })).await?,
        409,
        "flag-of-unit",
    );
    let flags = admin.get("/v1/flags").await?.json;
    assert!(
        flags.as_array().context("flags")?.iter().all(|flag| flag["version"] == 0),
        "nothing was changed: {flags}"
    );
    Ok(())
}

#[tokio::test]
async fn a_reload_follows_the_config_but_not_against_what_was_set_at_run_time() -> Result<()> {
    let world = World::start("").await?;
    let (mut app, admin) = (world.application().await?, world.banyan.admin()?);
    put(&admin, "new-editor", json!({ "percent": "100%" })).await?;
    let config = crate::kit::config(&world.sides, "");
    world.banyan.write_config(
        &config.replace("new-editor: { percent: 30%", "new-editor: { percent: 1%").replace("white", "grey"),
    )?;
    eventually(async || {
        let theme = app.single("theme", json!({})).await?.json();
        ensure!(theme["value"] == "grey", "{theme}");
        Ok(())
    })
    .await?;
    assert_eq!(app.single("new-editor", json!({ "targetingKey": "a" })).await?.json()["value"], true);
    // Without the flag that spell-check needs, which was set at run time here.
    put(&admin, "spell-check", json!({ "percent": "51%" })).await?;
    let without: String = config
        .lines()
        .filter(|line| !line.contains("new-editor: {") && !line.contains("spell-check"))
        .map(|line| format!("{line}\n"))
        .collect();
    admin.send("POST", "/v1/flags/new-editor/reset", None).await?;
    world.banyan.write_config(&without)?;
    let refused = admin.send("POST", "/v1/reload", None).await?;
    assert_problem_json(&refused, 422, "invalid-config");
    assert!(refused.text.contains("spell-check") && refused.text.contains("new-editor"), "{}", refused.text);
    assert_eq!(app.single("new-editor", json!({ "targetingKey": "a" })).await?.status, 200);
    Ok(())
}
