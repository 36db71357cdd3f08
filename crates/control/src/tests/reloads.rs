//! New configs, good and bad.

use std::fs;

use banyan_state::Store;
use http::Method;
use serde_json::{Value, json};

use super::bench::{Answer, Bench, Scripted, Started, config};
use crate::reload::Trigger;

async fn reload(bench: &Started) -> Answer {
    bench.ask(Method::POST, "/v1/reload", None).await
}

async fn status(bench: &Started) -> Value {
    bench.ask(Method::GET, "/v1/status", None).await.json()
}

async fn set(bench: &Started, unit: &str, percent: &str) {
    let answer =
        bench.ask(Method::PUT, &format!("/v1/units/{unit}"), Some(json!({ "percent": percent }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_broken_config_changes_nothing_and_is_said_with_its_place() {
    let (bench, _) = Bench::new().start();
    let before = status(&bench).await;
    let broken = config("5%", "150%");
    fs::write(&bench.config, &broken).unwrap();
    let line = broken.lines().position(|line| line.contains("150%")).unwrap() + 1;

    let refused = reload(&bench).await.problem(422, "invalid-config");
    let place = &refused["problems"][0];
    assert_eq!((&place["line"], &place["column"]), (&json!(line), &json!(14)), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains(&format!("banyan.yaml:{line}:14: ")), "{refused}");

    let after = status(&bench).await;
    assert_eq!(
        (&after["generation"], &after["config_hash"]),
        (&before["generation"], &before["config_hash"])
    );
    let error = &after["last_reload_error"];
    assert_eq!((&error["trigger"], &error["problems"][0]["line"]), (&json!("api"), &json!(line)));
    assert!(bench.data_plane.applied.lock().unwrap().is_empty());
    let metrics = bench.metrics.render();
    assert!(metrics.contains("banyan_config_last_reload_failed 1\n"), "{metrics}");
    assert!(metrics.contains("banyan_config_reload_failures_total 1\n"), "{metrics}");

    fs::write(&bench.config, config("6%", "0%")).unwrap();
    assert_eq!(reload(&bench).await.json()["generation"], 2);
    let healed = status(&bench).await;
    assert_eq!((&healed["generation"], &healed["last_reload_error"]), (&json!(2), &json!(null)));
    assert_ne!(healed["config_hash"], before["config_hash"]);
    let metrics = bench.metrics.render();
    assert!(
        metrics.contains("banyan_config_last_reload_failed 0\n")
            && metrics.contains("banyan_config_generation 2\n")
    );
}

#[tokio::test]
async fn every_error_of_the_file_is_listed() {
    let (bench, _) = Bench::new().start();
    fs::write(&bench.config, config("150%", "5")).unwrap();
    let refused = reload(&bench).await.problem(422, "invalid-config");
    assert_eq!(refused["problems"].as_array().unwrap().len(), 2, "{refused}");
    fs::remove_file(&bench.config).unwrap();
    let refused = reload(&bench).await.problem(422, "invalid-config");
    assert_eq!(
        (&refused["problems"][0]["line"], refused["problems"].as_array().unwrap().len()),
        (&json!(null), 1)
    );
}

#[tokio::test]
async fn an_edited_share_moves_only_units_nobody_moved_by_hand() {
    let (bench, _) = Bench::new().start();
    set(&bench, "articles", "40%").await;
    fs::write(&bench.config, config("60%", "30%")).unwrap();
    assert_eq!(reload(&bench).await.status, 200);
    assert_eq!((bench.percent("articles"), bench.percent("users")), ("40%".to_owned(), "30%".to_owned()));
    bench.ask(Method::POST, "/v1/units/articles/reset", None).await;
    assert_eq!(bench.percent("articles"), "60%");
}

#[tokio::test]
async fn a_refused_plan_leaves_every_share_as_it_was() {
    let (bench, _) = Bench::new().start();
    *bench.data_plane.refuse.lock().unwrap() = Some("no certificate".to_owned());
    fs::write(&bench.config, config("60%", "30%")).unwrap();
    let detail = reload(&bench).await.detail(409, "config-refused");
    assert!(detail.contains("no certificate"), "{detail}");
    assert_eq!((bench.percent("articles"), bench.percent("users")), ("5%".to_owned(), "0%".to_owned()));
    assert_eq!(bench.ask(Method::GET, "/v1/units", None).await.json()[0]["configured"], "5%");
}

#[tokio::test]
async fn a_unit_that_comes_back_has_its_share_before_the_plan_is_applied() {
    let change = banyan_state::Change {
        unit: "likes".to_owned(),
        percent: banyan_flags::Percent::FULL,
        held: false,
        expected_version: 0,
        at: std::time::SystemTime::UNIX_EPOCH,
        by: "ada".to_owned(),
        why: String::new(),
    };
    // Its record was in the store before this process started.
    let store = Scripted::default();
    store.memory.change(&change).unwrap();
    let (bench, _) = Bench::with_store(store).start();
    let likes = config("5%", "0%").replace("articles", "likes");
    fs::write(&bench.config, likes).unwrap();
    assert_eq!(reload(&bench).await.status, 200);
    let applied = bench.data_plane.applied.lock().unwrap();
    assert!(applied[0].contains(&("likes".to_owned(), banyan_flags::Percent::FULL)), "{applied:?}");
}

#[tokio::test]
async fn what_needs_a_restart_is_said_by_name() {
    let (bench, _) = Bench::new().start();
    let moved = config("5%", "0%").replace(":8080", ":8081").replace("./banyan.db", "./other.db");
    fs::write(&bench.config, moved).unwrap();
    let detail = reload(&bench).await.detail(409, "restart-needed");
    assert!(detail.contains("listen") && detail.contains("state") && !detail.contains("workers"), "{detail}");
    assert_eq!(status(&bench).await["generation"], 1);
}

#[tokio::test]
async fn an_unchanged_file_is_applied_when_somebody_insists_only() {
    let (bench, mut reloader) = Bench::new().start();
    fs::write(&bench.config, "version: 2").unwrap();
    reload(&bench).await.problem(422, "invalid-config");
    // Back to what runs: nothing to apply, and nothing wrong any more.
    fs::write(&bench.config, config("5%", "0%")).unwrap();
    reloader.ask(Trigger::File);
    let status = reloader.wait_for(|status| status.last_error.is_none()).await;
    assert_eq!((status.generation, bench.data_plane.applied.lock().unwrap().len()), (1, 0));
    // Certificates may have changed though the text has not.
    assert_eq!(reload(&bench).await.json()["generation"], 2);
    assert_eq!(bench.data_plane.applied.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn requests_that_wait_share_one_reload() {
    let bench = Bench::new();
    let reloader = bench.control.shared.reloader.clone();
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let reloader = reloader.clone();
            tokio::spawn(async move { reloader.reload(Trigger::Api).await })
        })
        .collect();
    // On one thread the tasks above run, and queue, before the owner.
    tokio::task::yield_now().await;
    let (bench, _) = bench.start();
    for one in waiting {
        one.await.unwrap().unwrap().unwrap();
    }
    assert_eq!(reloader.status().generation, 2);
    assert_eq!(bench.data_plane.applied.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn more_reloads_than_can_wait_are_refused() {
    let bench = Bench::new();
    for _ in 0..100 {
        bench.control.shared.reloader.ask(Trigger::File);
    }
    bench.post("/v1/reload").await.problem(503, "busy");
}
