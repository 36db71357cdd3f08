//! `banyan rollout` and `banyan nodes`.

use anyhow::Result;
use banyan_e2e::cli;
use banyan_testkit::Banyan;

use super::kit::{Crowd, Trial};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_is_started_watched_and_ended_from_a_terminal() -> Result<()> {
    let trial = Trial::start().await?;
    let banyan = Banyan::start(&trial.config("[ 5%, 25%, 100% ]", "1s", "")).await?;
    let said = cli(&banyan, &["rollout", "list"], 0).await?;
    assert!(said.contains("articles") && said.contains("idle"), "{said}");
    let said = cli(&banyan, &["rollout", "watch", "articles", "--once"], 0).await?;
    assert!(said.contains("'banyan rollout start articles' begins one"), "{said}");
    let said = cli(&banyan, &["rollout", "pause", "articles"], 1).await?;
    assert!(said.contains("nothing is under way"), "{said}");
    let said = cli(&banyan, &["rollout", "start", "articles", "--why", "a test"], 0).await?;
    assert!(said.contains("articles is running: 5% on the replacement, stage 1 of 3"), "{said}");
    let _crowd = Crowd::start(&[banyan.address()], 200);
    let said = cli(&banyan, &["rollout", "watch", "articles"], 0).await?;
    assert!(said.contains("articles is complete: 100% on the replacement"), "{said}");
    let said = cli(&banyan, &["rollout", "history", "articles"], 0).await?;
    for part in ["started at 5%", "a test", "25% -> 100%", "every gate passed"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = cli(&banyan, &["rollout", "show", "articles", "--json"], 0).await?;
    assert!(said.contains("\"false_rollback_at_most\": 0.001"), "{said}");
    let said = cli(&banyan, &["nodes"], 0).await?;
    assert!(said.contains("this one, leads"), "{said}");
    Ok(())
}
