//! A purge at one gateway, and what it does to the memory of the others and to its own.

use anyhow::{Result, ensure};
use banyan_e2e::cli;
use banyan_testkit::{Banyan, Scripted, eventually};

use super::kit::{Redis, ask, has_written, keep, purge, upstream};

/// How often the upstream was asked for this.
fn calls(upstream: &Scripted, target: &str) -> usize {
    upstream.requests().iter().filter(|request| request.target == target).count()
}

/// Asks until the upstream is asked, too.
async fn is_fetched_anew(upstream: &Scripted, banyan: &Banyan, target: &str) -> Result<()> {
    let before = calls(upstream, target);
    eventually(async || {
        ask(banyan, target, "").await?;
        ensure!(calls(upstream, target) > before, "{target} is still kept");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_named_goes_from_the_memory_of_all_and_nothing_else() -> Result<()> {
    let (upstream, redis) = (upstream(None).await?, Redis::start().await?);
    let (one, two) = (redis.gateway(&upstream).await?, redis.gateway(&upstream).await?);
    let all = ["/tagged/1", "/tagged/2", "/a", "/b"];
    for target in all {
        keep(&one, target).await?;
    }
    has_written(&one, 4).await?;
    for target in all {
        keep(&two, target).await?;
    }
    assert_eq!(upstream.requests().len(), 4);
    for (words, gone) in [(["--tag", "thing:1"], "/tagged/1"), (["--url", "http://test.example/a"], "/a")] {
        let said = purge(&one, &words).await?;
        assert!(said.contains("1 w"), "{said}");
        is_fetched_anew(&upstream, &two, gone).await?;
    }
    let told = cli(&one, &["timeline"], 0).await?;
    assert!(told.contains("purged tag 'thing:1': 1 went from memory, by ann: wrong prices"), "{told}");
    for target in ["/tagged/2", "/b"] {
        for banyan in [&one, &two] {
            let status = ask(banyan, target, "").await?;
            assert!(status.contains("; hit"), "{target}: {status}");
        }
        assert_eq!(calls(&upstream, target), 1, "{target}");
    }
    Ok(())
}

/// What gateways share cannot be looked through, so all of it goes. Who purged has looked through its own memory.
#[tokio::test]
async fn a_pattern_leaves_what_does_not_fit_where_it_was_purged() -> Result<()> {
    let (upstream, redis) = (upstream(None).await?, Redis::start().await?);
    let (one, two) = (redis.gateway(&upstream).await?, redis.gateway(&upstream).await?);
    for target in ["/fits/1", "/other", "/tagged/1"] {
        keep(&one, target).await?;
    }
    has_written(&one, 3).await?;
    for target in ["/fits/1", "/other"] {
        keep(&two, target).await?;
    }
    purge(&one, &["--pattern", "*/fits/*", "--yes"]).await?;
    is_fetched_anew(&upstream, &two, "/fits/1").await?;
    is_fetched_anew(&upstream, &two, "/other").await?;
    // What is told arrives in order: when this has, so has the echo of the purge.
    purge(&two, &["--tag", "thing:1"]).await?;
    is_fetched_anew(&upstream, &one, "/tagged/1").await?;
    let before = calls(&upstream, "/other");
    let status = ask(&one, "/other", "").await?;
    assert!(status.contains("; hit") && !status.contains("second-level"), "{status}");
    assert_eq!(calls(&upstream, "/other"), before);
    Ok(())
}
