//! What other nodes hear.

use std::time::Duration;

use banyan_l2::{Delivery, Invalidation, Notice, Subscription};
use banyan_testkit::eventually;

use crate::{helpers::KEY, server::Server};

fn tags(tags: &[u64]) -> Invalidation {
    Invalidation { tags: tags.to_vec(), ..Invalidation::default() }
}

async fn next(subscription: &mut Subscription) -> Notice {
    banyan_testkit::soon("a notice", async { Ok(subscription.next().await) }).await.unwrap()
}

#[tokio::test]
async fn a_subscriber_hears_what_any_node_invalidates() {
    let server = Server::start().await;
    let (here, there) = (server.level(), server.level());
    let mut subscription = here.subscribe();
    assert_eq!(next(&mut subscription).await, Notice::Missed, "it hears from now on only");
    assert_eq!(there.handle().invalidate(&[2, 1]).await, Delivery::Delivered);
    assert_eq!(next(&mut subscription).await, Notice::Invalidated(tags(&[1, 2])));
    assert_eq!(there.handle().delete(&[KEY]).await, Delivery::Delivered);
    let deleted = Invalidation { keys: vec![KEY], ..Invalidation::default() };
    assert_eq!(next(&mut subscription).await, Notice::Invalidated(deleted));
    assert_eq!(there.handle().invalidate_all().await, Delivery::Delivered);
    let all = Invalidation { all: true, ..Invalidation::default() };
    assert_eq!(next(&mut subscription).await, Notice::Invalidated(all));
}

#[tokio::test]
async fn a_subscriber_tells_its_own_words_from_those_of_others() {
    let server = Server::start().await;
    let (here, there) = (server.level(), server.level());
    let (mut ours, mut theirs) = (here.subscribe(), there.subscribe());
    for subscription in [&mut ours, &mut theirs] {
        assert_eq!(next(subscription).await, Notice::Missed);
    }
    // Handles are many, and the level that speaks is one.
    assert_eq!(here.handle().invalidate_all().await, Delivery::Delivered);
    let all = Invalidation { all: true, ..Invalidation::default() };
    assert_eq!(next(&mut ours).await, Notice::Echo(all.clone()));
    assert_eq!(next(&mut theirs).await, Notice::Invalidated(all));
}

#[tokio::test]
async fn what_is_said_while_nobody_asks_is_kept() {
    let server = Server::start().await;
    let level = server.level();
    let mut subscription = level.subscribe();
    assert_eq!(next(&mut subscription).await, Notice::Missed);
    // Asking and going away again must lose nothing.
    for tag in 0..20 {
        tokio::select! {
            biased;
            notice = subscription.next() => panic!("{notice:?}"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(level.handle().invalidate(&[tag]).await, Delivery::Delivered);
        assert_eq!(next(&mut subscription).await, Notice::Echo(tags(&[tag])));
    }
}

#[tokio::test]
async fn a_subscriber_that_lost_its_connection_knows_that_it_missed_something() {
    let server = Server::start().await;
    let level = server.level();
    let mut subscription = level.subscribe();
    assert_eq!(next(&mut subscription).await, Notice::Missed);
    assert_eq!(server.run::<i64>(&["CLIENT", "KILL", "TYPE", "pubsub"]).await, 1);
    assert_eq!(next(&mut subscription).await, Notice::Missed);
    assert_eq!(level.handle().invalidate(&[1]).await, Delivery::Delivered);
    assert_eq!(next(&mut subscription).await, Notice::Echo(tags(&[1])));
}

#[tokio::test]
async fn a_subscriber_comes_back_after_a_restart() {
    let mut server = Server::start().await;
    server.kill();
    let level = server.level();
    let mut subscription = level.subscribe();
    let waiting = tokio::spawn(async move {
        let notice = subscription.next().await;
        (subscription, notice)
    });
    server.start_again().await;
    let (mut subscription, notice) = waiting.await.unwrap();
    assert_eq!(notice, Notice::Missed);
    server.kill();
    server.start_again().await;
    assert_eq!(next(&mut subscription).await, Notice::Missed);
    let ask = async || {
        anyhow::ensure!(level.handle().invalidate(&[1]).await == Delivery::Delivered);
        Ok(())
    };
    eventually(ask).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Echo(tags(&[1])));
}

#[tokio::test]
async fn a_message_that_is_not_understood_may_have_meant_anything() {
    let server = Server::start().await;
    let mut subscription = server.level().subscribe();
    assert_eq!(next(&mut subscription).await, Notice::Missed);
    for garbage in ["", "x", "BnI22"] {
        assert_eq!(server.run::<i64>(&["PUBLISH", "{test}:invalidated", garbage]).await, 1);
        assert_eq!(next(&mut subscription).await, Notice::Missed, "{garbage:?}");
    }
}

#[tokio::test]
async fn a_subscriber_notices_a_redis_that_hangs() {
    let server = Server::start().await;
    let mut subscription = server.level().subscribe();
    assert_eq!(next(&mut subscription).await, Notice::Missed);
    server.hang();
    // The connection stays open, and nothing but the silence after a ping tells. So there is no notice until it is back.
    let silent = tokio::time::timeout(Duration::from_secs(8), subscription.next()).await;
    assert!(silent.is_err(), "{silent:?}");
    server.go_on();
    assert_eq!(next(&mut subscription).await, Notice::Missed);
}
