//! Hearing of changes: told at once, asked for as a net, and told of trouble.

use std::time::Duration;

use banyan_state::{Store, StoreError, Timing};

use crate::helpers::{PATIENT, change, eventually, open, server};

/// Only a test that fails waits for it.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_change_is_told_without_being_asked_for() {
    let server = server();
    let never = Timing { poll: Duration::from_secs(3600), ..PATIENT };
    let (here, there) = (open(&server, never), open(&server, never));
    let mut watch = here.watch();
    there.change(&change("articles", 0)).unwrap();
    assert_eq!(watch.wait(LONG).unwrap().0, 1);
    // The first may have been seen when the connection was made. From now on there is nothing but being told.
    for version in 1..4 {
        there.change(&change("articles", version)).unwrap();
        assert_eq!(watch.wait(LONG).unwrap().0, version + 1);
    }
}

#[test]
fn a_change_that_is_not_told_is_found_by_asking() {
    let server = server();
    let store = open(&server, PATIENT);
    let mut watch = store.watch();
    watch.wait(Duration::from_secs(2)).unwrap();
    server.sql("postgres", "UPDATE banyan.revision SET value = value + 40").unwrap();
    assert_eq!(watch.wait(LONG).unwrap().0, 40);
}

#[test]
fn who_waits_is_told_when_the_server_is_gone_and_when_it_is_back() {
    let mut server = server();
    let (here, there) = (open(&server, PATIENT), open(&server, PATIENT));
    let mut watch = here.watch();
    watch.wait(Duration::from_secs(2)).unwrap();
    server.stop().unwrap();
    let refused = watch.wait(LONG).unwrap_err();
    assert!(matches!(&refused, StoreError::Unreachable(why) if why.contains("127.0.0.1")), "{refused}");
    assert!(watch.wait(Duration::ZERO).is_err());
    server.start_again().unwrap();
    let back = eventually("it is back", || watch.wait(LONG).ok());
    there.change(&change("articles", 0)).unwrap();
    let next = eventually("a change", || watch.wait(LONG).ok().filter(|next| *next != back));
    assert!(next.0 > back.0);
}

#[test]
fn who_waits_is_told_when_the_server_hangs() {
    let server = server();
    let timing = Timing { call: Duration::from_millis(500), poll: Duration::from_millis(100) };
    let store = open(&server, timing);
    let mut watch = store.watch();
    watch.wait(Duration::from_secs(2)).unwrap();
    server.hang().unwrap();
    assert!(matches!(watch.wait(LONG), Err(StoreError::Unreachable(_))));
    server.go_on().unwrap();
    eventually("it is back", || watch.wait(LONG).ok());
}
