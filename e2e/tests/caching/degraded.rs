//! 'Not found', empty and incomplete answers are kept for a time of their own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use anyhow::{Result, ensure};
use banyan_testkit::{Answer, Received, Reply, eventually};

use super::kit::{becomes, kept_by, metric, send};

/// What the upstream answers at each step, and how to go to the next one.
fn steps(steps: Vec<Reply>) -> (Arc<AtomicUsize>, impl Fn(&Received) -> Answer + Send + Sync + 'static) {
    let at = Arc::new(AtomicUsize::new(0));
    let now = at.clone();
    (at, move |request| match request.method.as_str() {
        "GET" => steps[now.load(Relaxed).min(steps.len() - 1)].clone().into(),
        _ => Reply::new(204).bare("").into(),
    })
}

fn json(text: &str) -> Reply {
    Reply::new(200).field("Content-Type", "application/json").body(text)
}

#[tokio::test]
async fn not_found_is_kept_for_its_own_time_and_ends_with_a_write() -> Result<()> {
    let routes = [
        "match: \"GET /a\", cache: { ttl: 1h, negative: 1h, tags: [ a ] }",
        "match: \"PUT /a\", invalidates: [ a ]",
    ];
    for status in [404, 410] {
        let (step, script) = steps(vec![Reply::new(status).body("no"), json("{}")]);
        let (upstream, banyan) = kept_by(&routes, script).await?;
        let mut client = banyan.client().await?;
        for _ in 0..3 {
            let response = client.get("/a", "").await?;
            assert_eq!((response.status, response.text().as_str()), (status, "no"));
        }
        assert_eq!(upstream.requests().len(), 1);
        step.store(1, Relaxed);
        send(&mut client, "PUT", "/a", "").await?;
        assert_eq!(client.get("/a", "").await?.status, 200);
    }
    Ok(())
}

/// That it still holds says nothing of what it lacks.
#[tokio::test]
async fn a_degraded_answer_that_still_holds_is_kept_for_its_own_time_again() -> Result<()> {
    let routes = [
        "match: \"GET /a\", cache: { ttl: 1h, degraded: 1s, jitter: 0%, early_refresh: 0, parts: [ /name ] }",
    ];
    let is_whole = Arc::new(AtomicUsize::new(0));
    let now = is_whole.clone();
    let (upstream, banyan) = kept_by(&routes, move |request| {
        let is_known = request.fields.get("if-none-match").is_some();
        match (now.load(Relaxed), is_known) {
            (0, true) => Reply::new(304).field("ETag", "\"a\"").bare("").into(),
            (0, false) => json("{\"name\":null}").field("ETag", "\"a\"").into(),
            _ => json("{\"name\":\"a\"}").field("ETag", "\"b\"").into(),
        }
    })
    .await?;
    let mut client = banyan.client().await?;
    eventually(async || {
        let response = client.get("/a", "").await?;
        ensure!(response.fields.get("banyan-degraded").is_some());
        ensure!(upstream.requests().len() >= 2, "it was not asked for again");
        Ok(())
    })
    .await?;
    is_whole.store(1, Relaxed);
    becomes(&banyan, "/a", "{\"name\":\"a\"}").await?;
    Ok(())
}

#[tokio::test]
async fn not_found_becomes_found_after_its_time() -> Result<()> {
    let routes = ["match: \"GET /a\", cache: { ttl: 1h, negative: 1s, jitter: 0% }"];
    let (step, script) = steps(vec![Reply::new(404), json("{}")]);
    let (_upstream, banyan) = kept_by(&routes, script).await?;
    assert_eq!(banyan.client().await?.get("/a", "").await?.status, 404);
    step.store(1, Relaxed);
    assert_eq!(banyan.client().await?.get("/a", "").await?.status, 404, "it is kept");
    becomes(&banyan, "/a", "{}").await?;
    Ok(())
}

/// A route that says how long good answers are kept says nothing of the others.
#[tokio::test]
async fn without_a_time_of_its_own_not_found_and_failures_are_not_kept() -> Result<()> {
    for status in [404, 410, 500, 503, 400, 403] {
        let (_, script) = steps(vec![Reply::new(status)]);
        let (upstream, banyan) = kept_by(&["match: \"GET /a\", cache: { ttl: 1h }"], script).await?;
        let mut client = banyan.client().await?;
        for _ in 0..3 {
            assert_eq!(client.get("/a", "").await?.status, status);
        }
        assert_eq!(upstream.requests().len(), 3, "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn an_empty_list_is_not_found() -> Result<()> {
    let routes = ["match: \"GET /a\", cache: { ttl: 1h, negative: 0s, empty: /items }"];
    for (body, kept) in [
        ("{\"items\":[]}", false),
        ("{\"items\":{}}", false),
        ("{\"items\":null}", false),
        ("{\"items\":[0]}", true),
        ("{\"items\":0}", true),
        ("{\"items\":\"\"}", true),
        ("{}", true),
    ] {
        let (_, script) = steps(vec![json(body)]);
        let (upstream, banyan) = kept_by(&routes, script).await?;
        let mut client = banyan.client().await?;
        for _ in 0..2 {
            assert_eq!(client.get("/a", "").await?.text(), body);
        }
        assert_eq!(upstream.requests().len(), if kept { 1 } else { 2 }, "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn what_lacks_a_part_is_kept_for_a_short_time_and_says_so() -> Result<()> {
    let routes = ["match: \"GET /a\", cache: { ttl: 1h, degraded: 1h, parts: [ /name, /items/0 ] }"];
    for (body, lacks) in [
        ("{\"name\":\"a\",\"items\":[1]}", None),
        ("{\"name\":null,\"items\":[1]}", Some("/name")),
        ("{\"name\":\"a\",\"items\":[]}", Some("/items/0")),
        ("not json", Some("/name")),
    ] {
        let (_, script) = steps(vec![json(body)]);
        let (upstream, banyan) = kept_by(&routes, script).await?;
        let mut client = banyan.client().await?;
        client.get("/a", "").await?;
        let kept = client.get("/a", "").await?;
        assert_eq!(kept.text(), body);
        let says = kept.fields.get("banyan-degraded");
        assert_eq!(says.is_some(), lacks.is_some(), "{body}: {says:?}");
        assert!(lacks.is_none_or(|part| says.is_some_and(|says| says.contains(part))), "{body}: {says:?}");
        assert_eq!(upstream.requests().len(), 1);
        let kind = if lacks.is_some() { "degraded" } else { "complete" };
        let stored = metric(&banyan, &format!("banyan_cache_stored_total{{kind=\"{kind}\"}}")).await?;
        assert!(stored > 0.5, "{kind}: {stored}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_time_of_its_own_what_lacks_a_part_is_not_kept() -> Result<()> {
    let routes = ["match: \"GET /a\", cache: { ttl: 1h, parts: [ /name ] }"];
    let (_, script) = steps(vec![json("{}")]);
    let (upstream, banyan) = kept_by(&routes, script).await?;
    let mut client = banyan.client().await?;
    for _ in 0..3 {
        client.get("/a", "").await?;
    }
    assert_eq!(upstream.requests().len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_whole_answer_takes_the_place_of_a_degraded_one() -> Result<()> {
    let routes = [
        "match: \"GET /a\", cache: { ttl: 1h, degraded: 1s, jitter: 0%, early_refresh: 0, parts: [ /name ] }",
    ];
    let (step, script) = steps(vec![json("{}"), json("{\"name\":\"a\"}")]);
    let (upstream, banyan) = kept_by(&routes, script).await?;
    let mut client = banyan.client().await?;
    assert_eq!(client.get("/a", "").await?.text(), "{}");
    step.store(1, Relaxed);
    eventually(async || {
        let response = client.get("/a", "").await?;
        ensure!(response.text() == "{\"name\":\"a\"}" && response.fields.get("banyan-degraded").is_none());
        Ok(())
    })
    .await?;
    let asked = upstream.requests().len();
    assert_eq!(client.get("/a", "").await?.fields.get("banyan-degraded"), None);
    assert_eq!(upstream.requests().len(), asked, "the whole one is kept");
    Ok(())
}
