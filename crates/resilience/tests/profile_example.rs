//! The example keeps its promise: under chaos, every request is answered with the right user.
//!
//! It runs as it is, over TCP, but on paused time: seconds of waiting pass at once, and a busy machine is not a slow
//! dependency.

#[path = "../examples/profile/world/mod.rs"]
mod world;

use world::{Counted, Figures, Load, World};

const REQUESTS: u32 = 150;

async fn every_request_is_answered_with_the_right_user(seed: u64) {
    let world = World::start(seed).await.expect("there are free ports");
    let load = Load { requests: REQUESTS, per_second: 50, seed };
    let (with, without): (Figures, Figures) = tokio::join!(load.run(world.resilient), load.run(world.plain));
    assert_eq!((with.right_user(), with.failed, with.wrong), (REQUESTS as usize, 0, 0), "{with:?}");
    assert_eq!(with.all(), REQUESTS as usize);
    // All of it was needed: there is chaos, without the library it shows, and with it the lists are what is missing.
    let failed = without.failed;
    assert!((REQUESTS as usize / 8..REQUESTS as usize / 2).contains(&failed), "{without:?}");
    assert_eq!((without.wrong, without.marked), (0, 0));
    assert!(with.marked > 0 && with.complete > with.marked, "{with:?}");
    let counts = world.counts.all();
    let Counted { retries, hedges, .. } = counts["users"];
    assert!(retries > 0 && hedges > 0, "{counts:?}");
    let marked: u64 = ["recommendations", "reviews"].map(|name| counts[name].fallbacks).iter().sum();
    assert!(marked >= with.marked as u64, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn every_request_is_answered_with_the_right_user_under_one_seed() {
    every_request_is_answered_with_the_right_user(7).await;
}

#[tokio::test(start_paused = true)]
async fn every_request_is_answered_with_the_right_user_under_another_seed() {
    every_request_is_answered_with_the_right_user(8).await;
}

#[tokio::test(start_paused = true)]
async fn every_request_is_answered_with_the_right_user_under_a_third_seed() {
    every_request_is_answered_with_the_right_user(2_026).await;
}
