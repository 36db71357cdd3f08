//! A server, and stores on it.

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

use banyan_flags::Percent;
use banyan_state::{Change, Postgres, ServerAddress, Timing};
use banyan_testkit::{PATIENCE, Postgres as Server};

/// Far more than a call takes, since tests run on busy machines.
pub(crate) const PATIENT: Timing = Timing { call: Duration::from_secs(20), poll: Duration::from_millis(200) };

/// For calls that are not answered.
pub(crate) const BRIEF: Timing = Timing { call: Duration::from_secs(1), poll: Duration::from_millis(200) };

pub(crate) fn server() -> Server {
    Server::start().unwrap()
}

pub(crate) fn open(server: &Server, timing: Timing) -> Postgres {
    Postgres::open(&ServerAddress::read(&server.url()).unwrap(), timing).unwrap()
}

pub(crate) fn change(unit: &str, expected_version: u64) -> Change {
    Change {
        unit: unit.to_owned(),
        percent: Percent::FULL,
        held: false,
        expected_version,
        at: SystemTime::UNIX_EPOCH,
        by: "test".to_owned(),
        why: String::new(),
    }
}

/// Asks again and again until the answer is `Some`: for what announces itself by no event.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "{what}: not after {PATIENCE:?}");
        thread::park_timeout(Duration::from_millis(20));
    }
}
