//! What changed lately, as the timeline tells it.

use std::fs;

use http::Method;
use serde_json::{Value, json};

use super::bench::{Bench, Started, config};

fn texts(timeline: &Value) -> Vec<(&str, &str)> {
    let text = |entry: &Value, key: &str| entry[key].as_str().map(str::len).is_some_and(|length| length > 0);
    let entries = timeline.as_array().unwrap();
    assert!(entries.iter().all(|entry| text(entry, "at")));
    entries.iter().map(|entry| (entry["kind"].as_str().unwrap(), entry["text"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn changes_of_units_are_told_with_who_and_why() {
    let bench = Bench::new();
    bench.set("articles", "20%").await;
    for step in ["hold", "hold", "back", "release", "reset"] {
        let reason = json!({ "by": "bob", "why": if step == "hold" { "incident 7" } else { "" } });
        bench.ask(Method::POST, &format!("/v1/units/articles/{step}"), Some(reason)).await;
    }
    bench.set("nobody", "20%").await;
    let timeline = bench.get("/v1/timeline").await;
    let expected = [
        ("unit", "articles: 5% -> 20% by ada: step"),
        ("unit", "articles: 20%, held by bob: incident 7"),
        ("unit", "articles: 20% -> 0% by bob"),
        ("unit", "articles: 0%, released by bob"),
        ("unit", "articles: 0% -> 5%, as the config says, by bob"),
    ];
    assert_eq!(texts(&timeline), expected, "and nothing of what changed nothing");
    let newer = bench.get("/v1/timeline?since=4").await;
    assert_eq!((newer.as_array().unwrap().len(), &newer[0]["number"]), (1, &json!(5)));
    bench.ask(Method::GET, "/v1/timeline?since=never", None).await.problem(400, "invalid-request");
}

#[tokio::test]
async fn what_is_done_to_the_cache_is_told_with_who_and_why() {
    let bench = Bench::new();
    let long = "x".repeat(200);
    for body in [
        json!({ "tag": "user:7", "by": "ada", "why": "wrong prices" }),
        json!({ "pattern": long, "by": "ada" }),
        json!({ "all": true, "by": "bob" }),
    ] {
        assert_eq!(bench.ask(Method::POST, "/v1/cache/purge", Some(body)).await.status, 200);
    }
    let list = json!({ "urls": ["http://a.example/1"], "rate": 7, "by": "bob" });
    assert_eq!(bench.ask(Method::POST, "/v1/cache/warm", Some(list)).await.status, 202);
    let timeline = bench.get("/v1/timeline").await;
    let shown = format!("purged pattern '{}...': 17 went from memory, by ada", "x".repeat(120));
    let expected = [
        ("cache", "purged tag 'user:7': 17 went from memory, by ada: wrong prices"),
        ("cache", &shown),
        ("cache", "purged everything: 17 went from memory, by bob"),
        ("cache", "filling with a list of 1, 7 a second, by bob"),
    ];
    assert_eq!(texts(&timeline), expected);
}

#[tokio::test]
async fn reloads_are_told_and_what_they_move() {
    let (bench, _) = Bench::new().start();
    let reload = async |bench: &Started| bench.ask(Method::POST, "/v1/reload", None).await;
    bench.ask(Method::PUT, "/v1/units/users", Some(json!({ "percent": "10%" }))).await;
    fs::write(&bench.config, config("60%", "30%")).unwrap();
    assert_eq!(reload(&bench).await.status, 200);
    fs::write(&bench.config, "version: 2").unwrap();
    assert_eq!(reload(&bench).await.status, 422);
    let timeline = bench.ask(Method::GET, "/v1/timeline?since=1", None).await.json();
    let told = texts(&timeline);
    // Users were moved by hand, so the config does not move them.
    assert_eq!(
        told[..2],
        [("unit", "articles: 5% -> 60% by the config"), ("reload", "config applied, generation 2 (by api)")]
    );
    let (kind, text) = told[2];
    assert!(kind == "reload" && text.starts_with("config refused, the old one stays (by api): "), "{text}");
    assert!(text.contains("banyan.yaml:1:1: ") && told.len() == 3, "{told:?}");
}
