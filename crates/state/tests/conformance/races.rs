//! Two writers at once.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use banyan_state::{RolloutStep, Store, StoreError};

use crate::stores::{change, flag, on_each_twice, step};

/// Each of two nodes makes this many changes, reading anew after each conflict.
const CHANGES: usize = 15;

/// Runs `act` on both stores at once until each has succeeded [`CHANGES`] times; returns how often it was refused.
fn race(stores: [&Arc<dyn Store>; 2], act: impl Fn(&dyn Store) -> Result<(), StoreError> + Sync) -> usize {
    let start = Barrier::new(2);
    let run = |store: &Arc<dyn Store>| {
        start.wait();
        let (mut made, mut refused) = (0, 0);
        while made < CHANGES {
            match act(&**store) {
                Ok(()) => made += 1,
                Err(StoreError::Conflict { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        refused
    };
    thread::scope(|scope| {
        let racing = stores.map(|store| scope.spawn(|| run(store)));
        racing.into_iter().map(|racer| racer.join().unwrap()).sum()
    })
}

#[test]
fn of_two_changes_of_one_version_exactly_one_is_made() {
    on_each_twice(|one, other| {
        let refused = race([one, other], |store| {
            let units = store.units()?;
            let version = units.first().map_or(0, |unit| unit.version);
            store.change(&change("articles", 100, version)).map(drop)
        });
        let history = one.history("articles", 999).unwrap();
        let versions: Vec<_> = history.iter().map(|entry| entry.version).collect();
        let expected: Vec<_> = (1..=2 * CHANGES as u64).rev().collect();
        assert_eq!(versions, expected, "{refused} were refused");
    });
}

#[test]
fn two_people_at_one_flag_lose_nothing() {
    on_each_twice(|one, other| {
        race([one, other], |store| {
            let flags = store.flags()?;
            let version = flags.first().map_or(0, |flag| flag.version);
            let definition = version.to_string();
            store.change_flag(&flag("search", Some(&definition), version)).map(drop)
        });
        let history = one.flag_history("search", 999).unwrap();
        assert_eq!(history.len(), 2 * CHANGES);
        assert!(history.iter().all(|entry| entry.to == Some((entry.version - 1).to_string())));
        let links = history.windows(2).all(|pair| pair[0].from == pair[1].to);
        assert!(links, "each change says what it changed");
    });
}

#[test]
fn steps_of_two_drivers_are_whole() {
    on_each_twice(|one, other| {
        race([one, other], |store| {
            let version = store.rollouts()?.first().map_or(0, |rollout| rollout.version);
            let share = store.units()?.first().map_or(0, |unit| unit.version);
            let percent = Some(change("articles", 100, share));
            store.step_rollout(&RolloutStep { percent, ..step("articles", "on", version) }).map(drop)
        });
        let (rollout, unit) = (one.rollouts().unwrap(), one.units().unwrap());
        assert_eq!((rollout[0].version, unit[0].version), (2 * CHANGES as u64, 2 * CHANGES as u64));
    });
}
