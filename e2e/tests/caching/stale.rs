//! Answers that are no longer fresh, and given all the same (RFC 5861): while a new one is fetched, or there is none.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use anyhow::{Result, ensure};
use banyan_testkit::{Answer, Gate, Received, Reply, eventually};

use super::kit::{Counts, HOUR, becomes, cache_status, kept, kept_by, reply, text};

/// Old at once, and given for a minute while it is refreshed.
const REVALIDATE: &[(&str, &str)] =
    &[("Cache-Control", "max-age=1, stale-while-revalidate=60"), ("Age", "1"), ("X-Old", "1")];

#[tokio::test]
async fn nobody_waits_while_a_new_one_is_fetched_and_it_is_fetched_once() -> Result<()> {
    let gate = Gate::new();
    let (waits, counts) = (gate.clone(), Counts::default());
    let (upstream, banyan) = kept(move |request| match counts.next(request) {
        0 => reply(200, REVALIDATE).body("old").into(),
        _ => Answer::new().wait(&waits).reply(reply(200, &[HOUR]).body("new")),
    })
    .await?;
    let mut client = banyan.client().await?;
    for _ in 0..20 {
        assert_eq!(text(&mut client, "/", "").await?, "old");
    }
    assert_eq!(upstream.wait_for_requests(2).await?.len(), 2);
    gate.open();
    becomes(&banyan, "/", "new").await?;
    assert_eq!(upstream.requests().len(), 2);
    Ok(())
}

/// What was fetched behind their backs failed: nobody notices, and the good one stays.
#[tokio::test]
async fn a_failed_refresh_hurts_nobody() -> Result<()> {
    for failure in [Answer::new().reset(), Answer::from(Reply::new(500).body("broken"))] {
        let counts = Counts::default();
        let (upstream, banyan) = kept(move |request| match counts.next(request) {
            0 => reply(200, REVALIDATE).body("old").into(),
            1 | 2 => failure.clone(),
            _ => reply(200, &[HOUR]).body("new").into(),
        })
        .await?;
        let mut client = banyan.client().await?;
        eventually(async || {
            let body = text(&mut client, "/", "").await?;
            assert!(["old", "new"].contains(&body.as_str()), "{body}");
            ensure!(body == "new", "still old");
            Ok(())
        })
        .await?;
        assert!(upstream.requests().len() >= 4);
    }
    Ok(())
}

#[tokio::test]
async fn after_the_window_it_is_fetched_first() -> Result<()> {
    let counts = Counts::default();
    let (_upstream, banyan) = kept(move |request| match counts.next(request) {
        0 => reply(200, &[("Cache-Control", "max-age=1, stale-while-revalidate=4"), ("Age", "6")])
            .body("old")
            .into(),
        _ => reply(200, &[HOUR]).body("new").into(),
    })
    .await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/", "").await?, "old");
    assert_eq!(text(&mut client, "/", "").await?, "new");
    Ok(())
}

/// An upstream that answers until it is told to fail in some way.
fn until_it_fails(
    fields: &'static [(&str, &str)],
    failure: Answer,
) -> (Arc<AtomicBool>, impl Fn(&Received) -> Answer + Send + Sync + 'static) {
    let fails = Arc::new(AtomicBool::new(false));
    let told = fails.clone();
    let script = move |_: &Received| {
        if told.load(Relaxed) { failure.clone() } else { reply(200, fields).body("good").into() }
    };
    (fails, script)
}

fn failures() -> [(&'static str, Answer); 6] {
    [
        ("a reset", Answer::new().reset()),
        ("no answer", Answer::new().close()),
        ("nonsense", Answer::new().send("nonsense\r\n\r\n").close()),
        ("500", Reply::new(500).body("broken").into()),
        ("503", Reply::new(503).body("broken").into()),
        ("504", Reply::new(504).body("broken").into()),
    ]
}

#[tokio::test]
async fn while_the_upstream_fails_the_last_good_one_is_given() -> Result<()> {
    for (what, failure) in failures() {
        let fields = &[("Cache-Control", "max-age=1, stale-if-error=60"), ("Age", "1")];
        let (fails, script) = until_it_fails(fields, failure);
        let (_upstream, banyan) = kept(script).await?;
        let mut client = banyan.client().await?;
        text(&mut client, "/", "").await?;
        fails.store(true, Relaxed);
        for _ in 0..3 {
            let response = client.get("/", "").await?;
            assert_eq!((response.status, response.text().as_str()), (200, "good"), "{what}");
            assert!(cache_status(&response).contains("served-stale"), "{}", cache_status(&response));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_no_failure_and_is_told() -> Result<()> {
    for status in [400, 404, 410, 501] {
        let fields = &[("Cache-Control", "max-age=1, stale-if-error=60"), ("Age", "1")];
        let (fails, script) = until_it_fails(fields, Reply::new(status).into());
        let (_upstream, banyan) = kept(script).await?;
        let mut client = banyan.client().await?;
        text(&mut client, "/", "").await?;
        fails.store(true, Relaxed);
        assert_eq!(client.get("/", "").await?.status, status);
    }
    Ok(())
}

/// Section 4.2.4 of RFC 9111: some answers say that being told of the failure is better.
#[tokio::test]
async fn s4_2_4_what_must_be_validated_is_not_given_stale() -> Result<()> {
    const FORBIDDEN: &[&[(&str, &str)]] = &[
        &[("Cache-Control", "max-age=1, stale-if-error=60, must-revalidate"), ("Age", "1")],
        &[("Cache-Control", "max-age=1, stale-if-error=60, proxy-revalidate"), ("Age", "1")],
        &[("Cache-Control", "s-maxage=1"), ("Age", "1")],
        &[("Cache-Control", "max-age=1, stale-if-error=60, no-cache"), ("ETag", "\"a\"")],
        &[("Cache-Control", "max-age=1, stale-if-error=4"), ("Age", "9")],
        &[("Cache-Control", "max-age=1, must-revalidate, stale-while-revalidate=60"), ("Age", "1")],
    ];
    for fields in FORBIDDEN {
        let (fails, script) = until_it_fails(fields, Answer::new().reset());
        let (_upstream, banyan) = kept(script).await?;
        let mut client = banyan.client().await?;
        text(&mut client, "/", "").await?;
        fails.store(true, Relaxed);
        let response = client.get("/", "").await?;
        assert_eq!(response.status, 502, "{fields:?}: {}", response.text());
    }
    Ok(())
}

/// A client's `no-cache` prefers that it is validated (RFC 9111 section 5.2.1.4); it does not ask for an error. Its
/// `no-store` says that it does not want what is kept at all.
#[tokio::test]
async fn a_client_that_prefers_it_validated_is_given_it_if_that_fails() -> Result<()> {
    let fields = &[("Cache-Control", "max-age=3600, stale-if-error=60")];
    let (fails, script) = until_it_fails(fields, Answer::new().reset());
    let (_upstream, banyan) = kept(script).await?;
    let mut client = banyan.client().await?;
    text(&mut client, "/", "").await?;
    fails.store(true, Relaxed);
    let given = client.get("/", "Cache-Control: no-cache\r\n").await?;
    assert_eq!((given.status, given.text().as_str()), (200, "good"));
    assert!(cache_status(&given).contains("served-stale"), "{}", cache_status(&given));
    assert_eq!(client.get("/", "Cache-Control: no-store\r\n").await?.status, 502);
    assert_eq!(text(&mut client, "/", "").await?, "good");
    Ok(())
}

/// A route can promise it for answers that say nothing themselves, and an upstream that is gone altogether.
#[tokio::test]
async fn a_route_may_allow_it_and_the_upstream_may_be_gone() -> Result<()> {
    let routes = ["match: \"GET /\", cache: { ttl: 1s, jitter: 0%, early_refresh: 0, stale_if_error: 1h }"];
    let (upstream, banyan) = kept_by(&routes, |_| Reply::new(200).body("good").into()).await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/", "").await?, "good");
    drop(upstream);
    eventually(async || {
        let response = client.get("/", "").await?;
        assert_eq!((response.status, response.text().as_str()), (200, "good"));
        ensure!(cache_status(&response).contains("served-stale"), "{}", cache_status(&response));
        Ok(())
    })
    .await
}
