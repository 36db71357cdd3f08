//! Units: changes, conflicts, histories.

use banyan_state::{Change, Entry, Kept, Record, Step, StoreError};

use crate::stores::{change, moment, on_each, percent};

fn versions(history: &[Entry]) -> Vec<u64> {
    history.iter().map(|entry| entry.version).collect()
}

#[test]
fn a_change_is_recorded_as_it_was_made() {
    on_each(|store| {
        assert_eq!(store.units().unwrap(), []);
        let made = store.change(&Change { held: true, ..change("articles", 525, 0) }).unwrap();
        let expected = Record {
            unit: "articles".to_owned(),
            percent: percent(525),
            held: true,
            version: 1,
            at: moment(0),
            by: "ada".to_owned(),
            why: "step after 0".to_owned(),
        };
        assert_eq!(made, expected);
        assert_eq!(store.units().unwrap(), [expected]);
    });
}

#[test]
fn a_change_decided_on_an_old_version_is_refused() {
    on_each(|store| {
        store.change(&change("articles", 500, 0)).unwrap();
        for stale in [0, 2] {
            let refused = store.change(&change("articles", 900, stale)).unwrap_err();
            assert!(
                matches!(refused, StoreError::Conflict { of: Kept::Unit, expected, found: 1, .. } if expected == stale),
                "{refused}"
            );
        }
        assert_eq!(store.units().unwrap()[0].percent, percent(500));
        assert_eq!(versions(&store.history("articles", 9).unwrap()), [1]);
    });
}

#[test]
fn units_are_apart_and_in_order() {
    on_each(|store| {
        store.change(&change("users", 100, 0)).unwrap();
        store.change(&change("articles", 200, 0)).unwrap();
        store.change(&change("users", 300, 1)).unwrap();
        let units = store.units().unwrap();
        let seen: Vec<_> = units
            .iter()
            .map(|unit| (unit.unit.as_str(), unit.percent.basis_points(), unit.version))
            .collect();
        assert_eq!(seen, [("articles", 200, 1), ("users", 300, 2)]);
    });
}

#[test]
fn history_is_newest_first_and_limited() {
    on_each(|store| {
        for version in 0..5 {
            store.change(&change("articles", 100, version)).unwrap();
        }
        assert_eq!(versions(&store.history("articles", 9).unwrap()), [5, 4, 3, 2, 1]);
        let latest = store.history("articles", 2).unwrap();
        assert_eq!(versions(&latest), [5, 4]);
        assert_eq!((latest[0].at, latest[0].why.as_str()), (moment(4), "step after 4"));
        assert_eq!(store.history("users", 9).unwrap(), []);
    });
}

#[test]
fn a_forgotten_unit_starts_again_and_versions_count_on() {
    on_each(|store| {
        store.change(&change("articles", 500, 0)).unwrap();
        store.forget("articles", "bob", "config decides", moment(9)).unwrap();
        assert_eq!(store.units().unwrap(), []);
        assert!(matches!(
            store.change(&change("articles", 900, 1)),
            Err(StoreError::Conflict { expected: 1, found: 0, .. })
        ));
        assert_eq!(store.change(&change("articles", 700, 0)).unwrap().version, 3);
        let history = store.history("articles", 9).unwrap();
        assert_eq!(versions(&history), [3, 2, 1]);
        assert_eq!(
            (history[1].step, history[1].by.as_str(), history[1].at),
            (Step::Forget, "bob", moment(9))
        );
    });
}

#[test]
fn there_is_nothing_to_forget_about_an_unknown_unit() {
    on_each(|store| {
        store.forget("articles", "bob", "", moment(0)).unwrap();
        assert_eq!(store.history("articles", 9).unwrap(), []);
    });
}
