//! A server that restarts, hangs, is held up or is full: an error within the time, and nothing to be done afterwards.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Instant,
};

use banyan_state::{Store, StoreError};
use banyan_testkit::PATIENCE;

use crate::helpers::{BRIEF, PATIENT, change, eventually, open, server};

#[test]
fn a_restart_under_load_gives_errors_and_then_goes_on_by_itself() {
    for crash in [false, true] {
        let mut server = server();
        let stores = [open(&server, BRIEF), open(&server, BRIEF)];
        let (over, made, refused) =
            (AtomicBool::new(false), [0, 1].map(|_| AtomicUsize::new(0)), AtomicUsize::new(0));
        thread::scope(|scope| {
            for (store, made) in stores.iter().zip(&made) {
                let (over, refused) = (&over, &refused);
                scope.spawn(move || {
                    let unit = format!("unit-{:p}", made);
                    while !over.load(SeqCst) {
                        // As a driver does it: where does it stand, then a step from there.
                        let at =
                            store.history(&unit, 1).map(|last| last.first().map_or(0, |last| last.version));
                        match at.and_then(|version| store.change(&change(&unit, version))) {
                            Ok(_) => made.fetch_add(1, SeqCst),
                            Err(StoreError::Unreachable(_)) => refused.fetch_add(1, SeqCst),
                            Err(other) => panic!("{other}"),
                        };
                    }
                });
            }
            let all_made = |least| made.iter().all(|made| made.load(SeqCst) >= least).then_some(());
            eventually("changes", || all_made(5));
            if crash {
                server.crash().unwrap()
            } else {
                server.stop().unwrap()
            }
            eventually("errors", || (refused.load(SeqCst) > 5).then_some(()));
            server.start_again().unwrap();
            let before = made.iter().map(|made| made.load(SeqCst)).max().unwrap();
            eventually("changes again", || all_made(before + 5));
            over.store(true, SeqCst);
        });
        for (store, made) in stores.iter().zip(&made) {
            let stored = store.history(&format!("unit-{:p}", made), 1).unwrap()[0].version;
            assert!(stored >= made.load(SeqCst) as u64, "what was acknowledged is there");
        }
    }
}

#[test]
fn a_server_that_hangs_gives_every_caller_an_error_in_time_and_goes_on() {
    let server = server();
    let store = open(&server, BRIEF);
    store.change(&change("articles", 0)).unwrap();
    store.lead("gw-1").unwrap().unwrap();
    server.hang().unwrap();
    let (began, callers) = (Instant::now(), Barrier::new(10));
    thread::scope(|scope| {
        for number in 0..10 {
            let (store, callers) = (&store, &callers);
            scope.spawn(move || {
                callers.wait();
                let refused = match number {
                    0 => store.lead("gw-1").map(drop),
                    1..6 => store.units().map(drop),
                    _ => store.change(&change("articles", 1)).map(drop),
                };
                assert!(matches!(refused, Err(StoreError::Unreachable(_))), "{refused:?}");
            });
        }
    });
    // Ten callers one after the other would have taken ten times as long as one call may.
    assert!(began.elapsed() < BRIEF.call * 5, "{:?}", began.elapsed());
    server.go_on().unwrap();
    let units = eventually("an answer", || store.units().ok());
    assert!(units[0].version <= 2, "of a change without answer nobody knows, but it is not made twice");
    assert_eq!(store.change(&change("articles", units[0].version)).unwrap().version, units[0].version + 1);
    // What it asked for before was cut off, so the role is free again.
    eventually("a leader", || store.lead("gw-1").ok().flatten());
}

#[test]
fn a_change_that_somebody_holds_up_is_refused_and_nothing_else_is() {
    let server = server();
    let store = open(&server, PATIENT);
    store.change(&change("articles", 0)).unwrap();
    thread::scope(|scope| {
        let hold = "BEGIN; UPDATE banyan.revision SET value = value; SELECT pg_sleep(4)";
        let holding = scope.spawn(|| server.sql("postgres", hold));
        let refused = eventually("a refusal", || {
            store.change(&change("articles", store.units().unwrap()[0].version)).err()
        });
        assert!(matches!(refused, StoreError::Locked), "{refused}");
        assert_eq!(store.history("articles", 1).unwrap()[0].version, store.units().unwrap()[0].version);
        holding.join().unwrap().unwrap();
    });
    store.change(&change("articles", store.units().unwrap()[0].version)).unwrap();
}

#[test]
fn a_server_without_room_refuses_the_change_and_keeps_the_rest() {
    let server = server();
    let store = open(&server, PATIENT);
    // It reports a full disk with this code: https://www.postgresql.org/docs/current/errcodes-appendix.html
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON banyan.history EXECUTE FUNCTION full_disk()";
    server.sql("postgres", full).unwrap();
    assert!(matches!(store.change(&change("articles", 0)), Err(StoreError::Full)));
    assert_eq!(store.units().unwrap(), []);
    server.sql("postgres", "DROP TRIGGER full_disk ON banyan.history").unwrap();
    assert_eq!(store.change(&change("articles", 0)).unwrap().version, 1);
}

#[test]
fn a_server_that_only_follows_another_is_as_good_as_none() {
    let server = server();
    let store = open(&server, PATIENT);
    let read_only = "ALTER ROLE postgres SET default_transaction_read_only = on";
    server.sql("postgres", read_only).unwrap();
    server
        .sql(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'banyan'",
        )
        .unwrap();
    let refused = eventually("a refusal", || match store.change(&change("articles", 0)) {
        Err(StoreError::Unreachable(why)) if why.contains("read-only") => Some(why),
        _ => None,
    });
    assert!(refused.contains("127.0.0.1"), "{refused}");
    server.sql("postgres", "BEGIN READ WRITE; ALTER ROLE postgres RESET ALL; COMMIT").unwrap();
    eventually("a change", || store.change(&change("articles", 0)).ok());
}

#[test]
fn words_that_a_server_cannot_keep_do_not_fail_a_change() {
    let server = server();
    let store = open(&server, PATIENT);
    let odd = banyan_state::Change { why: "a\0b".to_owned(), ..change("articles", 0) };
    store.change(&odd).unwrap();
    assert_eq!(store.units().unwrap()[0].why, "a\u{FFFD}b");
}

#[tokio::test]
async fn it_may_be_asked_on_a_thread_that_runs_a_runtime() {
    let server = server();
    let store = open(&server, PATIENT);
    tokio::time::timeout(PATIENCE, async { store.change(&change("articles", 0)).unwrap() }).await.unwrap();
}
