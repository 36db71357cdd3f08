//! Flags at run time: set, reset, retired, changed by two at once, and by other nodes.

use std::{fs, sync::Arc, time::SystemTime};

use axum::body::Body;
use banyan_state::{FlagChange, Store, StoreError};
use http::{Method, header};
use serde_json::{Value, json};

use super::bench::{Answer, Bench, Scripted, config, request, send};
use crate::{flags::State, rollout::changes};

/// Two flags of the config, one of which needs the other.
const FLAGS: &str = r#"
flags:
  new-editor: { percent: 5%, description: "the editor of 2026" }
  spell-check: { percent: 50%, prerequisites: [ { flag: new-editor, variant: on } ] }
  search-engine: { variants: { old: a, new: b }, default: old }
retired_flags: [ old-editor ]
"#;

fn flagged() -> String {
    config("5%", "0%") + FLAGS
}

fn bench() -> Bench {
    Bench::with(Scripted::default(), &flagged())
}

async fn put(bench: &Bench, key: &str, body: Value) -> Answer {
    bench.ask(Method::PUT, &format!("/v1/flags/{key}"), Some(body)).await
}

async fn put_if(bench: &Bench, key: &str, tag: &str, body: Value) -> Answer {
    let request = request(Method::PUT, &format!("/v1/flags/{key}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", bench.token))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::IF_MATCH, tag);
    send(&bench.router, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn retire(bench: &Bench, key: &str) -> Answer {
    bench.ask(Method::DELETE, &format!("/v1/flags/{key}?by=ada&why=done"), None).await
}

async fn evaluate(bench: &Bench, key: &str, context: Value) -> Value {
    bench.post_json(&format!("/v1/flags/{key}/evaluate"), json!({ "context": context })).await.json()
}

/// A change by another node.
fn elsewhere(store: &dyn Store, key: &str, definition: Option<&str>, expected_version: u64) {
    let change = FlagChange {
        key: key.to_owned(),
        definition: definition.map(str::to_owned),
        expected_version,
        at: SystemTime::now(),
        by: "bob".to_owned(),
        why: "from afar".to_owned(),
    };
    store.change_flag(&change).unwrap();
}

#[tokio::test]
async fn flags_of_the_config_and_units_are_listed() {
    let bench = bench();
    let flags = bench.get("/v1/flags").await;
    let shown: Vec<_> = flags
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| {
            ["key", "state", "serves", "decided_by"]
                .map(|name| flag[name].as_str().unwrap().to_owned())
                .join(" ")
        })
        .collect();
    let expected = [
        "new-editor on 5% config",
        "old-editor retired  config",
        "search-engine on 'old' config",
        "spell-check on 50%, 1 prerequisite config",
        "unit.articles on 5% unit",
        "unit.users on 0% unit",
    ];
    assert_eq!(shown, expected);
    let editor = bench.ask(Method::GET, "/v1/flags/new-editor", None).await;
    assert_eq!(editor.headers[header::ETAG], "\"0\"");
    let editor = editor.json();
    assert_eq!(
        (&editor["type"], &editor["description"], &editor["definition"]["percent"]),
        (&json!("boolean"), &json!("the editor of 2026"), &json!("5%"))
    );
    let unknown = bench.ask(Method::GET, "/v1/flags/new-editer", None).await.detail(404, "unknown-flag");
    assert!(unknown.contains("did you mean 'new-editor'"), "{unknown}");
}

#[tokio::test]
async fn what_is_set_at_run_time_wins_until_it_is_reset() {
    let bench = bench();
    let set = put(&bench, "new-editor", json!({ "percent": "20%", "by": "ada", "why": "step two" })).await;
    assert_eq!((set.status.as_u16(), &set.headers[header::ETAG]), (200, &"\"1\"".parse().unwrap()));
    let flag = set.json();
    assert_eq!(
        (&flag["serves"], &flag["configured"], &flag["decided_by"], &flag["by"], &flag["version"]),
        (&json!("20%"), &json!("5%"), &json!("runtime"), &json!("ada"), &json!(1))
    );
    assert_eq!(flag["definition"]["description"], "the editor of 2026", "the rest stays");
    // It is there after a start too.
    let record = &bench.store.memory.flags().unwrap()[0];
    assert!(record.definition.as_ref().unwrap().contains("20%"), "{record:?}");

    let reset = bench.post("/v1/flags/new-editor/reset").await.json();
    assert_eq!(
        (&reset["serves"], &reset["decided_by"], &reset["version"]),
        (&json!("5%"), &json!("config"), &json!(2))
    );
    bench.post("/v1/flags/new-editor/reset").await;
    let history = bench.get("/v1/flags/new-editor/history").await;
    let steps: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["step"].as_str().unwrap(),
                entry["from"].as_str(),
                entry["to"].as_str(),
                entry["by"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(steps, [("reset", Some("20%"), None, "admin"), ("set", None, Some("20%"), "ada")]);
    assert_eq!(history[1]["after"]["percent"], "20%");
    let timeline = bench.get("/v1/timeline").await;
    assert_eq!(
        (&timeline[0]["kind"], &timeline[0]["text"]),
        (&json!("flag"), &json!("new-editor: 5% -> 20% by ada: step two"))
    );
}

#[tokio::test]
async fn one_thing_is_changed_and_the_rest_stays() {
    let bench = bench();
    assert_eq!(bench.post("/v1/flags/new-editor/disable").await.json()["state"], "off");
    assert_eq!(bench.post("/v1/flags/new-editor/disable").await.json()["version"], 1, "twice is once");
    let said = evaluate(&bench, "new-editor", json!({ "targetingKey": "a" })).await;
    assert_eq!((&said["value"], &said["reason"]), (&json!(false), &json!("DISABLED")));
    let enabled = bench.post("/v1/flags/new-editor/enable").await.json();
    assert_eq!((&enabled["state"], &enabled["serves"]), (&json!("on"), &json!("5%")));
    let variant = put(&bench, "search-engine", json!({ "variant": "new" })).await.json();
    assert_eq!(variant["serves"], "'new'");
    assert_eq!(evaluate(&bench, "search-engine", json!({})).await["value"], "b");
    let refused =
        put(&bench, "search-engine", json!({ "variant": "newer" })).await.problem(422, "invalid-flag");
    assert_eq!(refused["faults"][0]["pointer"], "/variant");
    assert!(refused["faults"][0]["hint"].as_str().unwrap().contains("new, old"), "{refused}");
    let refused = put(&bench, "search-engine", json!({ "percent": "5%" })).await.problem(422, "invalid-flag");
    assert_eq!(refused["faults"][0]["pointer"], "/percent");
}

#[tokio::test]
async fn a_new_flag_is_defined_and_gone_after_a_reset() {
    let bench = bench();
    let made = put(&bench, "banner", json!({ "definition": { "percent": "100%" } })).await.json();
    assert_eq!((&made["serves"], &made["configured"]), (&json!("100%"), &Value::Null));
    assert_eq!(evaluate(&bench, "banner", json!({})).await["value"], true);
    assert_eq!(bench.post("/v1/flags/banner/reset").await.status, 204);
    bench.ask(Method::GET, "/v1/flags/banner", None).await.problem(404, "unknown-flag");
    assert_eq!(bench.get("/v1/flags/banner/history").await.as_array().unwrap().len(), 2);
    let again = put(&bench, "banner", json!({ "definition": { "percent": "1%" } })).await.json();
    assert_eq!(again["version"], 3, "versions are never used twice");
}

#[tokio::test]
async fn a_wrong_definition_is_refused_with_every_fault_and_its_place() {
    let bench = bench();
    let definition = json!({
        "percent": "105%", "salt": 5, "segments": [{ "name": "a", "when": [{ "attribute": "b", "equls": 1 }], "variant": "on" }]
    });
    let refused =
        put(&bench, "new-editor", json!({ "definition": definition })).await.problem(422, "invalid-flag");
    let places: Vec<_> = refused["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    for place in ["/definition/percent", "/definition/salt", "/definition/segments/0/when/0/equls"] {
        assert!(places.contains(&place), "{place} in {places:?}");
    }
    assert!(refused["detail"].as_str().unwrap().contains("/definition/percent"), "{refused}");
    for (body, expected) in [
        (json!({}), "exactly one"),
        (json!({ "percent": "5%", "variant": "on" }), "exactly one"),
        (json!({ "percent": "5" }), "such as 5%"),
        (json!({ "percnt": "5%" }), "percnt"),
    ] {
        let detail = put(&bench, "new-editor", body).await.detail(400, "invalid-request");
        assert!(detail.contains(expected), "{detail}");
    }
    put(&bench, "unit.articles", json!({ "percent": "50%" })).await.problem(409, "flag-of-unit");
    put(&bench, "unit.nobody", json!({ "definition": {} })).await.problem(422, "invalid-flag");
    put(&bench, "UPPER", json!({ "definition": {} })).await.problem(422, "invalid-flag");
    put(&bench, "no-such", json!({ "percent": "5%" })).await.problem(404, "unknown-flag");
    assert_eq!(bench.store.memory.flags().unwrap(), []);
    assert_eq!(bench.percent("articles"), "5%");
}

#[tokio::test]
async fn a_key_that_is_no_text_is_refused_as_everything_is() {
    let bench = bench();
    for (method, path) in [
        (Method::GET, "/v1/flags/%FF"),
        (Method::PUT, "/v1/flags/%FF"),
        (Method::POST, "/v1/flags/%FF/enable"),
        (Method::GET, "/v1/flags/%FF/history"),
        (Method::POST, "/v1/flags/%FF/evaluate"),
    ] {
        let detail = bench.ask(method, path, None).await.detail(400, "invalid-request");
        assert!(detail.contains("UTF-8"), "{path}: {detail}");
    }
}

#[tokio::test]
async fn flags_that_would_contradict_each_other_are_refused() {
    let bench = bench();
    let refused = retire(&bench, "new-editor").await.problem(409, "flag-clash");
    assert_eq!(
        (&refused["faults"][0]["flag"], &refused["faults"][0]["pointer"]),
        (&json!("spell-check"), &json!("/prerequisites/0/flag"))
    );
    let circle = json!({ "definition": { "prerequisites": [{ "flag": "spell-check", "variant": "on" }] } });
    let detail = put(&bench, "new-editor", circle).await.detail(409, "flag-clash");
    assert!(detail.contains("circle") && detail.contains("is set aside"), "{detail}");
    // Each of the two is there.
    assert!(!detail.contains("there is no flag"), "{detail}");
    assert_eq!(bench.store.memory.flags().unwrap(), []);
}

#[tokio::test]
async fn a_retired_key_is_gone_for_ever() {
    let bench = bench();
    let gone = retire(&bench, "search-engine").await.json();
    assert_eq!(
        (&gone["state"], &gone["by"], &gone["why"]),
        (&json!("retired"), &json!("ada"), &json!("done"))
    );
    for key in ["search-engine", "old-editor"] {
        let asked = bench.post_json(&format!("/v1/flags/{key}/evaluate"), json!({})).await;
        assert!(asked.detail(404, "unknown-flag").contains("was retired"), "{key}");
    }
    let known = bench.post_json("/v1/flags/no-such/evaluate", json!({})).await.problem(404, "unknown-flag");
    assert_eq!(known["known"], json!(["new-editor", "spell-check", "unit.articles", "unit.users"]));
    for answer in [
        put(&bench, "search-engine", json!({ "definition": {} })).await,
        put(&bench, "search-engine", json!({ "variant": "new" })).await,
        bench.post("/v1/flags/search-engine/reset").await,
        bench.post("/v1/flags/search-engine/enable").await,
        // The config retired this one.
        put(&bench, "old-editor", json!({ "definition": {} })).await,
    ] {
        answer.problem(409, "flag-retired");
    }
    assert_eq!(retire(&bench, "search-engine").await.json()["version"], 1, "it is so already");
    let history = bench.get("/v1/flags/search-engine/history").await;
    assert_eq!((&history[0]["step"], &history[0]["to"]), (&json!("retire"), &Value::Null));
    retire(&bench, "no-such").await.problem(404, "unknown-flag");
}

#[tokio::test]
async fn of_two_people_who_change_one_flag_one_is_told_and_nothing_is_lost() {
    let bench = bench();
    let (one, two) = tokio::join!(
        put_if(&bench, "new-editor", "\"0\"", json!({ "percent": "10%", "by": "ada" })),
        put_if(&bench, "new-editor", "\"0\"", json!({ "percent": "20%", "by": "bob" }))
    );
    let (won, lost) = if one.status == 200 { (one, two) } else { (two, one) };
    assert_eq!(won.status, 200);
    let lost = lost.problem(412, "version-mismatch");
    assert_eq!(lost["version"], 1);
    let by = won.json()["by"].as_str().unwrap().to_owned();
    assert!(lost["detail"].as_str().unwrap().contains(&format!("as {by} left it")), "{lost}");
    assert_eq!(bench.get("/v1/flags/new-editor").await["serves"], won.json()["serves"]);
    // Whoever looks again may.
    assert_eq!(put_if(&bench, "new-editor", "\"1\"", json!({ "percent": "30%" })).await.status, 200);
    assert_eq!(bench.get("/v1/flags/new-editor/history").await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn many_changes_at_once_all_count() {
    let bench = bench();
    let tasks = (1..=20).map(|number| {
        let flags = bench.control.shared.flags.clone();
        let order = crate::flags::FlagOrder {
            key: "new-editor".to_owned(),
            wanted: crate::flags::Wanted::Percent(banyan_flags::Percent::from_basis_points(number).unwrap()),
            by: "ada".to_owned(),
            why: String::new(),
            versions: None,
        };
        tokio::spawn(async move { flags.carry_out(order).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    assert_eq!(bench.store.memory.flags().unwrap()[0].version, 20);
    assert_eq!(bench.get("/v1/flags/new-editor").await["version"], 20);
}

#[tokio::test]
async fn a_change_that_another_node_was_first_with_is_a_conflict_and_theirs_is_seen() {
    let bench = bench();
    elsewhere(&*bench.store.memory, "new-editor", Some(r#"{ "percent": "77%" }"#), 0);
    let refused =
        put(&bench, "new-editor", json!({ "percent": "10%" })).await.problem(409, "version-conflict");
    assert_eq!(refused["version"], 1);
    assert_eq!(bench.get("/v1/flags/new-editor").await["serves"], "77%");
    let told = bench.get("/v1/timeline").await;
    assert_eq!(told[0]["text"], "new-editor: 5% -> 77% by bob on another node: from afar");
    elsewhere(&*bench.store.memory, "search-engine", None, 0);
    put(&bench, "search-engine", json!({ "variant": "new" })).await.problem(409, "flag-retired");
    assert_eq!(bench.get("/v1/flags/search-engine").await["state"], "retired");
}

#[tokio::test]
async fn what_other_nodes_change_is_followed() {
    let bench = bench();
    let (flags, store) = (bench.control.shared.flags.clone(), bench.control.store.clone());
    let following = tokio::spawn(flags.clone().follow(changes(&store).unwrap()));
    // The first may be found by looking once; the second is heard of.
    for (version, percent) in [(1, "77%"), (2, "78%")] {
        let definition = format!(r#"{{ "percent": "{percent}" }}"#);
        elsewhere(&*bench.store.memory, "new-editor", Some(&definition), version - 1);
        let followed = async {
            while flags.book().version("new-editor") < version {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), followed).await.unwrap();
        assert_eq!(bench.get("/v1/flags/new-editor").await["serves"], percent);
    }
    following.abort();
}

#[tokio::test]
async fn a_failing_store_refuses_the_change_and_flags_stay() {
    let bench = bench();
    *bench.store.fail.lock().unwrap() = Some(|| StoreError::Full);
    let detail =
        put(&bench, "new-editor", json!({ "percent": "10%" })).await.detail(503, "store-unavailable");
    assert!(detail.contains("nothing was changed"), "{detail}");
    bench.ask(Method::GET, "/v1/flags/new-editor/history", None).await.problem(503, "store-unavailable");
    *bench.store.fail.lock().unwrap() = Some(|| StoreError::Unreachable("gone".to_owned()));
    let detail =
        put(&bench, "new-editor", json!({ "percent": "10%" })).await.detail(503, "store-unavailable");
    assert!(detail.contains("may have been made"), "{detail}");
    *bench.store.fail.lock().unwrap() = None;
    assert_eq!(bench.get("/v1/flags/new-editor").await["serves"], "5%");
}

#[tokio::test]
async fn what_contradicts_at_the_start_is_set_aside_and_the_rest_is_served() {
    let store = Scripted::default();
    let needs = r#"{ "percent": "50%", "prerequisites": [{ "flag": "long-gone", "variant": "on" }] }"#;
    elsewhere(&*store.memory, "orphan", Some(needs), 0);
    elsewhere(&*store.memory, "garbled", Some("{ not json"), 0);
    // It is out of the config's reach: what was set at run time wins, even when it cannot be read.
    elsewhere(&*store.memory, "search-engine", Some(r#"{ "from": "the future" }"#), 0);
    let bench = Bench::with(store, &flagged());
    let orphan = bench.get("/v1/flags/orphan").await;
    assert_eq!(
        (&orphan["state"], &orphan["faults"][0]["pointer"]),
        (&json!("aside"), &json!("/prerequisites/0/flag"))
    );
    for key in ["orphan", "garbled", "search-engine"] {
        let said = evaluate(&bench, key, json!({ "targetingKey": "a" })).await;
        assert_eq!((&said["error_code"], &said["value"]), (&json!("GENERAL"), &Value::Null), "{key}");
    }
    assert_eq!(evaluate(&bench, "new-editor", json!({ "targetingKey": "a" })).await["reason"], "SPLIT");
    // It does not keep anybody from changing other flags, and is put right like any other.
    assert_eq!(put(&bench, "new-editor", json!({ "percent": "6%" })).await.status, 200);
    put(&bench, "orphan", json!({ "percent": "6%" })).await.problem(409, "flag-clash");
    assert_eq!(put(&bench, "orphan", json!({ "definition": {} })).await.json()["state"], "on");
    bench.post("/v1/flags/search-engine/enable").await.problem(409, "flag-unreadable");
    assert_eq!(bench.post("/v1/flags/search-engine/reset").await.json()["serves"], "'old'");
    assert_eq!(retire(&bench, "garbled").await.json()["state"], "retired");
}

#[tokio::test]
async fn a_reload_brings_new_flags_and_keeps_what_was_set_at_run_time() {
    let bench = bench();
    put(&bench, "new-editor", json!({ "percent": "20%" })).await;
    let flags = bench.control.shared.flags.clone();
    let (bench, _) = bench.start();
    let next =
        flagged().replace("percent: 5%, description", "percent: 7%, description").replace("50%", "60%");
    fs::write(&bench.config, next).unwrap();
    assert_eq!(bench.ask(Method::POST, "/v1/reload", None).await.status, 200);
    let show = async |key: &str| bench.ask(Method::GET, &format!("/v1/flags/{key}"), None).await.json();
    let editor = show("new-editor").await;
    assert_eq!((&editor["serves"], &editor["configured"]), (&json!("20%"), &json!("7%")));
    assert_eq!(show("spell-check").await["serves"], "60%, 1 prerequisite");
    assert!(matches!(flags.book().state("unit.articles"), State::Unit(_)));
}

#[tokio::test]
async fn a_config_whose_flags_clash_with_those_set_at_run_time_is_refused() {
    let bench = bench();
    let needs = json!({ "definition": { "prerequisites": [{ "flag": "search-engine", "variant": "new" }] } });
    assert_eq!(put(&bench, "banner", needs).await.status, 200);
    let (bench, _) = bench.start();
    fs::write(
        &bench.config,
        flagged().replace("  search-engine: { variants: { old: a, new: b }, default: old }\n", ""),
    )
    .unwrap();
    let detail = bench.ask(Method::POST, "/v1/reload", None).await.detail(422, "invalid-config");
    assert!(detail.contains("flag 'banner'") && detail.contains("search-engine"), "{detail}");
    assert!(bench.data_plane.applied.lock().unwrap().is_empty());
    let show = bench.ask(Method::GET, "/v1/flags/search-engine", None).await;
    assert_eq!(show.status, 200, "the old config stays");
}

#[tokio::test]
async fn a_key_retired_at_run_time_does_not_come_back_by_the_config() {
    let bench = bench();
    retire(&bench, "search-engine").await;
    let flags: Arc<_> = bench.control.shared.flags.clone();
    let (bench, _) = bench.start();
    // That it still stands in the config is no reason to refuse the next reload.
    fs::write(&bench.config, flagged().replace("50%", "60%")).unwrap();
    assert_eq!(bench.ask(Method::POST, "/v1/reload", None).await.status, 200);
    assert!(matches!(flags.book().state("search-engine"), State::Retired));
    // Using it for something else is.
    fs::write(&bench.config, flagged().replace("{ old: a, new: b }", "{ old: x, new: y }")).unwrap();
    let detail = bench.ask(Method::POST, "/v1/reload", None).await.detail(422, "invalid-config");
    assert!(detail.contains("search-engine") && detail.contains("retired"), "{detail}");
}

#[tokio::test]
async fn a_key_that_the_config_retired_comes_back_as_it_was_or_not_at_all() {
    let bench = bench();
    let flags: Arc<_> = bench.control.shared.flags.clone();
    let (bench, _) = bench.start();
    let reload = async |config: &str| {
        fs::write(&bench.config, config).unwrap();
        bench.ask(Method::POST, "/v1/reload", None).await
    };
    let line = "  search-engine: { variants: { old: a, new: b }, default: old }\n";
    let without = flagged().replace(line, "");
    let retired = without.replace("[ old-editor ]", "[ old-editor, search-engine ]");
    assert_eq!(reload(&retired).await.status, 200);
    // Forgotten on the list, it is not free.
    assert_eq!(reload(&without).await.status, 200);
    assert!(matches!(flags.book().state("search-engine"), State::Retired));
    let reused = without.replace("flags:\n", "flags:\n  search-engine: { percent: 5% }\n");
    let old = without
        .replace("flags:\n", "flags:\n  old-editor: { percent: 5% }\n")
        .replace("[ old-editor ]", "[]");
    for config in [reused, old] {
        let detail = reload(&config).await.detail(422, "invalid-config");
        assert!(detail.contains("was retired by the config that runs"), "{detail}");
    }
    // Who retired it by mistake puts it back.
    assert_eq!(reload(&flagged()).await.status, 200);
    assert!(matches!(flags.book().state("search-engine"), State::Defined(_)));
    // What is retired at run time too is remembered whatever the config says.
    let gone = bench.ask(Method::DELETE, "/v1/flags/old-editor?by=ada", None).await.json();
    assert_eq!((&gone["state"], &gone["version"]), (&json!("retired"), &json!(1)));
    assert_eq!(reload(&flagged().replace("[ old-editor ]", "[]")).await.status, 200);
    assert!(matches!(flags.book().state("old-editor"), State::Retired));
}

#[tokio::test]
async fn an_evaluation_says_what_decided() {
    let bench = bench();
    let said = evaluate(&bench, "unit.articles", json!({ "targetingKey": "user-42" })).await;
    assert_eq!(
        (&said["variant"], &said["reason"], &said["bucket"]),
        (&json!("legacy"), &json!("SPLIT"), &json!(7764))
    );
    bench.set("articles", "100%").await;
    let said = evaluate(&bench, "unit.articles", json!({ "targetingKey": "user-42" })).await;
    assert_eq!((&said["variant"], &said["value"]), (&json!("replacement"), &json!(true)));
    let said = evaluate(&bench, "new-editor", json!({})).await;
    assert_eq!((&said["error_code"], &said["reason"]), (&json!("TARGETING_KEY_MISSING"), &json!("ERROR")));
    let said = evaluate(&bench, "spell-check", json!({ "targetingKey": "user-42" })).await;
    assert_eq!((&said["unmet"], &said["reason"]), (&json!("new-editor"), &json!("DISABLED")));
    let refused = bench.post_json("/v1/flags/new-editor/evaluate", json!({ "context": [] })).await;
    assert_eq!(refused.problem(400, "invalid-request")["code"], "INVALID_CONTEXT");
}
