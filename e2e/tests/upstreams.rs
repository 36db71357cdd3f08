//! Several endpoints, some of them worse than others; and upstreams that would like to be believed.

use anyhow::{Result, ensure};
use banyan_e2e::{Load, assert_problem};
use banyan_testkit::{Answer, Banyan, Gate, Pattern, Port, Received, Reply, Scripted, eventually};
use tokio::task::JoinSet;

fn says(name: &'static str) -> impl Fn(&Received) -> Answer + Send + Sync + 'static {
    move |_| Reply::new(200).body(name).into()
}

/// A gateway in front of these endpoints; `more` is more of the upstream.
async fn over(endpoints: &[String], more: &str) -> Result<Banyan> {
    let config = format!(
        "upstreams: {{ only: {{ endpoints: [{}]{more} }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: only }} ]\n",
        endpoints.iter().map(|url| format!("\"{url}\"")).collect::<Vec<_>>().join(", ")
    );
    Banyan::start(&config).await
}

/// Many at once: the cheaper of two is the one with less under way.
#[tokio::test]
async fn load_is_shared() -> Result<()> {
    let gate = Gate::new();
    let waits =
        |gate: Gate| Scripted::start(move |_: &Received| Answer::new().wait(&gate).reply(Reply::new(200)));
    let (one, two) = (waits(gate.clone()).await?, waits(gate.clone()).await?);
    let banyan = over(&[one.url(), two.url()], "").await?;
    let mut asked = JoinSet::new();
    for _ in 0..100 {
        let mut client = banyan.client().await?;
        asked.spawn(async move { client.get("/", "").await });
    }
    eventually(async || {
        let come = one.requests().len() + two.requests().len();
        ensure!(come == 100, "{come} have come");
        Ok(())
    })
    .await?;
    let (of_one, of_two) = (one.requests().len(), two.requests().len());
    assert!(of_one >= 40 && of_two >= 40, "{of_one} and {of_two}");
    gate.open();
    while let Some(answer) = asked.join_next().await {
        assert_eq!(answer??.status, 200);
    }
    Ok(())
}

/// An endpoint that nobody listens on costs an attempt, and no answer: nothing was sent, so even a write goes elsewhere.
#[tokio::test]
async fn a_dead_endpoint_among_others_is_noticed_by_nobody() -> Result<()> {
    let (alive, dead) = (Scripted::start(says("alive")).await?, Port::reserve()?);
    let banyan = over(&[format!("http://{}", dead.address()), alive.url()], "").await?;
    for _ in 0..50 {
        let mut client = banyan.client().await?;
        client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await?;
        let response = client.read_response("POST").await?;
        assert_eq!((response.status, response.text().as_str()), (200, "alive"));
    }
    let bodies = alive.wait_for_done(50).await?;
    assert!(bodies.iter().all(|request| request.body.bytes == b"hi"), "each whole, and once");
    Ok(())
}

#[tokio::test]
async fn an_endpoint_that_dies_under_load_is_noticed_by_nobody_who_may_ask_again() -> Result<()> {
    let (one, two) = (Scripted::start(says("one")).await?, Scripted::start(says("two")).await?);
    let banyan = over(&[one.url(), two.url()], "").await?;
    let mut load = Load::start(banyan.address(), 4, "/").await?;
    drop(one);
    load.goes_on().await?;
    load.goes_on().await?;
    load.stop().await?;
    Ok(())
}

/// An endpoint that fails again and again gets a rest; the other one takes over.
#[tokio::test]
async fn an_endpoint_that_fails_is_ejected() -> Result<()> {
    // Held at first, so that calls pile up on both of them.
    let gate = Gate::new();
    let waits = |gate: Gate, status: u16, name: &'static str| {
        Scripted::start(move |_: &Received| Answer::new().wait(&gate).reply(Reply::new(status).body(name)))
    };
    let (good, bad) = (waits(gate.clone(), 200, "good").await?, waits(gate.clone(), 500, "bad").await?);
    let banyan = over(&[good.url(), bad.url()], ", eject: { errors: 3, base: 30s, max: 30s }").await?;
    let mut asked = JoinSet::new();
    eventually(async || {
        let mut client = banyan.client().await?;
        asked.spawn(async move { client.get("/", "").await });
        ensure!(bad.requests().len() >= 3, "it has not been asked often enough to fail");
        Ok(())
    })
    .await?;
    gate.open();
    while let Some(answer) = asked.join_next().await {
        answer??;
    }
    let failed = bad.requests().len();
    let mut client = banyan.client().await?;
    for _ in 0..50 {
        assert_eq!(client.get("/", "").await?.text(), "good");
    }
    assert_eq!(bad.requests().len(), failed);
    let upstreams = banyan.admin()?.get("/v1/upstreams").await?;
    let endpoints = upstreams.json[0]["endpoints"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        endpoints.iter().filter(|endpoint| endpoint["ejected_until"].is_string()).count(),
        1,
        "{}",
        upstreams.text
    );
    Ok(())
}

/// When all have failed, somebody is asked all the same: an ejection must not make an outage of its own.
#[tokio::test]
async fn the_last_endpoint_is_asked_even_when_ejected() -> Result<()> {
    let flaky = Scripted::start(|request: &Received| match request.target.as_str() {
        "/fail" => Reply::new(500).into(),
        _ => Reply::new(200).body("well").into(),
    })
    .await?;
    let banyan = over(&[flaky.url()], ", eject: { errors: 2, base: 30s, max: 30s }").await?;
    let mut client = banyan.client().await?;
    for _ in 0..5 {
        assert_eq!(client.get("/fail", "").await?.status, 500);
    }
    assert_eq!(client.get("/", "").await?.text(), "well");
    Ok(())
}

#[tokio::test]
async fn names_are_resolved() -> Result<()> {
    let upstream = Scripted::start(says("by name")).await?;
    let banyan = over(&[format!("http://localhost:{}", upstream.address().port())], "").await?;
    assert_eq!(banyan.client().await?.get("/", "").await?.text(), "by name");
    Ok(())
}

/// An answer with two lengths, or none that is true, could be read in two ways. What cannot be trusted is not passed on.
#[tokio::test]
async fn answers_that_two_could_read_differently() -> Result<()> {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 3\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: one\r\n two\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nX-A: one\rX-B: two\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nX-A: o\0ne\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let upstream = Scripted::start(move |_| Answer::new().send(head)).await?;
        let banyan = over(&[upstream.url()], "").await?;
        assert_problem(&banyan.client().await?.get("/", "").await?, 502, "upstream-protocol");
    }
    Ok(())
}

/// More than was announced belongs to nobody: least of all to the next client.
#[tokio::test]
async fn what_an_upstream_says_too_much_reaches_nobody() -> Result<()> {
    let extra = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    for first in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 204 No Content\r\nContent-Length: 45\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 45\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        let upstream = Scripted::start(move |request: &Received| match request.target.as_str() {
            "/first" => Answer::new().send(format!("{first}{extra}")),
            _ => Reply::new(200).body("true").into(),
        })
        .await?;
        let banyan = over(&[upstream.url()], "").await?;
        let mut client = banyan.client().await?;
        for _ in 0..5 {
            assert!(client.get("/first", "").await?.status < 400);
            assert_eq!(client.get("/second", "").await?.text(), "true", "after {first:?}");
        }
    }
    Ok(())
}

/// Both framings: the coding counts, the length is not passed on, and the connection is not used again.
#[tokio::test]
async fn a_length_beside_a_coding() -> Result<()> {
    let both =
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let upstream = Scripted::start(move |_| Answer::new().send(both)).await?;
    let banyan = over(&[upstream.url()], "").await?;
    let mut client = banyan.client().await?;
    for _ in 0..3 {
        let response = client.get("/", "").await?;
        assert_eq!((response.text().as_str(), response.fields.get("content-length")), ("hello", None));
    }
    assert_eq!(upstream.connections(), 3);
    Ok(())
}

/// Heads without end, and interim answers without end: both end with a limit, and hold next to nothing.
#[tokio::test]
async fn answers_whose_head_does_not_end() -> Result<()> {
    let endless = || Answer::new().send("HTTP/1.1 200 OK\r\nX-A: ").pattern(Pattern::new(64 << 20, 1));
    let upstream = Scripted::start(move |_| endless()).await?;
    let banyan = over(&[upstream.url()], "").await?;
    assert_problem(&banyan.client().await?.get("/", "").await?, 502, "upstream-protocol");
    let memory = banyan.memory_kib()?;
    assert!(memory < 128 * 1024, "{memory} KiB");
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n".repeat(20_000);
    let upstream = Scripted::start(move |_| Answer::new().send(interim.clone()).hang()).await?;
    let banyan = over(&[upstream.url()], ", timeout: 500ms").await?;
    assert_problem(&banyan.client().await?.get("/", "").await?, 504, "upstream-timeout");
    Ok(())
}
