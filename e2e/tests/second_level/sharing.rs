//! What it takes to put an answer there, and that the others find it.

use anyhow::{Result, ensure};
use banyan_testkit::{Answer, Gate, Reply, Scripted, eventually};

use super::kit::{Redis, ask, count, has_written, upstream};

const TARGETS: [&str; 6] = ["/1", "/2", "/3", "/4?a", "/tagged/5", "/tagged/6"];

#[tokio::test]
async fn a_miss_takes_one_lease_and_writes_one_value_for_all() -> Result<()> {
    let (upstream, redis) = (upstream(None).await?, Redis::start().await?);
    let (one, two) = (redis.gateway(&upstream).await?, redis.gateway(&upstream).await?);
    for target in TARGETS {
        ask(&one, target, "").await?;
    }
    has_written(&one, 6).await?;
    assert_eq!(count(&one, "miss").await?, 6);
    for target in TARGETS {
        let status = ask(&two, target, "").await?;
        assert!(status.contains("second-level"), "{target}: {status}");
    }
    assert_eq!(upstream.requests().len(), 6);
    assert_eq!((count(&two, "hit").await?, count(&two, "lease_won").await?), (6, 0));
    Ok(())
}

/// The first answer also says by what the others differ, which is a value of its own.
#[tokio::test]
async fn what_varies_is_shared_from_the_first_answer_on() -> Result<()> {
    let (upstream, redis) = (upstream(Some(("Vary", "Accept-Language"))).await?, Redis::start().await?);
    let (one, two) = (redis.gateway(&upstream).await?, redis.gateway(&upstream).await?);
    let mut values = 0;
    for target in TARGETS {
        for (language, written) in [("de", 2), ("en", 1), ("fr", 1)] {
            ask(&one, target, &format!("Accept-Language: {language}\r\n")).await?;
            values += written;
            has_written(&one, values).await?;
        }
    }
    for target in TARGETS {
        for language in ["de", "en", "fr"] {
            let status = ask(&two, target, &format!("Accept-Language: {language}\r\n")).await?;
            assert!(status.contains("second-level"), "{target} {language}: {status}");
        }
    }
    assert_eq!(upstream.requests().len(), 18);
    Ok(())
}

/// Who waits for another gateway does not know yet that the answer varies.
#[tokio::test]
async fn who_waits_for_what_varies_finds_it() -> Result<()> {
    let gate = Gate::new();
    let waits = gate.clone();
    let upstream = Scripted::start(move |request| {
        let reply = Reply::new(200).field("Cache-Control", "max-age=3600").field("Vary", "Accept-Language");
        Answer::new().wait(&waits).reply(reply.body(request.target.clone()))
    })
    .await?;
    let redis = Redis::start().await?;
    let (one, two) = (redis.gateway(&upstream).await?, redis.gateway(&upstream).await?);
    let opens = async {
        upstream.wait_for_requests(1).await?;
        eventually(async || {
            let held = count(&one, "lease_held").await? + count(&two, "lease_held").await?;
            ensure!(held > 0, "nobody waits");
            Ok(())
        })
        .await?;
        gate.open();
        Ok(())
    };
    tokio::try_join!(ask(&one, "/", ""), ask(&two, "/", ""), opens)?;
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}
