//! A new config for a cache that goes on.

use anyhow::{Result, ensure};
use banyan_e2e::cli;
use banyan_testkit::eventually;

use super::kit::{Redis, ask, has_written, keep, purge, upstream};

#[tokio::test]
async fn what_is_kept_stays_when_only_waiting_and_filling_change() -> Result<()> {
    let (upstream, redis) = (upstream(None).await?, Redis::start().await?);
    let (one, two) = (redis.gateway(&upstream).await?, redis.gateway(&upstream).await?);
    keep(&one, "/tagged/1").await?;
    has_written(&one, 1).await?;
    for besides in [", wait: 1s", ", wait: 2s, warm: { top: 20000 }", ""] {
        one.write_config(&redis.config(&upstream, besides))?;
        let said = cli(&one, &["reload"], 0).await?;
        let status = ask(&one, "/tagged/1", "").await?;
        ensure!(status.contains("; hit") && !status.contains("second-level"), "{besides}: {status} ({said})");
    }
    // It still hears the others.
    purge(&two, &["--tag", "thing:1"]).await?;
    eventually(async || {
        ask(&one, "/tagged/1", "").await?;
        ensure!(upstream.requests().len() == 2, "it is still kept");
        Ok(())
    })
    .await?;
    has_written(&one, 2).await?;
    // Another size is another cache.
    one.write_config(&redis.config(&upstream, ", memory: 2MiB"))?;
    cli(&one, &["reload"], 0).await?;
    let status = ask(&one, "/tagged/1", "").await?;
    assert!(status.contains("second-level"), "{status}");
    Ok(())
}
