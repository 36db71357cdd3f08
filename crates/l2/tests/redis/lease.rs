//! One filler at a time, and what becomes of the others.

use std::time::Duration;

use banyan_l2::{Delivery, Fill, GiveUp, Handle, Lease, Level, Waited};
use bytes::Bytes;

use crate::{
    helpers::{KEY, LEASE_NAME, MINUTE, fill, is_missing, value, won, won_in_the_end},
    server::Server,
};

#[tokio::test]
async fn of_two_nodes_one_fills() {
    let server = Server::start().await;
    let (here, there) = (server.level(), server.level());
    let token = won(&here.handle(), &KEY).await;
    assert!(matches!(there.handle().lease(&KEY).await, Lease::Held));
    assert!(matches!(here.handle().lease(&KEY).await, Lease::Held), "not even the same node twice");
    assert!(matches!(there.handle().lease(&[1; 16]).await, Lease::Won(_)), "another key is another matter");
    assert_eq!(token.fill(Bytes::from("one"), MINUTE, &[]).await, Fill::Stored);
    assert!(matches!(there.handle().lease(&KEY).await, Lease::Won(_)), "the fill has given it back");
    assert_eq!((there.counts().leases_held, there.counts().leases_won), (1, 2));
}

#[tokio::test]
async fn of_many_at_once_one_wins() {
    let server = Server::start().await;
    let level = server.level();
    let ask = |handle: Handle| tokio::spawn(async move { handle.lease(&KEY).await });
    let calls: Vec<_> = (0..20).map(|_| ask(level.handle())).collect();
    let mut leases = Vec::new();
    for call in calls {
        leases.push(call.await.unwrap());
    }
    let winners = leases.iter().filter(|lease| matches!(lease, Lease::Won(_))).count();
    let waiters = leases.iter().filter(|lease| matches!(lease, Lease::Held)).count();
    assert_eq!((winners, waiters), (1, 19));
}

#[tokio::test]
async fn who_waits_gets_what_the_other_fills() {
    let server = Server::start().await;
    let level = server.level();
    let (filler, waiter) = (level.handle(), level.handle());
    let token = won(&filler, &KEY).await;
    let waiting = tokio::spawn(async move { waiter.wait_for(&KEY, MINUTE).await });
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(token.fill(Bytes::from("worth it"), MINUTE, &[]).await, Fill::Stored);
    match waiting.await.unwrap() {
        Waited::Found(found) => assert_eq!(found.value, "worth it"),
        other => panic!("{other:?}"),
    }
    assert_eq!(level.counts().waits_found, 1);
}

#[tokio::test]
async fn who_waits_goes_on_when_the_other_gives_up() {
    let server = Server::start().await;
    let level = server.level();
    let (filler, waiter) = (level.handle(), level.handle());
    let token = won(&filler, &KEY).await;
    let waiting = tokio::spawn(async move { waiter.wait_for(&KEY, MINUTE).await });
    token.release().await;
    assert_eq!(waiting.await.unwrap(), Waited::GiveUp(GiveUp::Free));
    assert!(matches!(filler.lease(&KEY).await, Lease::Won(_)));
}

#[tokio::test]
async fn who_waits_does_not_wait_for_ever() {
    let server = Server::start().await;
    let level = server.level();
    let _token = won(&level.handle(), &KEY).await;
    let waited = level.handle().wait_for(&KEY, Duration::from_millis(30)).await;
    assert_eq!(waited, Waited::GiveUp(GiveUp::Late));
    assert_eq!(level.counts().waits_given_up, 1);
}

#[tokio::test]
async fn a_dropped_token_gives_the_lease_back() {
    let server = Server::start().await;
    // So long that nobody waits until it ends by itself.
    let handle = Level::new(server.settings().with_lease(MINUTE * 10).unwrap()).handle();
    drop(won(&handle, &KEY).await);
    drop(won_in_the_end(&handle, &KEY).await);
}

#[test]
fn a_token_that_outlives_its_runtime_does_no_harm() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (server, token) = runtime.block_on(async {
        let server = Server::start().await;
        let token = won(&server.level().handle(), &KEY).await;
        (server, token)
    });
    drop(runtime);
    drop(token);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let left = runtime.block_on(async { server.run::<i64>(&["PTTL", LEASE_NAME]).await });
    assert!(left > 0, "it ends by itself: {left}");
}

#[tokio::test]
async fn a_lease_that_ended_fills_nothing() {
    let server = Server::start().await;
    let short = server.settings().with_lease(Duration::from_millis(10)).unwrap();
    let (slow, quick) = (Level::new(short), server.level());
    let late = won(&slow.handle(), &KEY).await;
    let token = won_in_the_end(&quick.handle(), &KEY).await;
    assert_eq!(late.fill(Bytes::from("late"), MINUTE, &[]).await, Fill::Lost);
    assert!(is_missing(&quick.handle().get(&KEY).await));
    assert!(matches!(quick.handle().lease(&KEY).await, Lease::Held), "the late one took nobody's lease away");
    assert_eq!(token.fill(Bytes::from("in time"), MINUTE, &[]).await, Fill::Stored);
    assert_eq!(value(&slow.handle(), &KEY).await, "in time");
    assert_eq!(slow.counts().leases_lost, 1);
}

#[tokio::test]
async fn a_key_deleted_during_its_fill_stays_deleted() {
    let server = Server::start().await;
    let (here, there) = (server.level(), server.level());
    assert_eq!(fill(&here.handle(), &KEY, "first", &[]).await, Fill::Stored);
    let token = won(&here.handle(), &KEY).await;
    assert_eq!(there.handle().delete(&[KEY]).await, Delivery::Delivered);
    assert_eq!(token.fill(Bytes::from("old"), MINUTE, &[]).await, Fill::Lost);
    assert!(is_missing(&there.handle().get(&KEY).await));
    assert_eq!(fill(&there.handle(), &KEY, "new", &[]).await, Fill::Stored);
}

#[tokio::test]
async fn a_tag_invalidated_during_a_fill_fences_it() {
    let server = Server::start().await;
    let (here, there) = (server.level(), server.level());
    // A tag nobody has used yet, then one that is known.
    for round in ["unknown", "known"] {
        let token = won(&here.handle(), &KEY).await;
        let other = won(&here.handle(), &[1; 16]).await;
        assert_eq!(there.handle().invalidate(&[7]).await, Delivery::Delivered);
        assert_eq!(token.fill(Bytes::from("old"), MINUTE, &[6, 7]).await, Fill::Fenced, "{round}");
        assert!(is_missing(&there.handle().get(&KEY).await));
        assert_eq!(
            other.fill(Bytes::from("other"), MINUTE, &[6]).await,
            Fill::Stored,
            "it has nothing to do with it"
        );
        assert_eq!(fill(&here.handle(), &[2; 16], "new", &[7]).await, Fill::Stored);
    }
    assert_eq!(here.counts().fenced, 2);
}

#[tokio::test]
async fn a_new_epoch_fences_every_fill() {
    let server = Server::start().await;
    let handle = server.level().handle();
    let token = won(&handle, &KEY).await;
    assert_eq!(handle.invalidate_all().await, Delivery::Delivered);
    assert_eq!(token.fill(Bytes::from("old"), MINUTE, &[]).await, Fill::Fenced);
    assert_eq!(fill(&handle, &KEY, "new", &[]).await, Fill::Stored);
}

#[tokio::test]
async fn a_flushed_redis_fills_nothing_from_before() {
    let server = Server::start().await;
    let handle = server.level().handle();
    let token = won(&handle, &KEY).await;
    server.run::<()>(&["FLUSHALL"]).await;
    assert_eq!(token.fill(Bytes::from("old"), MINUTE, &[]).await, Fill::Lost);
    assert_eq!(fill(&handle, &KEY, "new", &[3]).await, Fill::Stored);
    assert_eq!(value(&handle, &KEY).await, "new");
}

/// What was fetched once may lie under two keys, and an invalidation during the fetch ends both.
#[tokio::test]
async fn a_lease_taken_for_what_was_fetched_before_is_as_old_as_the_fetch() {
    let server = Server::start().await;
    let level = server.level();
    let handle = level.handle();
    for (key, invalidates) in [([1; 16], false), ([2; 16], true)] {
        let first = won(&handle, &KEY).await;
        if invalidates {
            assert_eq!(handle.invalidate(&[7]).await, Delivery::Delivered);
        }
        let second = won(&handle, &key).await;
        assert!(first.stamp() < second.stamp());
        let second = second.as_of(&first);
        assert_eq!(second.stamp(), first.stamp());
        // In this order, so that the tag is first heard of from the later lease.
        let expected = if invalidates { Fill::Fenced } else { Fill::Stored };
        assert_eq!(second.fill(Bytes::from("two"), MINUTE, &[7]).await, expected);
        assert_eq!(first.fill(Bytes::from("one"), MINUTE, &[7]).await, expected);
    }
}
