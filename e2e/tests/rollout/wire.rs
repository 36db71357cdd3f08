//! One gateway, for better and for worse.

use anyhow::Result;
use banyan_e2e::Verdict;
use banyan_testkit::Banyan;
use serde_json::json;
use tokio::time::Instant;

use super::kit::{Crowd, Trial, history, order, phase, rollout, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_replacement_goes_up_to_everybody_by_itself() -> Result<()> {
    let trial = Trial::start().await?;
    let banyan = Banyan::start(&trial.config("[ 5%, 25%, 100% ]", "1s", "")).await?;
    let admin = banyan.admin()?;
    assert_eq!(phase(&rollout(&admin).await?), "idle");
    assert_eq!(order(&admin, "start").await?["percent"], "5%");
    let crowd = Crowd::start(&[banyan.address()], 200);
    until(&admin, |now| phase(now) == "complete").await?;
    let whats: Vec<_> = history(&admin).await?.into_iter().map(|entry| entry["what"].clone()).collect();
    assert_eq!(whats, ["started at 5%", "5% -> 25%", "25% -> 100%", "complete at 100%"]);
    let mut client = banyan.client().await?;
    for number in 0..50 {
        assert_eq!(
            Verdict::ask(&mut client, "/articles", &format!("user-{number}")).await?.side,
            "replacement"
        );
    }
    assert_eq!(crowd.unanswered(), 0);
    assert_eq!(admin.metric("banyan_rollout_percent{unit=\"articles\"}").await?, Some(100.0));
    assert_eq!(admin.metric("banyan_rollout_leader").await?, Some(1.0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replacement_that_turns_bad_is_at_nothing_before_many_have_met_it() -> Result<()> {
    let trial = Trial::start().await?;
    let banyan = Banyan::start(&trial.config("[ 5%, 100% ]", "1h", "")).await?;
    let admin = banyan.admin()?;
    order(&admin, "start").await?;
    let crowd = Crowd::start(&[banyan.address()], 250);
    until(&admin, |now| now["gates"][0]["verdict"] == "pass").await?;
    trial.turn_bad();
    let since = Instant::now();
    let back = until(&admin, |now| phase(now) == "rolled back").await?;
    println!("at 0% after {:?}", since.elapsed());
    assert_eq!(back["percent"], "0%");
    let hurt = crowd.seen.hurt.lock().expect("no panic").clone();
    assert!(!hurt.is_empty() && hurt.iter().all(|bucket| *bucket < 500), "only the stage's share: {hurt:?}");
    let worse = &back["worse"];
    assert_eq!(worse["metric"], "errors");
    assert!(
        worse["text"].as_str().is_some_and(|text| text.contains("on the replacement against")),
        "{worse}"
    );
    let exhibit = &worse["exhibits"][0];
    assert_eq!(
        (&exhibit["route"], exhibit["trace_id"].as_str().map(str::len)),
        (&json!("/articles"), Some(32))
    );
    let mut client = banyan.client().await?;
    for number in 0..200 {
        assert_eq!(Verdict::ask(&mut client, "/articles", &format!("user-{number}")).await?.side, "legacy");
    }
    let said = &history(&admin).await?[1];
    assert_eq!((&said["what"], &said["by"]), (&json!("rolled back from 5% to 0%"), &json!("banyan")));
    assert_eq!(crowd.unanswered(), 0);
    Ok(())
}
