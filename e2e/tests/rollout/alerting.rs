//! Whoever is to be told is told, once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use anyhow::{Result, ensure};
use banyan_testkit::{Answer, Banyan, Received, Reply, Scripted, eventually};

use super::kit::{Crowd, Trial, order, phase, rollout, until};

/// A webhook that hangs for the first so many requests.
async fn hook(hangs: usize) -> Result<Scripted> {
    let count = Arc::new(AtomicUsize::new(0));
    let script = move |_: &Received| {
        if count.fetch_add(1, Relaxed) < hangs { Answer::new().hang() } else { Reply::new(200).into() }
    };
    Ok(Scripted::start(script).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_is_told_once_even_to_a_webhook_that_hangs_first() -> Result<()> {
    let (hanging, prompt) = (hook(1).await?, hook(0).await?);
    let alerts = format!(
        "\x20 alert: [ {{ webhook: \"{}/hook?key=S3CRET\" }}, {{ webhook: \"{}/hook\" }} ]\n",
        hanging.url(),
        prompt.url()
    );
    let trial = Trial::start().await?;
    let banyan = Banyan::start(&trial.config("[ 5%, 100% ]", "1h", &alerts)).await?;
    let admin = banyan.admin()?;
    order(&admin, "start").await?;
    let crowd = Crowd::start(&[banyan.address()], 250);
    until(&admin, |now| now["gates"][0]["verdict"] == "pass").await?;
    trial.turn_bad();
    until(&admin, |now| phase(now) == "rolled back").await?;
    drop(crowd);

    let sent = "banyan_alerts_total{target=\"webhook\",result=\"sent\"}";
    eventually(async || {
        ensure!(admin.metric(sent).await? == Some(2.0), "not both were told");
        Ok(())
    })
    .await?;
    let told = prompt.wait_for_requests(1).await?;
    let body: serde_json::Value = serde_json::from_slice(&told[0].body.bytes)?;
    let text = body["text"].as_str().unwrap_or_default();
    assert!(text.starts_with("articles: rolled back from 5% to 0%: errors "), "{text}");
    assert!(text.contains("trace ids "), "{text}");
    assert_eq!(body["banyan"]["event"], "rolled_back");
    assert_eq!(
        (prompt.requests().len(), hanging.requests().len()),
        (1, 2),
        "the second try of the other one"
    );
    let shown = rollout(&admin).await?["alerts"].to_string();
    assert!(!shown.contains("S3CRET") && shown.contains(&hanging.url()), "{shown}");
    assert!(banyan.log().iter().all(|line| !line.contains("S3CRET")), "no log has what lets one in");
    Ok(())
}
