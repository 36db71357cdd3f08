//! Stores that fail, hang or are asked for two things at once.

use banyan_state::{Store, StoreError};
use http::Method;
use serde_json::json;
use tokio::time::{advance, pause};

use super::bench::{Bench, Fail};
use crate::{
    order::{Action, Order, Refusal},
    standing::PATIENCE,
};

#[tokio::test]
async fn a_failing_store_refuses_the_change_and_traffic_goes_on() {
    let bench = Bench::new();
    bench.set("users", "7%").await;
    let failures: [(Fail, &str); 3] = [
        (|| StoreError::Locked, "locked by another process"),
        (|| StoreError::Full, "disk of the state store is full"),
        (|| StoreError::Failed("disk I/O error".to_owned()), "disk I/O error"),
    ];
    for (fail, expected) in failures {
        *bench.store.fail.lock().unwrap() = Some(fail);
        let refused = [
            bench.set("articles", "50%").await,
            bench.post("/v1/units/articles/back").await,
            bench.post("/v1/units/users/reset").await,
        ];
        for answer in refused {
            let detail = answer.detail(503, "store-unavailable");
            assert!(detail.contains(expected) && detail.contains("nothing was changed"), "{detail}");
        }
        bench.ask(Method::GET, "/v1/units/articles/history", None).await.problem(503, "store-unavailable");
        let units = bench.get("/v1/units").await;
        assert_eq!((&units[0]["percent"], &units[0]["version"]), (&json!("5%"), &json!(0)));
        assert_eq!((bench.percent("articles"), bench.percent("users")), ("5%".to_owned(), "7%".to_owned()));
    }
    *bench.store.fail.lock().unwrap() = None;
    assert_eq!(bench.set("articles", "50%").await.json()["version"], 1);
}

#[tokio::test]
async fn changes_at_once_take_turns_and_none_is_lost() {
    let bench = Bench::new();
    let (one, two) = tokio::join!(bench.set("articles", "10%"), bench.set("articles", "20%"));
    let mut versions = [&one, &two].map(|answer| answer.json()["version"].as_u64().unwrap());
    versions.sort_unstable();
    // An answer shows the unit as it is when it is written, so the first may show the second's change already.
    assert_eq!((one.status.as_u16(), two.status.as_u16(), versions[1]), (200, 200, 2));
    let history = bench.store.memory.history("articles", 9).unwrap();
    assert_eq!(history.iter().map(|entry| entry.version).collect::<Vec<_>>(), [2, 1]);
    let stored = bench.store.memory.units().unwrap()[0].percent.to_string();
    assert_eq!(bench.percent("articles"), stored);
}

#[tokio::test]
async fn many_changes_at_once_leave_live_and_store_alike() {
    let bench = Bench::new();
    let standing = bench.control.shared.standing.clone();
    let tasks = (0..40u16).map(|number| {
        let (standing, percent) =
            (standing.clone(), banyan_flags::Percent::from_basis_points(number).unwrap());
        tokio::spawn(async move { standing.carry_out(order(Action::Set(percent))).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    let record = bench.store.memory.units().unwrap().remove(0);
    assert_eq!(record.version, 40);
    assert_eq!(bench.percent("articles"), record.percent.to_string());
    assert_eq!(standing.record("articles"), Some(record));
}

#[tokio::test]
async fn a_change_that_outlasts_patience_is_unclear_but_never_half_made() {
    let bench = Bench::new();
    let gate = bench.store.gate();
    let standing = bench.control.shared.standing.clone();
    pause();
    let slow = tokio::spawn({
        let standing = standing.clone();
        async move { standing.carry_out(order(Action::Set(banyan_flags::Percent::FULL))).await }
    });
    gate.entered.notified().await;
    advance(PATIENCE / 2).await;
    let next = tokio::spawn({
        let standing = standing.clone();
        async move { standing.carry_out(order(Action::Hold)).await }
    });
    tokio::task::yield_now().await;
    advance(PATIENCE * 2).await;
    assert!(matches!(slow.await.unwrap(), Err(Refusal::Unanswered)));
    assert!(matches!(next.await.unwrap(), Err(Refusal::Waiting)));
    assert_eq!(bench.percent("articles"), "5%");

    gate.open();
    // The next order waits for the slow one's turn to end.
    standing.carry_out(order(Action::Hold)).await.unwrap();
    let record = standing.record("articles").unwrap();
    assert_eq!((record.percent.to_string(), record.version, record.held), ("100%".to_owned(), 2, true));
    assert_eq!(bench.percent("articles"), "100%");
    assert_eq!(bench.store.memory.units().unwrap(), [record]);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_stop_a_change() {
    let bench = Bench::new();
    let gate = bench.store.gate();
    let standing = bench.control.shared.standing.clone();
    let caller = tokio::spawn({
        let standing = standing.clone();
        async move { standing.carry_out(order(Action::Set(banyan_flags::Percent::FULL))).await }
    });
    gate.entered.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    gate.open();
    standing.carry_out(order(Action::Release)).await.unwrap();
    assert_eq!(bench.percent("articles"), "100%");
    assert_eq!(bench.store.memory.units().unwrap()[0].percent.to_string(), "100%");
}

fn order(action: Action) -> Order {
    let (unit, by, why) = ("articles".to_owned(), "ada".to_owned(), String::new());
    Order { unit, action, by, why, versions: None }
}
