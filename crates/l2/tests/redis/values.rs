//! Values, as long as nothing is wrong.

use std::{thread, time::Duration};

use banyan_l2::{Fill, MOST_TAGS};
use bytes::Bytes;

use crate::{
    helpers::{KEY, MINUTE, VALUE_NAME, fill, found, is_missing, value, won, won_in_the_end},
    server::Server,
};

#[tokio::test]
async fn what_one_node_fills_another_finds() {
    let server = Server::start().await;
    let (here, there) = (server.level(), server.level());
    let (here_handle, there_handle) = (here.handle(), there.handle());
    assert!(is_missing(&here_handle.get(&KEY).await));
    assert_eq!(fill(&here_handle, &KEY, "hello", &[1, u64::MAX]).await, Fill::Stored);
    let found = found(there_handle.get(&KEY).await);
    assert_eq!(found.value, "hello");
    assert_eq!(found.tags, [1, u64::MAX]);
    assert!(!found.remaining.is_zero() && found.remaining <= MINUTE, "{:?}", found.remaining);
    let counts = here.counts();
    assert_eq!((counts.misses, counts.leases_won, counts.stores, counts.hits), (1, 1, 1, 0));
    assert_eq!((there.counts().hits, there.counts().connections), (1, 1));
}

#[tokio::test]
async fn any_bytes_come_back_as_they_went() {
    let server = Server::start().await;
    let handle = server.level().handle();
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    for value in [Bytes::new(), Bytes::from("\r\n$-1\r\n\0"), Bytes::from(bytes)] {
        assert_eq!(won(&handle, &KEY).await.fill(value.clone(), MINUTE, &[]).await, Fill::Stored);
        assert_eq!(crate::helpers::value(&handle, &KEY).await, value);
    }
}

#[tokio::test]
async fn a_value_ends_with_its_time() {
    let server = Server::start().await;
    let handle = server.level().handle();
    let life = Duration::from_millis(20);
    assert_eq!(won(&handle, &KEY).await.fill(Bytes::from("short"), life, &[]).await, Fill::Stored);
    tokio::time::sleep(life).await;
    assert!(is_missing(&handle.get(&KEY).await));
}

#[tokio::test]
async fn a_value_ends_with_its_time_even_if_redis_forgot_its_end() {
    let server = Server::start().await;
    let handle = server.level().handle();
    // Far enough away for the next command to come in time on a busy machine.
    let life = Duration::from_secs(1);
    assert_eq!(won(&handle, &KEY).await.fill(Bytes::from("short"), life, &[]).await, Fill::Stored);
    assert_eq!(server.run::<i64>(&["PERSIST", VALUE_NAME]).await, 1);
    tokio::time::sleep(life).await;
    assert!(is_missing(&handle.get(&KEY).await));
    assert_eq!(server.run::<i64>(&["EXISTS", VALUE_NAME]).await, 1);
}

#[tokio::test]
async fn no_value_lives_longer_than_the_longest_life() {
    let server = Server::start().await;
    let settings = server.settings().with_longest_life(Duration::from_secs(5)).unwrap();
    let handle = banyan_l2::Level::new(settings).handle();
    assert_eq!(fill(&handle, &KEY, "x", &[]).await, Fill::Stored);
    assert!(found(handle.get(&KEY).await).remaining <= Duration::from_secs(5));
}

#[tokio::test]
async fn what_does_not_fit_is_not_stored_and_frees_the_lease() {
    let server = Server::start().await;
    let handle = banyan_l2::Level::new(server.settings().with_max_value(10).unwrap()).handle();
    let too_long = won(&handle, &KEY).await.fill(Bytes::from("eleven byte"), MINUTE, &[]).await;
    assert_eq!(too_long, Fill::Unfit);
    let token = won_in_the_end(&handle, &KEY).await;
    assert_eq!(token.fill(Bytes::from("ten bytes!"), MINUTE, &[7; MOST_TAGS]).await, Fill::Stored);
    let token = won(&handle, &[1; 16]).await;
    assert_eq!(token.fill(Bytes::from("x"), MINUTE, &[7; MOST_TAGS + 1]).await, Fill::Unfit);
    let token = won(&handle, &[2; 16]).await;
    assert_eq!(token.fill(Bytes::from("x"), Duration::from_micros(999), &[]).await, Fill::Unfit);
    assert_eq!(value(&handle, &KEY).await, "ten bytes!");
}

#[tokio::test]
async fn each_runtime_has_a_connection_of_its_own() {
    let server = Server::start().await;
    let level = server.level();
    assert_eq!(fill(&level.handle(), &KEY, "shared", &[]).await, Fill::Stored);
    let ask = |level: banyan_l2::Level| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let handle = level.handle();
        runtime.block_on(async { assert_eq!(value(&handle, &KEY).await, "shared") });
        handle
    };
    let threads: Vec<_> =
        (0..3).map(|_| (level.clone(), ask)).map(|(l, ask)| thread::spawn(move || ask(l))).collect();
    let handles: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(level.counts().connections, 4);
    // Their runtimes have ended and their connections with them; another runtime opens them again.
    for handle in handles {
        assert_eq!(value(&handle, &KEY).await, "shared");
    }
    assert_eq!(level.counts().connections, 7);
}

#[test]
fn a_runtime_that_ends_while_it_connects_leaves_no_dead_end() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (server, level) = first.block_on(async {
        let server = Server::start().await;
        let level = server.level();
        (server, level)
    });
    let handle = level.handle();
    server.hang();
    first.block_on(async {
        let hung = tokio::time::timeout(Duration::from_millis(20), handle.get(&KEY)).await;
        assert!(hung.is_err(), "{hung:?}");
    });
    drop(first);
    server.go_on();
    runtime().block_on(async { assert!(is_missing(&handle.get(&KEY).await)) });
}

#[tokio::test]
async fn callers_at_once_share_one_connection() {
    let server = Server::start().await;
    let level = server.level();
    let handle = level.handle();
    let calls: Vec<_> = (0..20)
        .map(|_| handle.clone())
        .map(|handle| tokio::spawn(async move { handle.get(&KEY).await }))
        .collect();
    for call in calls {
        assert!(is_missing(&call.await.unwrap()));
    }
    assert_eq!(level.counts().connections, 1);
}
