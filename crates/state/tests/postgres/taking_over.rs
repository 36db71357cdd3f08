//! One drives, and another takes over when that one is gone.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use banyan_state::{Postgres, RolloutStep, ServerAddress, Store, StoreError, Term};
use banyan_testkit::Postgres as Server;
use rustix::process::{Pid, Signal, kill_process};

use crate::helpers::{PATIENT, change, eventually, open, server};

/// Within which another takes over, once the one who drove is gone.
const TAKEOVER: Duration = Duration::from_secs(10);

/// Asks as a driver does, about every second.
fn takes_over(store: &Postgres) -> Term {
    let began = Instant::now();
    loop {
        if let Some(term) = store.lead("heir").unwrap() {
            return term;
        }
        assert!(began.elapsed() < TAKEOVER, "nobody took over within {TAKEOVER:?}");
        thread::park_timeout(Duration::from_secs(1));
    }
}

#[test]
fn one_drives_at_a_time() {
    let server = server();
    let (one, other) = (open(&server, PATIENT), open(&server, PATIENT));
    let first = one.lead("one").unwrap().unwrap();
    for _ in 0..3 {
        assert_eq!(other.lead("other").unwrap(), None);
        assert_eq!(one.lead("one").unwrap(), Some(first));
    }
    drop(one);
    assert!(takes_over(&other) > first);
}

#[test]
fn who_lost_the_connection_has_lost_the_role_and_cannot_step_any_more() {
    let server = server();
    let (one, other) = (open(&server, PATIENT), open(&server, PATIENT));
    let first = one.lead("one").unwrap().unwrap();
    one.step_rollout(&step(first, 0)).unwrap();
    // Not that of its calls, so that it can still write: it has not noticed yet.
    let cut = "SELECT pg_terminate_backend(backend) FROM banyan.leadership";
    server.sql("postgres", cut).unwrap();
    let second = takes_over(&other);
    let refused = one.step_rollout(&step(first, 1)).unwrap_err();
    assert!(matches!(refused, StoreError::Fenced { .. }), "{refused}");
    other.step_rollout(&step(second, 1)).unwrap();
    assert_eq!(eventually("an answer", || one.lead("one").ok()), None);
    assert_eq!(other.lead("heir").unwrap(), Some(second));
}

fn step(term: Term, version: u64) -> RolloutStep {
    let change = change("articles", version);
    RolloutStep {
        unit: change.unit,
        expected_version: version,
        state: "running".to_owned(),
        what: "on".to_owned(),
        percent: None,
        alerts: Vec::new(),
        term: Some(term),
        at: change.at,
        by: change.by,
        why: change.why,
    }
}

const CHILD_URL: &str = "BANYAN_STATE_TEST_URL";

/// A process of its own that drives until it is ended.
struct Driver(Child);

impl Driver {
    fn start(server: &Server) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "taking_over::drives_without_end", "--ignored", "--nocapture"])
            .env(CHILD_URL, server.url())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let drives = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok).next();
        assert_eq!(drives.as_deref(), Some("drives"));
        Self(child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).ok();
    }
}

#[test]
fn a_driver_that_was_killed_is_replaced() {
    let server = server();
    let heir = open(&server, PATIENT);
    let driver = Driver::start(&server);
    assert_eq!(heir.lead("heir").unwrap(), None);
    driver.signal(Signal::KILL);
    assert_eq!(takes_over(&heir).number(), 2);
}

/// Its kernel goes on answering for it, so the server sees nothing amiss.
#[test]
fn a_driver_that_was_stopped_is_replaced() {
    let server = server();
    let heir = open(&server, PATIENT);
    let driver = Driver::start(&server);
    assert_eq!(heir.lead("heir").unwrap(), None);
    driver.signal(Signal::STOP);
    assert_eq!(takes_over(&heir).number(), 2);
    driver.signal(Signal::CONT);
    assert_eq!(heir.lead("heir").unwrap().unwrap().number(), 2);
}

#[test]
#[ignore = "the child of tests that end it"]
fn drives_without_end() {
    let url = std::env::var(CHILD_URL).expect("run by its parent");
    let store = Postgres::open(&ServerAddress::read(&url).unwrap(), PATIENT).unwrap();
    let mut told = false;
    loop {
        if store.lead("driver").unwrap().is_some() && !told {
            eprintln!("drives");
            told = true;
        }
        thread::park_timeout(Duration::from_millis(500));
    }
}
