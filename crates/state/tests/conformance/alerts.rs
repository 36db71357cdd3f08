//! Alerts: told once, tried again, bounded.

use banyan_state::{Alert, AlertRecord, MAX_ALERTS, RolloutStep, Store};

use crate::stores::{alert, moment, on_each, step};

/// A step of a rollout with these alerts, at that version and second.
fn tell(store: &dyn Store, version: u64, alerts: Vec<Alert>) {
    store.step_rollout(&RolloutStep { alerts, ..step("articles", "told", version) }).unwrap();
}

fn keys(alerts: &[AlertRecord]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.key.as_str()).collect()
}

#[test]
fn an_alert_waits_until_it_was_sent() {
    on_each(|store| {
        tell(store, 0, vec![alert("a"), alert("b")]);
        tell(store, 1, vec![alert("c")]);
        let due = store.alerts_due(moment(1), 9).unwrap();
        assert_eq!(keys(&due), ["a", "b", "c"]);
        let first = AlertRecord {
            id: due[0].id,
            unit: "articles".to_owned(),
            key: "a".to_owned(),
            body: "{\"text\":\"a\"}".to_owned(),
            target: "http://hook".to_owned(),
            tries: 0,
            next_at: moment(0),
            failure: String::new(),
        };
        assert_eq!(due[0], first);
        assert_eq!(keys(&store.alerts_due(moment(1), 2).unwrap()), ["a", "b"]);
        store.alert_sent(due[0].id).unwrap();
        store.alert_sent(due[0].id).unwrap();
        store.alert_sent(999).unwrap();
        assert_eq!(keys(&store.alerts_due(moment(1), 9).unwrap()), ["b", "c"]);
    });
}

/// It was written by a node whose clock is ahead, and that is gone.
#[test]
fn an_alert_that_was_never_tried_waits_for_no_clock() {
    on_each(|store| {
        let ahead = RolloutStep { at: moment(600), ..step("articles", "rolled back", 0) };
        store.step_rollout(&RolloutStep { alerts: vec![alert("a")], ..ahead }).unwrap();
        assert_eq!(keys(&store.alerts_due(moment(0), 9).unwrap()), ["a"]);
    });
}

#[test]
fn an_alert_that_failed_is_tried_again_later() {
    on_each(|store| {
        tell(store, 0, vec![alert("a"), alert("b")]);
        let id = store.alerts_due(moment(0), 1).unwrap()[0].id;
        store.alert_failed(id, moment(60), "503").unwrap();
        store.alert_failed(id, moment(30), "timed out").unwrap();
        assert_eq!(keys(&store.alerts_due(moment(29), 9).unwrap()), ["b"]);
        let due = store.alerts_due(moment(30), 9).unwrap();
        assert_eq!(keys(&due), ["b", "a"]);
        assert_eq!((due[1].tries, due[1].failure.as_str(), due[1].next_at), (2, "timed out", moment(30)));
    });
}

#[test]
fn nothing_is_told_twice() {
    on_each(|store| {
        tell(store, 0, vec![alert("a"), alert("a")]);
        let due = store.alerts_due(moment(0), 9).unwrap();
        assert_eq!(keys(&due), ["a"]);
        store.alert_sent(due[0].id).unwrap();
        let long = Alert { target: format!("http://{}", "x".repeat(10_000)), ..alert("a") };
        tell(store, 1, vec![alert("a"), long.clone()]);
        let due = store.alerts_due(moment(9), 9).unwrap();
        assert_eq!((keys(&due), &due[0].target), (vec!["a"], &long.target));
    });
}

#[test]
fn alerts_are_bounded_and_those_that_were_sent_go_first() {
    on_each(|store| {
        let many = |range: std::ops::Range<usize>| range.map(|number| alert(&format!("{number}"))).collect();
        tell(store, 0, many(0..MAX_ALERTS));
        let due = store.alerts_due(moment(0), MAX_ALERTS + 1).unwrap();
        assert_eq!(due.len(), MAX_ALERTS);
        store.alert_sent(due[5].id).unwrap();
        store.alert_sent(due[7].id).unwrap();
        tell(store, 1, vec![alert("x"), alert("y"), alert("z")]);
        let left = store.alerts_due(moment(1), MAX_ALERTS + 1).unwrap();
        assert_eq!(left.len(), MAX_ALERTS);
        assert_eq!(keys(&left)[..7], ["1", "2", "3", "4", "6", "8", "9"]);
        assert_eq!(left.last().unwrap().key, "z");
    });
}
