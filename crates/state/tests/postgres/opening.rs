//! Opening: tables that are not there, are there already, are newer, or belong to somebody else.

use std::thread;

use banyan_state::{OpenError, Postgres, ServerAddress, Store, StoreError};
use banyan_testkit::Port;

use crate::helpers::{BRIEF, PATIENT, change, open, server};

#[test]
fn nodes_that_start_at_once_make_the_tables_once() {
    let server = server();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| open(&server, PATIENT).units().unwrap());
        }
    });
    assert_eq!(server.sql("postgres", "SELECT count(*) FROM banyan.versions").unwrap(), "1");
}

#[test]
fn tables_of_a_newer_version_are_left_as_they_are() {
    let server = server();
    drop(open(&server, PATIENT));
    server.sql("postgres", "INSERT INTO banyan.versions VALUES (99)").unwrap();
    let refused = Postgres::open(&ServerAddress::read(&server.url()).unwrap(), PATIENT).unwrap_err();
    assert!(matches!(refused, OpenError::NewerServer { found: 99, known: 1, .. }), "{refused}");
}

#[test]
fn who_may_not_make_tables_is_told_and_may_use_those_that_are_there() {
    let server = server();
    server.sql("postgres", "CREATE ROLE plain LOGIN").unwrap();
    let plain = server.url().replace("postgres@", "plain@");
    let plain = ServerAddress::read(&plain).unwrap();
    let refused = Postgres::open(&plain, PATIENT).unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    drop(open(&server, PATIENT));
    let allow = "GRANT USAGE ON SCHEMA banyan TO plain; GRANT ALL ON ALL TABLES IN SCHEMA banyan TO plain";
    server.sql("postgres", allow).unwrap();
    let store = Postgres::open(&plain, PATIENT).unwrap();
    assert_eq!(store.change(&change("articles", 0)).unwrap().version, 1);
    assert!(store.lead("gw-1").unwrap().is_some());
}

#[test]
fn what_cannot_be_reached_is_named_without_its_password() {
    let port = Port::reserve().unwrap();
    let url = format!("postgres://ada:tops3cret@{}/x", port.address());
    let refused = Postgres::open(&ServerAddress::read(&url).unwrap(), BRIEF).unwrap_err();
    assert!(matches!(&refused, OpenError::Server { source: StoreError::Unreachable(_), .. }), "{refused:?}");
    let said = format!("{refused} {refused:?}");
    assert!(said.contains(&format!("postgres://ada@{}/x", port.address())), "{said}");
    assert!(!said.contains("tops3cret"), "{said}");
}

#[test]
fn a_wrong_password_is_not_repeated() {
    let mut server = server();
    server.sql("postgres", "CREATE ROLE ada LOGIN PASSWORD 'right'").unwrap();
    std::fs::write(server.data().join("pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n").unwrap();
    server.start_again().unwrap();
    let address = ServerAddress::read(&server.url().replace("postgres@", "ada@")).unwrap();
    let refused = Postgres::open(&address.clone().with_password("wr0ng"), PATIENT).unwrap_err();
    let said = format!("{refused} {refused:?}");
    assert!(said.contains("password authentication failed") && !said.contains("wr0ng"), "{said}");
    // The right one gets further: this role may not make tables.
    let refused = Postgres::open(&address.with_password("right"), PATIENT).unwrap_err();
    let store = format!("{:?}", refused);
    assert!(store.contains("permission denied") && !store.contains("right"), "{store}");
}

#[test]
fn a_secret_is_the_same_for_every_node() {
    let server = server();
    let ask = |fresh| open(&server, PATIENT).secret("cookie", &[fresh; 32]).unwrap();
    let secrets: Vec<_> = thread::scope(|scope| {
        let ask = &ask;
        let asking: Vec<_> = (0..4).map(|fresh| scope.spawn(move || ask(fresh))).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert!(secrets.windows(2).all(|pair| pair[0] == pair[1]), "{secrets:?}");
}

#[test]
fn history_cannot_be_rewritten() {
    let server = server();
    let store = open(&server, PATIENT);
    store.change(&change("articles", 0)).unwrap();
    for sql in
        ["UPDATE banyan.history SET percent = 0", "DELETE FROM banyan.history", "TRUNCATE banyan.history"]
    {
        let refused = server.sql("postgres", sql).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    assert_eq!(store.history("articles", 9).unwrap().len(), 1);
}
