//! What only a store on a disk can meet: locks, strange files and sudden death.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::SystemTime,
};

use banyan_flags::Percent;
use banyan_state::{CacheUrl, Change, HotUrl, OpenError, RolloutStep, Sqlite, Store, StoreError};
use rusqlite::Connection;

fn change(expected_version: u64) -> Change {
    Change {
        unit: "articles".to_owned(),
        percent: Percent::FULL,
        held: false,
        expected_version,
        at: SystemTime::UNIX_EPOCH,
        by: "test".to_owned(),
        why: String::new(),
    }
}

#[test]
fn everything_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("banyan.db");
    let store = Sqlite::open(&path).unwrap();
    let record = store.change(&change(0)).unwrap();
    store.secret("cookie", &[7; 32]).unwrap();
    store.set_hot_urls(&[hot()]).unwrap();
    let (rollout, _) = store.step_rollout(&step(0)).unwrap();
    store.put_evidence("gw-1", "articles", 3, b"seen").unwrap();
    drop(store);
    let store = Sqlite::open(&path).unwrap();
    assert_eq!(store.units().unwrap(), [record]);
    assert_eq!(store.rollouts().unwrap(), [rollout]);
    assert_eq!(store.evidence("articles", 3).unwrap(), [("gw-1".to_owned(), b"seen".to_vec())]);
    assert_eq!(store.secret("cookie", &[8; 32]).unwrap(), [7; 32]);
    assert_eq!(store.hot_urls().unwrap(), [hot()]);
}

fn hot() -> HotUrl {
    let url = CacheUrl { host: "a.example".to_owned(), target: "/x?y=1".to_owned(), secure: true };
    HotUrl { url, count: 3 }
}

/// What the later steps of the schema have added, by step.
const ADDED: [&str; 2] = [
    "DROP TABLE hot_urls; PRAGMA user_version = 1",
    "DROP TABLE flag_history; DROP TABLE rollouts; DROP TABLE rollout_history; DROP TABLE alerts;
        DROP TABLE evidence; DROP TABLE leadership; PRAGMA user_version = 2",
];

/// Stores of each earlier schema, as earlier versions left them.
#[test]
fn an_older_store_is_brought_up_to_date_and_loses_nothing() {
    for oldest in 0..ADDED.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("banyan.db");
        let store = Sqlite::open(&path).unwrap();
        let record = store.change(&change(0)).unwrap();
        drop(store);
        let older = Connection::open(&path).unwrap();
        ADDED[oldest..].iter().rev().for_each(|added| older.execute_batch(added).unwrap());
        drop(older);
        let store = Sqlite::open(&path).unwrap();
        assert_eq!(store.units().unwrap(), [record]);
        assert_eq!(store.hot_urls().unwrap(), []);
        store.set_hot_urls(&[hot()]).unwrap();
        assert_eq!(store.hot_urls().unwrap(), [hot()]);
        store.step_rollout(&step(0)).unwrap();
        assert_eq!(store.rollouts().unwrap()[0].state, "running");
    }
}

fn step(expected_version: u64) -> RolloutStep {
    RolloutStep {
        unit: "articles".to_owned(),
        expected_version,
        state: "running".to_owned(),
        what: "started".to_owned(),
        percent: None,
        alerts: Vec::new(),
        term: None,
        at: SystemTime::UNIX_EPOCH,
        by: "test".to_owned(),
        why: String::new(),
    }
}

/// A driver that was replaced by a younger process of the same name is told apart from it.
#[test]
fn each_process_that_leads_has_a_term_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("banyan.db");
    let lead = || Sqlite::open(&path).unwrap().lead("gw-1").unwrap().unwrap().number();
    assert_eq!([lead(), lead(), lead()], [1, 2, 3]);
}

#[test]
fn only_its_owner_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("banyan.db");
    let store = Sqlite::open(&path).unwrap();
    store.change(&change(0)).unwrap();
    for name in ["banyan.db", "banyan.db-wal"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} has mode {mode:o}");
    }
}

#[test]
fn two_owners_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("banyan.db");
    let first = Sqlite::open(&path).unwrap();
    let refused = Sqlite::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    drop(first);
    Sqlite::open(&path).unwrap();
}

#[test]
fn a_locked_database_refuses_the_change_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("banyan.db");
    let store = Sqlite::open(&path).unwrap();
    store.change(&change(0)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(matches!(store.change(&change(1)), Err(StoreError::Locked)));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.units().unwrap()[0].version, 1);
    assert_eq!(store.change(&change(1)).unwrap().version, 2);
}

#[test]
fn a_file_that_is_no_store_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a database, but dear to somebody\n".repeat(100)).unwrap();
    let app = folder.path().join("app.db");
    Connection::open(&app).unwrap().execute_batch("CREATE TABLE users (name TEXT)").unwrap();
    for path in [text, app] {
        let before = fs::read(&path).unwrap();
        let refused = Sqlite::open(&path).unwrap_err();
        assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_newer_store_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("banyan.db");
    drop(Sqlite::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    let refused = Sqlite::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 99, known: 3, .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn nothing_is_acknowledged_that_a_moved_file_would_lose() {
    let folder = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (folder.path().join("banyan.db"), folder.path().join("moved.db"));
    let store = Sqlite::open(&path).unwrap();
    store.change(&change(0)).unwrap();
    fs::rename(&path, &elsewhere).unwrap();
    let refused = store.change(&change(1)).unwrap_err().to_string();
    assert!(refused.contains(path.to_str().unwrap()) && refused.contains("put it back"), "{refused}");
    // Another file in its place is none of ours either.
    fs::write(&path, "").unwrap();
    store.change(&change(1)).unwrap_err();
    assert_eq!(store.units().unwrap()[0].version, 1, "what is known is still told");
    fs::rename(&elsewhere, &path).unwrap();
    assert_eq!(store.change(&change(1)).unwrap().version, 2);
    drop(store);
    assert_eq!(Sqlite::open(&path).unwrap().units().unwrap()[0].version, 2);
}

/// It was written by a program that broke, or by a disk that did.
#[test]
fn a_damaged_file_is_named_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("banyan.db");
    drop(Sqlite::open(&path).unwrap());
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..4096].fill(0xA5);
    fs::write(&path, &bytes).unwrap();
    let refused = Sqlite::open(&path).unwrap_err().to_string();
    assert!(refused.contains(path.to_str().unwrap()) && refused.contains("malformed"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_missing_folder_is_named() {
    let refused = Sqlite::open(Path::new("/nowhere/banyan.db")).unwrap_err();
    assert!(refused.to_string().contains("/nowhere/banyan.db"), "{refused}");
}

const CHILD_PATH: &str = "BANYAN_STATE_TEST_PATH";

/// A child changes the unit without end and says each acknowledged version; it is killed while it does.
#[test]
fn acknowledged_changes_survive_sudden_death() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("banyan.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "changes_without_end", "--ignored", "--nocapture"])
        .env(CHILD_PATH, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let seen = lines.by_ref().take(20).last().unwrap().unwrap();
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    let acknowledged: u64 = lines.map(Result::unwrap).last().unwrap_or(seen).parse().unwrap();
    let stored = Sqlite::open(&path).unwrap().units().unwrap()[0].version;
    assert!(acknowledged >= 20 && stored >= acknowledged, "{acknowledged} acknowledged, {stored} stored");
}

#[test]
#[ignore = "the child of acknowledged_changes_survive_sudden_death, which kills it"]
fn changes_without_end() {
    let path = std::env::var(CHILD_PATH).expect("run by its parent");
    let store = Sqlite::open(Path::new(&path)).unwrap();
    for version in 0.. {
        eprintln!("{}", store.change(&change(version)).unwrap().version);
    }
}
