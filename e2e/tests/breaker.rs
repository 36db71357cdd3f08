//! Circuit breakers as an operator has them: seen, forced, given back.

use anyhow::{Context as _, Result, ensure};
use banyan_e2e::{assert_problem, cli};
use banyan_testkit::{Banyan, Reply, Response, Scripted, eventually};

/// A gateway in front of an upstream with the usual breaker that answers with this status.
async fn before(status: u16) -> Result<(Scripted, Banyan)> {
    let upstream = Scripted::start(move |_| Reply::new(status).into()).await?;
    let config = format!(
        "upstreams: {{ posts: {{ endpoints: [\"{}\"] }} }}\nroutes: [ {{ match: \"GET /posts\", to: posts }} ]\n",
        upstream.url()
    );
    let banyan = Banyan::start(&config).await?;
    Ok((upstream, banyan))
}

async fn ask(banyan: &Banyan) -> Result<Response> {
    Ok(banyan.client().await?.get("/posts", "").await?)
}

/// Asks until the answer has this status.
async fn ask_until(banyan: &Banyan, status: u16) -> Result<Response> {
    eventually(async || {
        let response = ask(banyan).await?;
        ensure!(response.status == status, "{} {}", response.status, response.text());
        Ok(response)
    })
    .await
}

/// The problem of an open breaker, and after how many seconds it says that asking again makes sense.
fn refused(response: &Response) -> Result<u64> {
    assert_problem(response, 503, "breaker-open");
    assert_eq!(response.json()["code"], "BO");
    Ok(response.fields.get("retry-after").context("no Retry-After")?.parse()?)
}

#[tokio::test]
async fn forced_open_it_refuses_and_given_back_it_lets_pass() -> Result<()> {
    let (upstream, banyan) = before(200).await?;
    let opened = ["breaker", "open", "posts", "--for", "5m", "--by", "ann", "--why", "it corrupts orders"];
    let said = cli(&banyan, &opened, 0).await?;
    assert!(
        said.starts_with("posts: OPEN, forced, ") && said.ends_with("by ann: it corrupts orders\n"),
        "{said}"
    );
    let wait = refused(&ask(&banyan).await?)?;
    assert!((1..=300).contains(&wait), "{wait}");
    assert!(upstream.requests().is_empty(), "a refused call is none");
    let list = cli(&banyan, &["breaker", "list"], 0).await?;
    assert!(list.contains("OPEN, forced") && list.contains("by ann: it corrupts orders"), "{list}");

    let said = cli(&banyan, &["breaker", "auto", "posts"], 0).await?;
    assert!(said.starts_with("posts: half-open, a few calls may try"), "{said}");
    assert_eq!(ask(&banyan).await?.status, 200);
    assert_eq!(upstream.requests().len(), 1);
    let timeline = cli(&banyan, &["timeline"], 0).await?;
    for told in
        ["posts: closed -> open: forced open", "posts: forced open for 5m, by ann: it corrupts orders"]
    {
        assert!(timeline.contains(told), "{told}: {timeline}");
    }
    let audit = banyan.wait_for_log(|line| line.contains("breaker changed")).await?;
    assert!(
        audit.contains("\"audit\"") && audit.contains("ann") && audit.contains("it corrupts orders"),
        "{audit}"
    );
    Ok(())
}

#[tokio::test]
async fn a_forced_state_ends_by_itself() -> Result<()> {
    let (_upstream, banyan) = before(200).await?;
    cli(&banyan, &["breaker", "open", "posts", "--for", "1s"], 0).await?;
    ask_until(&banyan, 200).await?;
    let breaker = &banyan.admin()?.get("/v1/breakers").await?.json[0];
    assert_eq!(breaker["forced"], serde_json::Value::Null, "{breaker}");
    Ok(())
}

/// It trips when it may, and tells what it saw.
#[tokio::test]
async fn forced_closed_it_lets_failures_pass_that_open_it_otherwise() -> Result<()> {
    let (_upstream, banyan) = before(500).await?;
    cli(&banyan, &["breaker", "close", "posts"], 0).await?;
    for _ in 0..40 {
        assert_eq!(ask(&banyan).await?.status, 500);
    }
    cli(&banyan, &["breaker", "auto", "posts"], 0).await?;
    refused(&ask_until(&banyan, 503).await?)?;
    let list = cli(&banyan, &["breaker", "list"], 0).await?;
    assert!(
        list.contains("OPEN") && list.contains(" failed in 10 s (") && list.contains(" errors)"),
        "{list}"
    );
    let shown = cli(&banyan, &["breaker", "list", "--json"], 0).await?;
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    assert!(shown[0]["open_remaining"].as_f64().is_some(), "{shown}");
    Ok(())
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_reason() -> Result<()> {
    let (_upstream, banyan) = before(200).await?;
    for (words, reason) in [
        (&["open", "post"][..], "did you mean 'posts'?"),
        (&["auto", "nobody"], "its upstreams are: posts"),
        (&["open", "posts", "--for", "25h"], "from 1s to 24h"),
        (&["open", "posts", "--for", "soon"], "such as 30s"),
    ] {
        let said = cli(&banyan, &[&["breaker"], words].concat(), 1).await?;
        assert!(said.contains(reason), "{words:?}: {said}");
    }
    assert_eq!(ask(&banyan).await?.status, 200);
    Ok(())
}

/// A restart is how whoever comes next gets rid of what nobody remembers.
#[tokio::test]
async fn a_restart_ends_a_forced_state() -> Result<()> {
    let (_upstream, mut banyan) = before(200).await?;
    cli(&banyan, &["breaker", "open", "posts", "--for", "24h"], 0).await?;
    refused(&ask(&banyan).await?)?;
    banyan.kill().await?;
    banyan.restart().await?;
    assert_eq!(ask(&banyan).await?.status, 200);
    Ok(())
}
