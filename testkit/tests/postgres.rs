//! The PostgreSQL of tests does what tests need of it.

use banyan_testkit::Postgres;

#[test]
fn what_was_written_is_there_after_a_crash_and_a_restart() {
    let mut postgres = Postgres::start().unwrap();
    postgres.sql("postgres", "CREATE TABLE kept AS SELECT 7 AS number").unwrap();
    assert_eq!(postgres.sql("postgres", "SHOW fsync").unwrap(), "on");
    postgres.crash().unwrap();
    assert!(postgres.sql("postgres", "SELECT 1").is_err());
    postgres.start_again().unwrap();
    assert_eq!(postgres.sql("postgres", "SELECT number, 'x' FROM kept").unwrap(), "7|x");
    postgres.configure("max_connections = 17").unwrap();
    postgres.start_again().unwrap();
    assert_eq!(postgres.sql("postgres", "SHOW max_connections").unwrap(), "17");
}

#[test]
fn each_test_has_its_own() {
    let (one, other) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    assert_ne!(one.url(), other.url());
    one.sql("postgres", "CREATE DATABASE mine").unwrap();
    assert!(one.sql("mine", "SELECT 1").is_ok() && other.sql("mine", "SELECT 1").is_err());
}

#[test]
fn one_that_hung_goes_on() {
    let postgres = Postgres::start().unwrap();
    postgres.hang().unwrap();
    postgres.go_on().unwrap();
    assert_eq!(postgres.sql("postgres", "SELECT 1").unwrap(), "1");
}
