//! Redis is slow, full, dead, or something else altogether.

use std::time::Duration;

use banyan_l2::{Delivery, Fill, GiveUp, Handle, Lease, Level, Lookup, Reason, Restarts, Settings, Waited};
use banyan_testkit::{Port, eventually};
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
    time::timeout,
};

use crate::{
    cutter::Cutter,
    helpers::{KEY, MINUTE, fill, is_invalidated, is_missing, value, won, won_in_the_end},
    server::Server,
};

/// Looks until it is as it should be.
async fn in_the_end(handle: &Handle, wanted: impl Fn(&Lookup) -> bool) {
    let ask = async || {
        let lookup = handle.get(&KEY).await;
        anyhow::ensure!(wanted(&lookup), "{lookup:?}");
        Ok(())
    };
    eventually(ask).await.unwrap();
}

fn unavailable(lookup: &Lookup) -> Option<Reason> {
    match lookup {
        Lookup::Unavailable(reason) => Some(*reason),
        _ => None,
    }
}

async fn nothing_helps(handle: &Handle) {
    assert!(unavailable(&handle.get(&KEY).await).is_some());
    assert!(matches!(handle.lease(&KEY).await, Lease::Unavailable(_)));
    assert!(matches!(handle.wait_for(&KEY, MINUTE).await, Waited::GiveUp(GiveUp::Unavailable(_))));
    assert!(matches!(handle.invalidate(&[1]).await, Delivery::Queued(_)));
}

#[tokio::test]
async fn an_absent_redis_is_no_error() {
    let port = Port::reserve().unwrap();
    let level = Level::new(Settings::new(&format!("redis://{}", port.address()), "test").unwrap());
    nothing_helps(&level.handle()).await;
    let counts = level.counts();
    assert_eq!(counts.broken + counts.late + counts.skipped, 4);
}

#[tokio::test]
async fn a_redis_that_appears_later_is_found() {
    let mut server = Server::start().await;
    server.kill();
    let handle = server.level().handle();
    assert_eq!(unavailable(&handle.get(&KEY).await), Some(Reason::Broken));
    server.start_again().await;
    in_the_end(&handle, is_missing).await;
}

#[tokio::test]
async fn a_redis_killed_in_the_middle_costs_only_hits() {
    let mut server = Server::start().await;
    let level = server.level();
    let handle = level.handle();
    assert_eq!(fill(&handle, &KEY, "x", &[]).await, Fill::Stored);
    let token = won(&handle, &[1; 16]).await;
    server.kill();
    assert_eq!(unavailable(&handle.get(&KEY).await), Some(Reason::Broken));
    assert_eq!(token.fill(Bytes::from("y"), MINUTE, &[]).await, Fill::Unavailable(Reason::Broken));
    server.start_again().await;
    in_the_end(&handle, is_missing).await;
    assert_eq!(fill(&handle, &KEY, "z", &[]).await, Fill::Stored);
    assert_eq!(value(&handle, &KEY).await, "z");
}

#[tokio::test]
async fn a_redis_that_restarted_unnoticed_costs_nothing() {
    let mut server = Server::start().await;
    let level = server.level();
    let handle = level.handle();
    assert!(is_missing(&handle.get(&KEY).await));
    server.kill();
    server.start_again().await;
    assert!(is_missing(&handle.get(&KEY).await), "the lost connection is opened again in the same call");
    assert_eq!((level.counts().connections, level.counts().broken), (2, 0));
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again() {
    let server = Server::start().await;
    let wire = Cutter::before(server.address()).await;
    let settings =
        Settings::new(&wire.address, "test").unwrap().with_deadline(Duration::from_secs(5)).unwrap();
    let level = Level::new(settings);
    let handle = level.handle();
    assert_eq!(fill(&handle, &KEY, "x", &[1]).await, Fill::Stored);

    wire.cut_next_answer();
    assert_eq!(value(&handle, &KEY).await, "x");
    assert!(wire.has_cut());
    wire.cut_next_answer();
    let token = won(&handle, &KEY).await;
    assert!(wire.has_cut(), "the lease it had won already is still its own");
    wire.cut_next_answer();
    assert_eq!(handle.invalidate(&[2]).await, Delivery::Delivered);
    assert_eq!(token.fill(Bytes::from("y"), MINUTE, &[1]).await, Fill::Stored);
    assert_eq!((level.counts().connections, level.counts().broken), (4, 0));
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_given_up() {
    let server = Server::start().await;
    let wire = Cutter::before(server.address()).await;
    let settings =
        Settings::new(&wire.address, "test").unwrap().with_deadline(Duration::from_millis(500)).unwrap();
    let level = Level::new(settings);
    let handle = level.handle();
    in_the_end(&handle, is_missing).await;
    wire.silence_next_answer();
    assert_eq!(unavailable(&handle.get(&KEY).await), Some(Reason::Late));
    in_the_end(&handle, is_missing).await;
    assert!(level.counts().connections >= 2);
}

#[tokio::test]
async fn a_redis_that_forgot_the_scripts_is_told_again() {
    let server = Server::start().await;
    let handle = server.level().handle();
    assert_eq!(fill(&handle, &KEY, "x", &[]).await, Fill::Stored);
    server.run::<()>(&["SCRIPT", "FLUSH"]).await;
    assert_eq!(value(&handle, &KEY).await, "x");
}

#[tokio::test]
async fn a_redis_that_hangs_is_not_waited_for() {
    let server = Server::start().await;
    let level = Level::new(server.settings().with_deadline(Duration::from_millis(50)).unwrap());
    let handle = level.handle();
    in_the_end(&handle, is_missing).await;
    let token = won_in_the_end(&handle, &KEY).await;
    server.hang();
    assert_eq!(unavailable(&handle.get(&KEY).await), Some(Reason::Late));
    assert_eq!(token.fill(Bytes::from("x"), MINUTE, &[]).await, Fill::Unavailable(Reason::Late));
    nothing_helps(&handle).await;
    in_the_end(&handle, |lookup| unavailable(lookup) == Some(Reason::Skipped)).await;
    assert!(level.counts().late >= 5);
    server.go_on();
    in_the_end(&handle, |lookup| unavailable(lookup).is_none()).await;
}

#[tokio::test]
async fn a_redis_that_fails_is_left_alone_and_then_found_again() {
    let mut server = Server::start().await;
    let level = server.level();
    let handle = level.handle();
    assert_eq!(fill(&handle, &KEY, "x", &[]).await, Fill::Stored);
    server.kill();
    in_the_end(&handle, |lookup| unavailable(lookup) == Some(Reason::Skipped)).await;
    assert_eq!(level.counts().broken, 5);
    assert!(
        matches!(level.handle().lease(&KEY).await, Lease::Unavailable(Reason::Skipped)),
        "for all handles"
    );
    server.start_again().await;
    in_the_end(&handle, is_missing).await;
}

#[tokio::test]
async fn a_full_redis_refuses_fills_and_nothing_else() {
    let server = Server::start().await;
    let level = server.level();
    let handle = level.handle();
    assert_eq!(fill(&handle, &KEY, "x", &[1]).await, Fill::Stored);
    let token = won(&handle, &[1; 16]).await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(token.fill(Bytes::from("y"), MINUTE, &[2]).await, Fill::Unavailable(Reason::Full));
    for _ in 0..10 {
        assert!(matches!(handle.lease(&[1; 16]).await, Lease::Unavailable(Reason::Full)));
    }
    assert_eq!(value(&handle, &KEY).await, "x", "what is there can be read");
    assert_eq!((level.counts().full, level.counts().skipped), (11, 0));

    let running = won_before_full(&server, &level).await;
    assert_eq!(handle.invalidate(&[1, 3]).await, Delivery::Delivered);
    assert!(is_invalidated(&handle.get(&KEY).await), "an invalidation gets through");
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(running.fill(Bytes::from("old"), MINUTE, &[3]).await, Fill::Fenced, "and fences");
    assert_eq!(fill(&handle, &KEY, "z", &[1]).await, Fill::Stored);
}

/// A lease that was taken just before memory ran out.
async fn won_before_full(server: &Server, level: &Level) -> banyan_l2::Token {
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let token = won(&level.handle(), &[9; 16]).await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    token
}

#[tokio::test]
async fn a_full_redis_can_be_connected_to() {
    let server = Server::start().await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let handle = server.level().handle();
    assert!(is_missing(&handle.get(&KEY).await));
    assert!(matches!(handle.lease(&KEY).await, Lease::Unavailable(Reason::Full)));
}

#[tokio::test]
async fn a_redis_that_wants_a_password_is_no_error() {
    let server = Server::start().await;
    let handle = server.level().handle();
    server.run::<()>(&["CONFIG", "SET", "requirepass", "secret"]).await;
    nothing_helps(&handle).await;
}

/// Answers everything with the same bytes.
async fn liar(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn what_is_no_redis_is_no_help_and_no_harm() {
    let answers: [&[u8]; 25] = [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"+OK\r\n",
        b":1\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"-ERR no\r\n",
        b"$536870912\r\nabc",
        b"$9223372036854775807\r\nabc",
        b"*2147483647\r\n",
        b"*9223372036854775807\r\n:1\r\n",
        b"%9223372036854775807\r\n:1\r\n",
        b"$5\r\nfoundxx",
        b"*3\r\n$5\r\nfound\r\n:1\r\n$-1\r\n",
        b"*5\r\n$5\r\nfound\r\n:1\r\n:-5\r\n:-5\r\n$3\r\nBnL\r\n",
        b"\xff\xfe\0\0\0\0",
        b"-NOSCRIPT no\r\n",
        b"=-1\r\nx",
        b"!-1\r\nx",
        b">-1\r\n",
        b"|-1\r\n",
        b"|9223372036854775807\r\n",
        b"~9223372036854775807\r\n",
        b"(x\r\n,x\r\n#x\r\n_\r\n",
    ];
    let nested = b"*1\r\n".repeat(10_000);
    let mut cases = JoinSet::new();
    for answer in answers.into_iter().chain([nested.as_slice()]) {
        let address = liar(answer.to_vec()).await;
        for restarts in [Restarts::Forget, Restarts::Trust] {
            let level = Level::new(Settings::new(&address, "test").unwrap().with_restarts(restarts));
            let shown = String::from_utf8_lossy(answer.get(..40).unwrap_or(answer)).into_owned();
            cases.spawn(async move {
                let lookup = level.handle().get(&KEY).await;
                assert!(unavailable(&lookup).is_some(), "{shown:?}: {lookup:?}");
                nothing_helps(&level.handle()).await;
                // It may take itself for a subscriber; it only must live.
                timeout(Duration::from_millis(100), level.subscribe().next()).await.ok();
            });
        }
    }
    while let Some(case) = cases.join_next().await {
        case.unwrap();
    }
}
