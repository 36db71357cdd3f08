//! Invalidations that arrive, late or at once.

use banyan_l2::{Delivery, Fill, Level, Reason, Restarts};
use banyan_testkit::eventually;

use crate::{
    helpers::{KEY, fill, is_invalidated, is_missing, value},
    server::Server,
};

/// A level that believes what it finds after a restart.
fn trusting(server: &Server) -> Level {
    Level::new(server.settings().with_restarts(Restarts::Trust))
}

/// Runs the delivery until nothing is queued.
async fn delivered(level: &Level) {
    let handle = level.handle();
    let delivery = tokio::spawn(async move { handle.deliver().await });
    let ask = async || {
        anyhow::ensure!(level.queued() == 0, "{} queued", level.queued());
        Ok(())
    };
    eventually(ask).await.unwrap();
    delivery.abort();
}

#[tokio::test]
async fn one_tag_ends_the_values_that_carry_it() {
    let server = Server::start().await;
    let (here, there) = (server.level(), server.level());
    let handle = here.handle();
    assert_eq!(fill(&handle, &[1; 16], "both", &[1, 2]).await, Fill::Stored);
    assert_eq!(fill(&handle, &[2; 16], "second", &[2]).await, Fill::Stored);
    assert_eq!(fill(&handle, &[3; 16], "none", &[]).await, Fill::Stored);
    assert_eq!(there.handle().invalidate(&[1]).await, Delivery::Delivered);
    assert!(is_invalidated(&handle.get(&[1; 16]).await));
    assert_eq!(value(&handle, &[2; 16]).await, "second");
    assert_eq!(value(&handle, &[3; 16]).await, "none");
    assert_eq!(fill(&handle, &[1; 16], "anew", &[1, 2]).await, Fill::Stored);
    assert_eq!(value(&there.handle(), &[1; 16]).await, "anew");
    assert_eq!(here.counts().invalidated, 1);
}

#[tokio::test]
async fn a_new_epoch_ends_everything() {
    let server = Server::start().await;
    let handle = server.level().handle();
    assert_eq!(fill(&handle, &KEY, "x", &[]).await, Fill::Stored);
    assert_eq!(handle.invalidate_all().await, Delivery::Delivered);
    assert!(is_invalidated(&handle.get(&KEY).await));
}

#[tokio::test]
async fn many_tags_go_in_several_calls() {
    let server = Server::start().await;
    let level = server.level();
    let handle = level.handle();
    assert_eq!(fill(&handle, &KEY, "x", &[1_999]).await, Fill::Stored);
    let tags: Vec<u64> = (0..2_000).collect();
    assert_eq!(handle.invalidate(&tags).await, Delivery::Delivered);
    assert!(is_invalidated(&handle.get(&KEY).await));
    assert_eq!(level.counts().deliveries, 4);
}

#[tokio::test]
async fn namespaces_do_not_touch_one_another() {
    let server = Server::start().await;
    let other = banyan_l2::Settings::new(&server.address(), "other").unwrap();
    let (here, other) = (server.level().handle(), Level::new(other).handle());
    assert_eq!(fill(&here, &KEY, "here", &[1]).await, Fill::Stored);
    assert!(is_missing(&other.get(&KEY).await));
    assert_eq!(other.invalidate(&[1]).await, Delivery::Delivered);
    assert_eq!(other.invalidate_all().await, Delivery::Delivered);
    assert_eq!(value(&here, &KEY).await, "here");
}

#[tokio::test]
async fn a_stamp_that_was_evicted_ends_the_values_under_it() {
    let server = Server::start().await;
    let handle = server.level().handle();
    for stamp in ["{test}:t:0000000000000001", "{test}:all"] {
        assert_eq!(fill(&handle, &KEY, "x", &[1]).await, Fill::Stored);
        assert_eq!(value(&handle, &KEY).await, "x");
        assert_eq!(server.run::<i64>(&["DEL", stamp]).await, 1);
        assert!(is_invalidated(&handle.get(&KEY).await), "{stamp}");
    }
    assert_eq!(fill(&handle, &KEY, "anew", &[1]).await, Fill::Stored);
    assert_eq!(value(&handle, &KEY).await, "anew");
}

#[tokio::test]
async fn an_evicted_stamp_that_was_made_anew_revives_nothing() {
    let server = Server::start().await;
    let handle = server.level().handle();
    assert_eq!(fill(&handle, &KEY, "old", &[1]).await, Fill::Stored);
    assert_eq!(handle.invalidate(&[1]).await, Delivery::Delivered);
    assert_eq!(server.run::<i64>(&["DEL", "{test}:t:0000000000000001"]).await, 1);
    assert_eq!(fill(&handle, &[1; 16], "new", &[1]).await, Fill::Stored);
    assert!(is_invalidated(&handle.get(&KEY).await));
}

#[tokio::test]
async fn a_clock_that_is_lost_or_absurd_revives_nothing() {
    let server = Server::start().await;
    let handle = server.level().handle();
    for absurd in [None, Some("9999999999999999"), Some("0000000000000001"), Some("x")] {
        assert_eq!(fill(&handle, &KEY, "old", &[1]).await, Fill::Stored);
        match absurd {
            None => drop(server.run::<i64>(&["DEL", "{test}:clock"]).await),
            Some(text) => server.run::<()>(&["SET", "{test}:clock", text]).await,
        }
        assert_eq!(handle.invalidate(&[1]).await, Delivery::Delivered);
        assert!(is_invalidated(&handle.get(&KEY).await), "{absurd:?}");
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_neither_stops_fills_nor_revives_values() {
    let server = Server::start().await;
    let handle = server.level().handle();
    let now: Vec<u64> = server.run(&["TIME"]).await;
    // As it was left by a server an hour ahead, whose last deed was to invalidate a tag.
    let ahead = format!("{:016}", (now[0] + 3_600) * 1_000_000);
    for name in ["{test}:clock", "{test}:t:0000000000000001"] {
        server.run::<()>(&["SET", name, &ahead]).await;
    }
    assert_eq!(fill(&handle, &KEY, "x", &[1]).await, Fill::Stored);
    assert_eq!(value(&handle, &KEY).await, "x");
    assert_eq!(handle.invalidate(&[1]).await, Delivery::Delivered);
    assert!(is_invalidated(&handle.get(&KEY).await));
}

#[tokio::test]
async fn what_could_not_be_delivered_holds_here_at_once_and_there_later() {
    let mut server = Server::start().await;
    let (here, there) = (trusting(&server), trusting(&server));
    assert_eq!(fill(&here.handle(), &KEY, "old", &[1]).await, Fill::Stored);
    assert_eq!(fill(&here.handle(), &[1; 16], "untouched", &[2]).await, Fill::Stored);
    server.run::<()>(&["SAVE"]).await;
    server.kill();
    assert_eq!(here.handle().invalidate(&[1]).await, Delivery::Queued(Reason::Broken));
    server.start_again().await;

    assert!(is_invalidated(&here.handle().get(&KEY).await), "this node knows");
    assert_eq!(value(&there.handle(), &KEY).await, "old", "Redis does not know yet");
    assert_eq!(value(&here.handle(), &[1; 16]).await, "untouched");
    let token = crate::helpers::won(&here.handle(), &[2; 16]).await;
    assert_eq!(token.fill("x".into(), crate::helpers::MINUTE, &[1]).await, Fill::Fenced);

    delivered(&here).await;
    assert!(is_invalidated(&there.handle().get(&KEY).await));
    assert_eq!(value(&there.handle(), &[1; 16]).await, "untouched");
    assert_eq!((here.counts().queued, here.counts().overflows), (1, 0));
}

#[tokio::test]
async fn whoever_delivers_is_woken_when_something_is_queued() {
    let mut server = Server::start().await;
    let level = trusting(&server);
    let handle = level.handle();
    let delivery = tokio::spawn(async move { handle.deliver().await });
    // It has found nothing to do, and waits.
    assert!(is_missing(&level.handle().get(&KEY).await));
    server.kill();
    assert_eq!(level.handle().invalidate(&[1]).await, Delivery::Queued(Reason::Broken));
    server.start_again().await;
    let ask = async || {
        anyhow::ensure!(level.queued() == 0, "{} queued", level.queued());
        Ok(())
    };
    eventually(ask).await.unwrap();
    delivery.abort();
}

#[tokio::test]
async fn a_stamp_lives_as_long_as_the_values_under_it() {
    let server = Server::start().await;
    let handle = server.level().handle();
    let tag = "{test}:t:0000000000000001";
    let day = 86_400_000;
    assert_eq!(fill(&handle, &KEY, "x", &[1]).await, Fill::Stored);
    assert!(server.run::<i64>(&["PTTL", tag]).await > day);
    assert_eq!(server.run::<i64>(&["PEXPIRE", tag, "60000"]).await, 1);
    assert_eq!(fill(&handle, &KEY, "y", &[1]).await, Fill::Stored);
    assert!(server.run::<i64>(&["PTTL", tag]).await > day);
    assert_eq!(server.run::<i64>(&["PEXPIRE", tag, "60000"]).await, 1);
    assert_eq!(handle.invalidate(&[1]).await, Delivery::Delivered);
    assert!(server.run::<i64>(&["PTTL", tag]).await > day);
}

#[tokio::test]
async fn every_lease_moves_the_clock_and_every_invalidation_passes_it() {
    let server = Server::start().await;
    let handle = server.level().handle();
    let token = crate::helpers::won(&handle, &KEY).await;
    assert_eq!(server.run::<String>(&["GET", "{test}:clock"]).await, token.stamp().to_string());
    assert_eq!(handle.invalidate(&[1]).await, Delivery::Delivered);
    let stamp: String = server.run(&["GET", "{test}:t:0000000000000001"]).await;
    assert!(stamp > token.stamp().to_string());
    assert_eq!(server.run::<String>(&["GET", "{test}:clock"]).await, stamp);
}

#[tokio::test]
async fn the_next_invalidation_takes_along_what_is_queued() {
    let mut server = Server::start().await;
    let (here, there) = (trusting(&server), trusting(&server));
    assert_eq!(fill(&here.handle(), &KEY, "old", &[1]).await, Fill::Stored);
    server.run::<()>(&["SAVE"]).await;
    server.kill();
    assert_eq!(here.handle().invalidate(&[1]).await, Delivery::Queued(Reason::Broken));
    server.start_again().await;
    assert_eq!(here.handle().invalidate(&[2]).await, Delivery::Delivered);
    assert!(is_invalidated(&there.handle().get(&KEY).await));
}

#[tokio::test]
async fn more_than_can_be_queued_becomes_a_new_epoch() {
    let mut server = Server::start().await;
    let (here, there) = (trusting(&server), trusting(&server));
    assert_eq!(fill(&there.handle(), &KEY, "old", &[]).await, Fill::Stored);
    server.run::<()>(&["SAVE"]).await;
    server.kill();
    let tags: Vec<u64> = (0..=10_000).collect();
    assert_eq!(here.handle().invalidate(&tags).await, Delivery::Queued(Reason::Broken));
    assert_eq!((here.queued(), here.counts().overflows), (1, 1));
    server.start_again().await;
    assert!(is_invalidated(&here.handle().get(&KEY).await));
    delivered(&here).await;
    assert!(is_invalidated(&there.handle().get(&KEY).await));
}

#[tokio::test]
async fn a_redis_back_from_a_snapshot_serves_nothing_from_before() {
    let mut server = Server::start().await;
    let (careful, trusting) = (server.level(), trusting(&server));
    assert_eq!(fill(&careful.handle(), &KEY, "old", &[1]).await, Fill::Stored);
    server.run::<()>(&["SAVE"]).await;
    assert_eq!(careful.handle().invalidate(&[1]).await, Delivery::Delivered);
    server.kill();
    server.start_again().await;
    assert_eq!(value(&trusting.handle(), &KEY).await, "old", "the snapshot is from before the invalidation");
    assert!(is_invalidated(&careful.handle().get(&KEY).await));
    assert_eq!(fill(&careful.handle(), &KEY, "new", &[1]).await, Fill::Stored);
    assert_eq!(value(&server.level().handle(), &KEY).await, "new", "one restart is noticed once");
}
