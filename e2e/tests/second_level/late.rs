//! A Redis that comes after the gateways.

use std::time::Duration;

use anyhow::{Result, ensure};
use banyan_testkit::eventually;

use super::kit::{Redis, ask, keep, purge, upstream};

/// Nobody could tell this gateway what another one threw away while there was no Redis.
#[tokio::test]
async fn what_was_thrown_away_elsewhere_before_redis_came_is_not_given() -> Result<()> {
    let (upstream, mut redis) = (upstream(None).await?, Redis::absent()?);
    let (one, two) = (redis.gateway(&upstream).await?, redis.gateway(&upstream).await?);
    for banyan in [&one, &two] {
        keep(banyan, "/tagged/1").await?;
    }
    purge(&two, &["--tag", "thing:1"]).await?;
    // Within its first second a gateway takes what it keeps for new.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    redis.come().await?;
    eventually(async || {
        ask(&one, "/tagged/1", "").await?;
        ensure!(upstream.requests().len() > 2, "it is still kept");
        Ok(())
    })
    .await
}
