//! Others write under our names.

use banyan_l2::{Delivery, Fill, Lease, Level};

use crate::{
    helpers::{KEY, LEASE_NAME, MINUTE, VALUE_NAME, fill, is_garbage, is_invalidated, value, won},
    server::Server,
};

const TAG_NAME: &str = "{test}:t:0000000000000001";

/// Garbage is a miss, and the next fill puts it right.
async fn is_put_right(level: &Level) {
    let handle = level.handle();
    assert!(is_garbage(&handle.get(&KEY).await));
    assert_eq!(fill(&handle, &KEY, "right", &[1]).await, Fill::Stored);
    assert_eq!(value(&handle, &KEY).await, "right");
}

#[tokio::test]
async fn values_that_are_not_ours_are_misses() {
    let server = Server::start().await;
    let level = server.level();
    let long = "x".repeat(2 << 20);
    let cases = ["x", "BnL21", "BnL21000", "BnL21999", &"BnL21000".repeat(100), &"\0".repeat(500), &long];
    for case in cases {
        server.run::<()>(&["SET", VALUE_NAME, case]).await;
        is_put_right(&level).await;
    }
    assert_eq!(level.counts().garbage, u64::try_from(cases.len()).unwrap());
}

#[tokio::test]
async fn values_of_another_type_are_misses() {
    let server = Server::start().await;
    let level = server.level();
    for command in [["LPUSH", VALUE_NAME, "x"], ["SADD", VALUE_NAME, "x"], ["PFADD", VALUE_NAME, "x"]] {
        server.run::<i64>(&["DEL", VALUE_NAME]).await;
        server.run::<i64>(&command).await;
        is_put_right(&level).await;
    }
}

#[tokio::test]
async fn values_that_were_changed_cut_or_moved_are_misses() {
    let server = Server::start().await;
    let level = server.level();
    assert_eq!(fill(&level.handle(), &KEY, "right", &[1]).await, Fill::Stored);
    let frame: Vec<u8> = server.run(&["GET", VALUE_NAME]).await;
    for at in 0..frame.len() {
        let mut changed = frame.clone();
        changed[at] ^= 1;
        for bad in [&changed, &frame[..at]] {
            server.run_bytes::<()>(&[b"SET", VALUE_NAME.as_bytes(), bad]).await;
            let lookup = level.handle().get(&KEY).await;
            assert!(!matches!(lookup, banyan_l2::Lookup::Found(_)), "{at}: {lookup:?}");
        }
    }
    server.run_bytes::<()>(&[b"SET", VALUE_NAME.as_bytes(), &frame]).await;
    assert_eq!(value(&level.handle(), &KEY).await, "right");
    server.run_bytes::<()>(&[b"SET", b"{test}:v:01010101010101010101010101010101", &frame]).await;
    assert!(is_garbage(&level.handle().get(&[1; 16]).await), "it is another key's");
}

#[tokio::test]
async fn a_value_longer_than_wanted_is_not_fetched() {
    let server = Server::start().await;
    let strict = Level::new(server.settings().with_max_value(4).unwrap());
    assert_eq!(fill(&server.level().handle(), &KEY, "longer", &[]).await, Fill::Stored);
    assert!(is_garbage(&strict.handle().get(&KEY).await));

    let (generous, level) = (Level::new(server.settings().with_max_value(8 << 20).unwrap()), server.level());
    let token = won(&generous.handle(), &KEY).await;
    assert_eq!(token.fill(vec![b'x'; 8 << 20].into(), MINUTE, &[]).await, Fill::Stored);
    let before = sent(&server).await;
    assert!(is_garbage(&level.handle().get(&KEY).await));
    let sent = sent(&server).await - before;
    assert!(sent < 1 << 20, "it was sent: {sent} bytes");
}

/// How many bytes Redis has sent.
async fn sent(server: &Server) -> u64 {
    let stats: String = server.run(&["INFO", "stats"]).await;
    let line = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn garbage_for_a_tag_counts_as_an_invalidation() {
    let server = Server::start().await;
    let handle = server.level().handle();
    for command in [
        ["SET", TAG_NAME, ""],
        ["SET", TAG_NAME, "0"],
        ["SET", TAG_NAME, "000000000000000x"],
        ["RPUSH", TAG_NAME, "x"],
    ] {
        assert_eq!(fill(&handle, &KEY, "x", &[1]).await, Fill::Stored);
        server.run::<i64>(&["DEL", TAG_NAME]).await;
        server.run::<redis::Value>(&command).await;
        assert!(is_invalidated(&handle.get(&KEY).await), "{command:?}");
        let other = won(&handle, &[2; 16]).await;
        assert_eq!(fill(&handle, &[1; 16], "x", &[1]).await, Fill::Fenced, "{command:?}");
        assert_eq!(other.fill("x".into(), MINUTE, &[1]).await, Fill::Fenced, "{command:?}");
    }
}

#[tokio::test]
async fn garbage_for_a_lease_keeps_nobody_out() {
    let server = Server::start().await;
    let handle = server.level().handle();
    for command in [["SET", LEASE_NAME, "x"], ["RPUSH", LEASE_NAME, "x"]] {
        server.run::<redis::Value>(&command).await;
        assert_eq!(fill(&handle, &KEY, "x", &[]).await, Fill::Stored, "{command:?}");
    }
    let Lease::Won(token) = handle.lease(&KEY).await else { panic!("not won") };
    server.run::<()>(&["SET", LEASE_NAME, "x"]).await;
    assert_eq!(token.fill("x".into(), MINUTE, &[]).await, Fill::Lost);
}

#[tokio::test]
async fn garbage_for_clock_and_epoch_is_put_right() {
    let server = Server::start().await;
    let handle = server.level().handle();
    for name in ["{test}:clock", "{test}:all", "{test}:incarnation"] {
        for command in [&["SET", name, "x"][..], &["SET", name, "9999999999999999"], &["RPUSH", name, "x"]] {
            server.run::<i64>(&["DEL", name]).await;
            server.run::<redis::Value>(command).await;
            let other = server.level().handle();
            assert_eq!(fill(&other, &KEY, "x", &[1]).await, Fill::Stored, "{command:?}");
            assert_eq!(value(&handle, &KEY).await, "x", "{command:?}");
            assert_eq!(handle.invalidate(&[1]).await, Delivery::Delivered, "{command:?}");
            assert!(is_invalidated(&handle.get(&KEY).await), "{command:?}");
        }
    }
}
