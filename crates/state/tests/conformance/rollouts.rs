//! Rollouts: steps that are made as a whole or not at all.

use banyan_state::{Kept, RolloutEntry, RolloutRecord, RolloutStep, StoreError, Term};

use crate::stores::{alert, change, moment, on_each, percent, step};

#[test]
fn a_step_is_recorded_as_it_was_made() {
    on_each(|store| {
        assert_eq!(store.rollouts().unwrap(), []);
        store.change(&change("articles", 0, 0)).unwrap();
        let full = RolloutStep {
            percent: Some(change("articles", 100, 1)),
            alerts: vec![alert("started")],
            ..step("articles", "started", 0)
        };
        let (record, unit) = store.step_rollout(&full).unwrap();
        let expected = RolloutRecord {
            unit: "articles".to_owned(),
            state: "{\"after\":0}".to_owned(),
            version: 1,
            at: moment(0),
            by: "driver".to_owned(),
            why: "because of 0".to_owned(),
        };
        assert_eq!(record, expected);
        let unit = unit.unwrap();
        assert_eq!((unit.percent, unit.version), (percent(100), 2));
        assert_eq!(store.rollouts().unwrap(), [expected]);
        assert_eq!(store.units().unwrap(), [unit]);
        let alerts = store.alerts_due(moment(0), 9).unwrap();
        assert_eq!((alerts.len(), alerts[0].unit.as_str()), (1, "articles"));
    });
}

#[test]
fn the_history_of_a_rollout_is_newest_first_and_leaves_out_what_is_not_worth_a_line() {
    on_each(|store| {
        store.step_rollout(&step("articles", "started", 0)).unwrap();
        store.step_rollout(&step("articles", "", 1)).unwrap();
        let share = RolloutStep { percent: Some(change("articles", 500, 0)), ..step("articles", "5 %", 2) };
        store.step_rollout(&share).unwrap();
        store.step_rollout(&step("users", "started", 0)).unwrap();
        let entry = |version: u64, what: &str, points: Option<u16>| RolloutEntry {
            unit: "articles".to_owned(),
            version,
            state: format!("{{\"after\":{}}}", version - 1),
            what: what.to_owned(),
            percent: points.map(percent),
            at: moment(version - 1),
            by: "driver".to_owned(),
            why: format!("because of {}", version - 1),
        };
        let all = [entry(3, "5 %", Some(500)), entry(1, "started", None)];
        assert_eq!(store.rollout_history("articles", 9).unwrap(), all);
        assert_eq!(store.rollout_history("articles", 1).unwrap(), all[..1]);
        assert_eq!(store.rollout_history("nothing", 1).unwrap(), []);
        let rollouts = store.rollouts().unwrap();
        let standing: Vec<_> = rollouts.iter().map(|at| (at.unit.as_str(), at.version)).collect();
        assert_eq!(standing, [("articles", 3), ("users", 1)]);
    });
}

/// What is to be refused: of an old rollout, of an old share, of another unit, of an old term.
fn refused_steps(old: Term) -> [RolloutStep; 4] {
    let whole = |percent, expected_version| RolloutStep {
        percent: Some(percent),
        alerts: vec![alert("refused")],
        ..step("articles", "refused", expected_version)
    };
    [
        whole(change("articles", 900, 1), 0),
        whole(change("articles", 900, 0), 1),
        whole(change("users", 900, 0), 1),
        RolloutStep { term: Some(old), ..whole(change("articles", 900, 1), 1) },
    ]
}

#[test]
fn a_step_that_is_refused_has_changed_nothing() {
    on_each(|store| {
        let old = store.lead("a").unwrap().unwrap();
        store.lead("b").unwrap().unwrap();
        let first = RolloutStep { percent: Some(change("articles", 100, 0)), ..step("articles", "1 %", 0) };
        store.step_rollout(&first).unwrap();
        let before = (store.rollouts().unwrap(), store.units().unwrap());
        let refused = refused_steps(old).map(|step| store.step_rollout(&step).unwrap_err());
        assert!(matches!(refused[0], StoreError::Conflict { of: Kept::Rollout, expected: 0, found: 1, .. }));
        assert!(matches!(refused[1], StoreError::Conflict { of: Kept::Unit, expected: 0, found: 1, .. }));
        assert!(matches!(refused[2], StoreError::Failed(_)), "{}", refused[2]);
        assert!(matches!(refused[3], StoreError::Fenced { .. }), "{}", refused[3]);
        assert_eq!((store.rollouts().unwrap(), store.units().unwrap()), before);
        assert_eq!(store.rollout_history("articles", 9).unwrap().len(), 1);
        assert_eq!(store.history("articles", 9).unwrap().len(), 1);
        assert_eq!(store.alerts_due(moment(99), 9).unwrap(), []);
    });
}

#[test]
fn a_person_needs_no_term_and_a_driver_the_newest() {
    on_each(|store| {
        let (old, new) = (store.lead("a").unwrap().unwrap(), store.lead("b").unwrap().unwrap());
        let by = |term, version| RolloutStep { term, ..step("articles", "on", version) };
        store.step_rollout(&by(None, 0)).unwrap();
        store.step_rollout(&by(Some(new), 1)).unwrap();
        let refused = store.step_rollout(&by(Some(old), 2)).unwrap_err();
        let fenced = (old.number(), new.number());
        assert!(
            matches!(refused, StoreError::Fenced { term, newest } if (term, newest) == fenced),
            "{refused}"
        );
        assert_eq!(store.rollouts().unwrap()[0].version, 2);
    });
}
