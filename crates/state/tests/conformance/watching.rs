//! Waiting for changes.

use std::{thread, time::Duration};

use banyan_state::{Revision, RolloutStep, Store, Watch};

use crate::stores::{change, flag, moment, on_each, on_each_twice, step};

/// Only a test that fails waits for it.
const LONG: Duration = Duration::from_secs(60);

/// More than a change takes until it is told, on a machine that is not busy.
const SHORT: Duration = Duration::from_millis(1500);

/// Past the first call, which may return though nothing has moved.
fn settled(store: &dyn Store) -> (Box<dyn Watch>, Revision) {
    let mut watch = store.watch();
    watch.wait(SHORT).unwrap();
    let revision = watch.wait(Duration::ZERO).unwrap();
    (watch, revision)
}

#[test]
fn a_change_by_another_node_wakes_who_waits() {
    on_each_twice(|here, there| {
        let (mut watch, before) = settled(&**here);
        let changes: [&(dyn Fn() + Sync); 4] = [
            &|| drop(there.change(&change("articles", 500, 0)).unwrap()),
            &|| drop(there.change_flag(&flag("search", Some("1"), 0)).unwrap()),
            &|| drop(there.step_rollout(&step("articles", "started", 0)).unwrap()),
            &|| there.forget("articles", "ada", "", moment(0)).unwrap(),
        ];
        let mut revisions = vec![before];
        for change in changes {
            thread::scope(|scope| {
                scope.spawn(change);
                revisions.push(watch.wait(LONG).unwrap());
            });
        }
        assert!(revisions.is_sorted_by(|a, b| a != b), "{revisions:?}");
    });
}

#[test]
fn what_was_refused_and_what_comes_all_the_time_wakes_nobody() {
    on_each(|store| {
        store.change(&change("articles", 500, 0)).unwrap();
        let (mut watch, before) = settled(store);
        assert!(store.change(&change("articles", 900, 0)).is_err());
        assert!(store.step_rollout(&RolloutStep { expected_version: 9, ..step("x", "", 0) }).is_err());
        store.put_evidence("a", "articles", 1, b"seen").unwrap();
        store.secret("cookie", &[1; 32]).unwrap();
        assert_eq!(watch.wait(SHORT).unwrap(), before);
    });
}
