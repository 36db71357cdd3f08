//! A dependency that turns bad in every way there is, and what its callers notice: nothing, where there is a fallback.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use banyan_e2e::assert_problem;
use banyan_testkit::{Answer, Banyan, RawClient, Received, Reply, Scripted, eventually};
use serde_json::json;

/// How the dependency is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Mood {
    Well,
    /// Answers, far too late.
    Slow,
    /// Answers with 500.
    Failing,
    /// Takes the request and resets the connection.
    Resetting,
    /// Takes the request and says nothing.
    Silent,
    /// Answers 200 with half a JSON that seems complete.
    Lying,
    /// Announces more than it sends, and closes.
    BreakingOff,
}

const MOODS: [Mood; 7] =
    [Mood::Well, Mood::Slow, Mood::Failing, Mood::Resetting, Mood::Silent, Mood::Lying, Mood::BreakingOff];

/// A dependency whose mood can be set.
struct Moody {
    server: Scripted,
    mood: Arc<AtomicU8>,
}

impl Moody {
    async fn start() -> Result<Self> {
        let mood = Arc::new(AtomicU8::new(Mood::Well as u8));
        let now = mood.clone();
        let server =
            Scripted::start(move |_: &Received| answer(MOODS[usize::from(now.load(Relaxed))])).await?;
        Ok(Self { server, mood })
    }

    fn turns(&self, mood: Mood) {
        self.mood.store(mood as u8, Relaxed);
    }

    fn asked(&self) -> usize {
        self.server.requests().len()
    }
}

fn answer(mood: Mood) -> Answer {
    let whole = Reply::new(200).json(&json!({"id": 1, "posts": ["a", "b"]}));
    match mood {
        Mood::Well => whole.into(),
        Mood::Slow => Answer::new().dribble(whole.bytes(), Duration::from_millis(8)),
        Mood::Failing => Reply::new(500).body("no").into(),
        Mood::Resetting => Answer::new().reset(),
        Mood::Silent => Answer::new().hang(),
        Mood::Lying => {
            Reply::new(200).field("Content-Type", "application/json").body("{\"id\": 1, \"po").into()
        }
        Mood::BreakingOff => {
            let head = Reply::new(200).field("Content-Type", "application/json").length(1000).head();
            Answer::new().send(head).send("{\"id\": 1").close()
        }
    }
}

const POLICY: &str = r#"    timeout: 400ms
    breaker: { failures: 50%, of_at_least: 4, within: 5s, slow: { over: 200ms, share: 50% }, open_for: 300ms, open_at_most: 600ms }
    valid_if: { status: [200], json: true, required: ["/id"] }
"#;

async fn over(dependency: &Moody, policy: &str, route: &str) -> Result<Banyan> {
    let config = format!(
        "upstreams:\n  posts:\n    endpoints: [\"{}\"]\n{policy}routes:\n  - match: \"GET /users/{{id}}/posts\"\n    to: posts\n{route}",
        dependency.server.url()
    );
    Banyan::start(&config).await
}

const FALLBACK: &str = "    fallback: [ { status: 200, json: [] } ]\n";

/// Asks once. Every answer must be a 200; whether it was a substitute.
async fn ask(client: &mut RawClient) -> Result<bool> {
    let response = client.get("/users/1/posts", "").await?;
    let degraded = response.fields.get("banyan-degraded").map(ToOwned::to_owned);
    ensure!(response.status == 200 && response.body.complete, "{} {}", response.status, response.text());
    let expected = if degraded.is_some() { "[]" } else { r#"{"id":1,"posts":["a","b"]}"# };
    ensure!(response.text() == expected, "{degraded:?} {}", response.text());
    Ok(degraded.is_some())
}

async fn is_in(banyan: &Banyan, state: &str) -> Result<bool> {
    let sample = format!("banyan_breaker_state{{upstream=\"posts\",state=\"{state}\"}}");
    Ok(banyan.admin()?.metric(&sample).await? == Some(1.0))
}

async fn nobody_notices(mood: Mood) -> Result<()> {
    let dependency = Moody::start().await?;
    let banyan = over(&dependency, POLICY, FALLBACK).await?;
    let mut client = banyan.client().await?;
    for _ in 0..3 {
        ensure!(!ask(&mut client).await?, "well, and yet a substitute");
    }
    dependency.turns(mood);
    // No answer but 200 from here on; the breaker opens within its first window.
    eventually(async || {
        ask(&mut client).await?;
        ensure!(is_in(&banyan, "open").await?, "{mood:?}: not open");
        Ok(())
    })
    .await?;
    // Open: it is left alone, but for its probes.
    let asked = dependency.asked();
    for _ in 0..200 {
        ensure!(ask(&mut client).await?, "{mood:?}: open, and yet a fresh answer");
    }
    let probes = dependency.asked() - asked;
    ensure!(probes <= 20, "{mood:?}: asked {probes} times while the breaker was open");
    dependency.turns(Mood::Well);
    eventually(async || {
        ensure!(!ask(&mut client).await?, "{mood:?}: still a substitute");
        ensure!(is_in(&banyan, "closed").await?, "{mood:?}: not closed");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_dependency_that_becomes_slow_is_noticed_by_nobody() -> Result<()> {
    nobody_notices(Mood::Slow).await
}

#[tokio::test]
async fn a_dependency_that_fails_is_noticed_by_nobody() -> Result<()> {
    nobody_notices(Mood::Failing).await
}

#[tokio::test]
async fn a_dependency_that_resets_is_noticed_by_nobody() -> Result<()> {
    nobody_notices(Mood::Resetting).await
}

#[tokio::test]
async fn a_dependency_that_falls_silent_is_noticed_by_nobody() -> Result<()> {
    nobody_notices(Mood::Silent).await
}

#[tokio::test]
async fn a_dependency_that_answers_half_a_json_is_noticed_by_nobody() -> Result<()> {
    nobody_notices(Mood::Lying).await
}

#[tokio::test]
async fn a_dependency_that_breaks_off_is_noticed_by_nobody() -> Result<()> {
    nobody_notices(Mood::BreakingOff).await
}

/// Without a fallback the caller learns at once, and is told when to come back.
#[tokio::test]
async fn without_a_fallback_an_open_breaker_says_so_at_once() -> Result<()> {
    let dependency = Moody::start().await?;
    let policy = "    timeout: 300ms\n    breaker: { consecutive: 3, open_for: 30s }\n";
    let banyan = over(&dependency, policy, "").await?;
    dependency.turns(Mood::Failing);
    let mut client = banyan.client().await?;
    for _ in 0..3 {
        let response = client.get("/users/1/posts", "").await?;
        assert_eq!((response.status, response.text().as_str()), (500, "no"));
    }
    let response = client.get("/users/1/posts", "").await?;
    let wait: u64 = response.fields.get("retry-after").unwrap_or_default().parse()?;
    assert!((1..=30).contains(&wait), "{wait}");
    assert_problem(&response, 503, "breaker-open");
    assert_eq!(response.json()["code"], "BO");
    assert_eq!(dependency.asked(), 3);
    Ok(())
}

/// Another attempt for what failed in passing; none for what must not run twice.
#[tokio::test]
async fn a_passing_failure_is_tried_again_where_that_is_safe() -> Result<()> {
    let server = Scripted::start(move |request: &Received| {
        let failing = request.fields.get("x-attempt").is_none() && request.connection == 0;
        if failing { Answer::new().reset() } else { Reply::new(200).body("ok").into() }
    })
    .await?;
    let config = format!(
        "upstreams: {{ one: {{ endpoints: [\"{}\"], retry: {{ base: 1ms, cap: 2ms }} }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: one }} ]\n",
        server.url()
    );
    let banyan = Banyan::start(&config).await?;
    let mut client = banyan.client().await?;
    let response = client.get("/a", "").await?;
    assert_eq!((response.status, response.text().as_str()), (200, "ok"));
    assert_eq!(server.requests().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_write_is_never_tried_again_without_a_key() -> Result<()> {
    let server = Scripted::start(move |_: &Received| Reply::new(502).body("no").into()).await?;
    let config = format!(
        "upstreams: {{ one: {{ endpoints: [\"{}\"], retry: {{ base: 1ms, cap: 2ms }} }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: one }} ]\n",
        server.url()
    );
    let banyan = Banyan::start(&config).await?;
    let mut client = banyan.client().await?;
    client.write("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await?;
    assert_eq!(client.read_response("POST").await?.status, 502);
    assert_eq!(server.requests().len(), 1);
    client
        .write("POST /a HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \"k\"\r\nContent-Length: 2\r\n\r\nhi")
        .await?;
    assert_eq!(client.read_response("POST").await?.status, 502);
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|request| request.body.bytes == b"hi"), "each with its whole body");
    Ok(())
}
