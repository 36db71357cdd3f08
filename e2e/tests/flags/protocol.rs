//! Every code and shape of the protocol, by the wire.

use std::fs;

use anyhow::{Context as _, Result};
use banyan_e2e::Sides;
use banyan_testkit::{RawClient, Setup};
use serde_json::{Value, json};

use crate::kit::{Application, World};

#[tokio::test]
async fn every_answer_of_one_connection() -> Result<()> {
    let world = World::start("").await?;
    let mut app = world.application().await?;
    let dark = app.single("theme", json!({ "country": "de" })).await?;
    assert_eq!(dark.status, 200);
    assert_eq!(dark.fields.get("content-type"), Some("application/json"));
    let expected = json!({
        "key": "theme", "reason": "TARGETING_MATCH", "variant": "dark", "value": "black", "metadata": {}
    });
    assert_eq!(dark.json(), expected);
    let editor = app.single("new-editor", json!({ "targetingKey": "user-42" })).await?.json();
    assert_eq!((&editor["reason"], &editor["metadata"]), (&json!("SPLIT"), &json!({ "owner": "web" })));
    assert_eq!(editor["value"], true);
    let met = app.single("spell-check", json!({ "targetingKey": "user-42" })).await?.json();
    assert_eq!(met["reason"], "SPLIT");
    world.banyan.admin()?.send("POST", "/v1/flags/new-editor/disable", None).await?;
    let unmet = app.single("spell-check", json!({ "targetingKey": "user-42" })).await?.json();
    assert_eq!((&unmet["value"], &unmet["reason"]), (&json!(false), &json!("DISABLED")));
    world.banyan.admin()?.send("POST", "/v1/flags/new-editor/enable", None).await?;

    for (key, context, status, code) in [
        ("no-such", json!({}), 404, "FLAG_NOT_FOUND"),
        ("old-editor", json!({}), 404, "FLAG_NOT_FOUND"),
        ("new-editor", json!({}), 400, "TARGETING_KEY_MISSING"),
        ("new-editor", json!({ "targetingKey": "" }), 400, "TARGETING_KEY_MISSING"),
        ("unit.articles", json!({}), 400, "TARGETING_KEY_MISSING"),
        ("new-editor", json!({ "targetingKey": 42 }), 400, "INVALID_CONTEXT"),
        ("new-editor", json!({ "targetingKey": { "id": 42 } }), 400, "INVALID_CONTEXT"),
        ("new-editor", json!([1]), 400, "INVALID_CONTEXT"),
        ("new-editor", (0..20).fold(json!(1), |inner, _| json!({ "a": inner })), 400, "INVALID_CONTEXT"),
    ] {
        let answer = app.single(key, context).await?;
        let failure = answer.json();
        assert_eq!((answer.status, &failure["errorCode"]), (status, &json!(code)), "{failure}");
        assert_eq!(failure["key"], key);
        assert!(failure["errorDetails"].as_str().is_some_and(|details| !details.is_empty()), "{failure}");
    }
    for body in ["{", "no", "[[[[", "\u{0}"] {
        let answer = app.post("/ofrep/v1/evaluate/flags/theme", "", body).await?;
        assert_eq!((answer.status, &answer.json()["errorCode"]), (400, &json!("PARSE_ERROR")), "{body}");
        let answer = app.post("/ofrep/v1/evaluate/flags", "", body).await?;
        assert_eq!((answer.status, &answer.json()["errorCode"]), (400, &json!("PARSE_ERROR")), "{body}");
        assert!(answer.json().get("key").is_none());
    }
    let nested = format!("{{\"context\":{}1{}}}", "{\"a\":".repeat(2_000), "}".repeat(2_000));
    assert_eq!(app.post("/ofrep/v1/evaluate/flags/theme", "", &nested).await?.status, 400);
    assert_eq!(app.post("/elsewhere", "", "{}").await?.status, 404);
    assert_eq!(app.single("theme", json!({})).await?.status, 200, "the connection is as good as new");
    Ok(())
}

#[tokio::test]
async fn all_flags_at_once_and_nothing_if_nothing_changed() -> Result<()> {
    let world = World::start("").await?;
    let (mut app, admin) = (world.application().await?, world.banyan.admin()?);
    let user = || json!({ "targetingKey": "user-42", "country": "de" });
    let all = app.bulk(user(), "").await?;
    assert_eq!(all.status, 200);
    let tag = all.fields.get("etag").context("a tag")?.to_owned();
    let keys: Vec<_> =
        all.json()["flags"].as_array().context("flags")?.iter().map(|flag| flag["key"].clone()).collect();
    assert_eq!(keys, ["new-editor", "spell-check", "theme", "unit.articles"]);
    let known = format!("If-None-Match: {tag}\r\n");
    let unchanged = app.bulk(user(), &known).await?;
    assert_eq!(
        (unchanged.status, unchanged.fields.get("etag"), unchanged.text()),
        (304, Some(&*tag), String::new())
    );
    let evaluated = "banyan_flag_evaluations_total{flag=\"theme\",reason=\"TARGETING_MATCH\"}";
    assert_eq!(admin.metric(evaluated).await?, Some(1.0), "nothing was evaluated for it");

    admin.send("PUT", "/v1/units/articles", Some(&json!({ "percent": "31%" }))).await?;
    let moved = app.bulk(user(), &known).await?;
    assert_eq!(moved.status, 200, "a unit that moves is a change");
    assert_ne!(moved.fields.get("etag"), Some(&*tag));
    let nobody = app.bulk(json!({}), &known).await?;
    let codes: Vec<_> = nobody.json()["flags"]
        .as_array()
        .context("flags")?
        .iter()
        .map(|flag| flag["errorCode"].clone())
        .collect();
    let missing = json!("TARGETING_KEY_MISSING");
    assert_eq!(
        codes,
        [missing.clone(), missing.clone(), Value::Null, missing],
        "each flag has its own error"
    );
    Ok(())
}

#[tokio::test]
async fn a_large_context_is_refused_before_it_is_read() -> Result<()> {
    let world = World::start("").await?;
    let mut app = world.application().await?;
    let before = world.banyan.memory_kib()?;
    for _ in 0..20 {
        let answer = app.single("theme", json!({ "a": "x".repeat(1 << 20) })).await?;
        let failure = answer.json();
        assert_eq!((answer.status, &failure["errorCode"]), (400, &json!("INVALID_CONTEXT")), "{failure}");
        assert!(
            failure["errorDetails"].as_str().is_some_and(|said| said.contains("65536 bytes")),
            "{failure}"
        );
        if answer.fields.get("connection") == Some("close") {
            app = world.application().await?;
        }
    }
    // Without its length, and without anything behind the first part.
    let mut client = RawClient::connect(world.banyan.extra_address()).await?;
    let head =
        "POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.write(format!("{head}14000\r\n{}\r\n", " ".repeat(0x14000))).await?;
    assert_eq!(client.read_response("POST").await?.status, 400);
    // The length alone says enough.
    let mut client = RawClient::connect(world.banyan.extra_address()).await?;
    client
        .write("POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n")
        .await?;
    assert_eq!(client.read_response("POST").await?.status, 400);
    let grown = world.banyan.memory_kib()?.saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB for contexts that were refused");
    Ok(())
}

#[tokio::test]
async fn a_page_asks_through_the_gateway_of_its_site() -> Result<()> {
    let sides = Sides::start().await?;
    let config = crate::kit::config(&sides, "").replace(
        "upstreams:\n",
        "upstreams:\n  flags: { endpoints: [\"http://127.0.0.1:EXTRA_PORT\"], host: endpoint }\n",
    ) + "routes:\n  - { match: \"POST /ofrep/v1/evaluate/flags\", to: flags, effect: read }\n  \
         - { match: \"POST /ofrep/v1/evaluate/flags/{key}\", to: flags, effect: read }\n";
    let banyan = Setup::new(&config).start().await?;
    let mut page =
        Application { client: banyan.client().await?, fields: "Origin: https://shop.example\r\n".to_owned() };
    let all = page.bulk(json!({ "targetingKey": "user-42" }), "").await?;
    assert_eq!(all.status, 200, "{}", all.text());
    let known = format!("If-None-Match: {}\r\n", all.fields.get("etag").context("a tag")?);
    assert_eq!(page.bulk(json!({ "targetingKey": "user-42" }), &known).await?.status, 304);
    assert_eq!(page.single("theme", json!({ "country": "de" })).await?.json()["value"], "black");
    assert_eq!(page.single("no-such", json!({})).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn nothing_of_a_context_is_logged() -> Result<()> {
    let world = World::start("").await?;
    let mut app = world.application().await?;
    for context in
        [json!({ "targetingKey": "S3CRET" }), json!({ "targetingKey": ["S3CRET"] }), json!("S3CRET")]
    {
        app.single("new-editor", context.clone()).await?;
        app.bulk(context, "").await?;
    }
    app.single("S3CRET", json!({})).await?;
    let metrics = world.banyan.admin()?.get("/metrics").await?.text;
    world.banyan.terminate()?;
    let mut banyan = world.banyan;
    banyan.wait().await?;
    let said = [banyan.log(), banyan.lines()].concat().join("\n");
    assert!(
        said.contains("draining") && !said.contains("S3CRET") && !metrics.contains("S3CRET"),
        "{said}{metrics}"
    );
    Ok(())
}

#[tokio::test]
async fn a_token_of_its_own_is_asked_for() -> Result<()> {
    let world = World::start(", token_file: ./ofrep.token").await?;
    let mut app = world.application().await?;
    let nobody = app.single("theme", json!({})).await?;
    assert_eq!(
        (nobody.status, nobody.fields.get("www-authenticate")),
        (401, Some("Bearer realm=\"banyan\""))
    );
    let token = fs::read_to_string(world.banyan.dir().join("ofrep.token"))?;
    for (fields, status) in [
        (format!("Authorization: Bearer {}\r\n", token.trim()), 200),
        (format!("X-API-Key: {}\r\n", token.trim()), 200),
        (format!("Authorization: Bearer {}\r\n", world.banyan.admin()?.token()), 401),
    ] {
        app.fields = fields;
        assert_eq!(app.single("theme", json!({})).await?.status, status);
        assert_eq!(app.bulk(json!({}), "").await?.status, status);
    }
    let log = world.banyan.log().join("\n");
    assert!(!log.contains(token.trim()), "{log}");
    Ok(())
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() -> Result<()> {
    let world = World::start(", requests_per_second: 5").await?;
    let mut app = world.application().await?;
    let mut refused = Vec::new();
    for _ in 0..30 {
        let answer = app.single("theme", json!({})).await?;
        if answer.status != 200 {
            refused.push((answer.status, answer.fields.get("retry-after").map(str::to_owned)));
        }
    }
    // A reload is enough for another limit.
    let config = crate::kit::config(&world.sides, ", requests_per_second: 100000");
    world.banyan.write_config(&config)?;
    world.banyan.admin()?.send("POST", "/v1/reload", None).await?;
    for _ in 0..100 {
        assert_eq!(app.single("theme", json!({})).await?.status, 200);
    }
    // Thirty questions take far less than the five seconds that so many would be spread over.
    assert!(
        !refused.is_empty() && refused.iter().all(|said| *said == (429, Some("1".to_owned()))),
        "{refused:?}"
    );
    Ok(())
}
