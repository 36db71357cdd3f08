//! A program's life in the hands of a test, with a stand-in for the real one.

use std::{env, path::PathBuf};

use banyan_testkit::{Setup, eventually};

/// Examples are built beside the tests.
fn stand_in() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own place");
    test.parent()
        .and_then(|deps| deps.parent())
        .expect("a test is in target/PROFILE/deps")
        .join("examples/stand_in")
}

fn setup(config: &str) -> Setup {
    Setup::new(config).program(stand_in())
}

#[tokio::test]
async fn starts_and_is_asked() {
    let banyan = setup("routes: []\n").argument("--log").argument("json").start().await.unwrap();
    assert_eq!(
        banyan.wait_for_line(|line| line.starts_with("serving")).await.unwrap(),
        r#"serving ["--log", "json"]"#
    );
    let admin = banyan.admin().unwrap();
    assert_eq!(admin.token(), "secret");
    assert_eq!(admin.get("/units").await.unwrap().status, 200);
    assert!(banyan.memory_kib().unwrap() > 0);
    assert!(banyan.config_path().is_file());
}

#[tokio::test]
async fn says_why_it_did_not_start() {
    let error = setup("refuse: this\n").start().await.err().unwrap().to_string();
    assert!(error.contains("line 6 is no good"), "{error}");
}

#[tokio::test]
async fn is_killed_and_comes_back_at_the_same_place() {
    let mut banyan = setup("routes: []\n").start().await.unwrap();
    let (address, first) = (banyan.admin().unwrap().address(), banyan.pid());
    banyan.kill().await.unwrap();
    assert!(banyan.admin().unwrap().get("/readyz").await.is_err());
    banyan.restart().await.unwrap();
    assert_ne!(banyan.pid(), first);
    assert_eq!(banyan.admin().unwrap().address(), address);
    assert_eq!(banyan.admin().unwrap().get("/readyz").await.unwrap().status, 200);
}

#[tokio::test]
async fn reloads_and_drains_on_signals() {
    let mut banyan = setup("routes: []\n").start().await.unwrap();
    banyan.write_config("# new\n").unwrap();
    banyan.hang_up().unwrap();
    banyan.wait_for_log(|line| line == "reading # new").await.unwrap();
    banyan.terminate().unwrap();
    assert!(banyan.wait().await.unwrap().success());
    assert_eq!(banyan.lines().last().unwrap(), "drained");
}

#[tokio::test]
async fn nothing_is_left_when_it_is_dropped() {
    let banyan = setup("routes: []\n").start().await.unwrap();
    let (pid, dir) = (banyan.pid(), banyan.dir().to_owned());
    drop(banyan);
    let gone = async || {
        let left = PathBuf::from(format!("/proc/{pid}")).exists() || dir.exists();
        anyhow::ensure!(!left, "something is left");
        Ok(())
    };
    eventually(gone).await.unwrap();
}
