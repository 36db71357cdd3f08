//! The stores, and what goes into them.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use banyan_flags::Percent;
use banyan_state::{
    Address, Alert, Change, FlagChange, Memory, Postgres, RolloutStep, ServerAddress, Sqlite, Store, Timing,
    open,
};

/// Far more than a call takes, since tests run on busy machines.
pub(crate) const PATIENT: Timing = Timing { call: Duration::from_secs(20), poll: Duration::from_secs(1) };

/// Runs a check against each store, fresh.
pub(crate) fn on_each(check: impl Fn(&dyn Store)) {
    on_each_twice(|one, _| check(&**one));
}

/// Runs a check against each store, fresh, as two nodes have it: where there can be two, each has opened it for itself.
pub(crate) fn on_each_twice(check: impl Fn(&Arc<dyn Store>, &Arc<dyn Store>)) {
    // The output of a test is shown when it fails: the last line says on which store.
    println!("on Memory");
    let memory: Arc<dyn Store> = Arc::new(Memory::default());
    check(&memory, &memory);
    println!("on Sqlite");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("banyan.db");
    let sqlite: Arc<dyn Store> = Arc::new(Sqlite::open(&path).expect("a new store"));
    check(&sqlite, &sqlite);
    println!("on Postgres");
    let server = banyan_testkit::Postgres::start().expect("a server");
    check(&postgres(&server.url()), &postgres(&server.url()));
}

fn postgres(url: &str) -> Arc<dyn Store> {
    let address = ServerAddress::read(url).expect("an address");
    Arc::new(Postgres::open(&address, PATIENT).expect("a store"))
}

#[test]
fn a_store_is_opened_by_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let server = banyan_testkit::Postgres::start().unwrap();
    let file = folder.path().join("banyan.db");
    for address in [file.to_str().unwrap(), &server.url()] {
        let address = Address::read(address).unwrap();
        open(&address).unwrap().change(&change("articles", 500, 0)).unwrap();
        assert_eq!(open(&address).unwrap().units().unwrap()[0].percent, percent(500));
    }
}

pub(crate) fn percent(points: u16) -> Percent {
    Percent::from_basis_points(points).expect("a share")
}

pub(crate) fn moment(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_800_000_000 + seconds, 123_456_789)
}

pub(crate) fn change(unit: &str, points: u16, expected_version: u64) -> Change {
    Change {
        unit: unit.to_owned(),
        percent: percent(points),
        held: false,
        expected_version,
        at: moment(expected_version),
        by: "ada".to_owned(),
        why: format!("step after {expected_version}"),
    }
}

pub(crate) fn flag(key: &str, definition: Option<&str>, expected_version: u64) -> FlagChange {
    FlagChange {
        key: key.to_owned(),
        definition: definition.map(str::to_owned),
        expected_version,
        at: moment(expected_version),
        by: "ada".to_owned(),
        why: format!("after {expected_version}"),
    }
}

/// A step that changes nothing but the state.
pub(crate) fn step(unit: &str, what: &str, expected_version: u64) -> RolloutStep {
    RolloutStep {
        unit: unit.to_owned(),
        expected_version,
        state: format!("{{\"after\":{expected_version}}}"),
        what: what.to_owned(),
        percent: None,
        alerts: Vec::new(),
        term: None,
        at: moment(expected_version),
        by: "driver".to_owned(),
        why: format!("because of {expected_version}"),
    }
}

pub(crate) fn alert(key: &str) -> Alert {
    Alert { key: key.to_owned(), target: "http://hook".to_owned(), body: format!("{{\"text\":\"{key}\"}}") }
}
