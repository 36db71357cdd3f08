//! What is too large.

use anyhow::Result;
use banyan_e2e::assert_problem;

use super::{others_are_served, pass_through, refused_with};

const SMALL: &str = "limits: { head: 2KiB, uri: 512B, headers: 10, body: 1KiB }";

#[tokio::test]
async fn head_too_large() -> Result<()> {
    let request = format!("GET /bad HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n", "a".repeat(4096));
    refused_with(SMALL, request, 431, "head-too-large").await
}

#[tokio::test]
async fn head_without_end() -> Result<()> {
    let request = format!("GET /bad HTTP/1.1\r\nHost: a\r\nX-A: {}", "a".repeat(4096));
    refused_with(SMALL, request, 431, "head-too-large").await
}

#[tokio::test]
async fn too_many_fields() -> Result<()> {
    let request = format!("GET /bad HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(10));
    refused_with(SMALL, request, 431, "head-too-large").await
}

#[tokio::test]
async fn target_too_long() -> Result<()> {
    let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(512));
    refused_with(SMALL, request, 414, "target-too-long").await
}

#[tokio::test]
async fn target_without_end() -> Result<()> {
    refused_with(SMALL, format!("GET /{}", "a".repeat(600)), 414, "target-too-long").await
}

#[tokio::test]
async fn body_that_says_it_is_too_large() -> Result<()> {
    let request = "POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n";
    refused_with(SMALL, request, 413, "body-too-large").await
}

#[tokio::test]
async fn body_that_says_it_is_too_large_and_waits() -> Result<()> {
    let request = "POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\nExpect: 100-continue\r\n\r\n";
    refused_with(SMALL, request, 413, "body-too-large").await
}

/// Only where a body turns out too large is something of it streamed; then it is cut off.
#[tokio::test]
async fn body_that_turns_out_too_large() -> Result<()> {
    let (upstream, banyan) = pass_through(SMALL).await?;
    let mut client = banyan.client().await?;
    client.write("POST /cut HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await?;
    upstream.wait_for_requests(1).await?;
    client.write(format!("400\r\n{}\r\n", "a".repeat(1024))).await?;
    assert_problem(&client.read_response("POST").await?, 413, "body-too-large");
    client.closed().await?;
    others_are_served(&banyan).await?;
    let requests = upstream.wait_for_done(2).await?;
    assert!(requests.iter().any(|request| request.target == "/cut" && !request.body.complete));
    Ok(())
}

#[tokio::test]
async fn bodies_up_to_the_limit_pass() -> Result<()> {
    let (upstream, banyan) = pass_through(SMALL).await?;
    let mut client = banyan.client().await?;
    let body = "a".repeat(1024);
    client.write(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1024\r\n\r\n{body}")).await?;
    assert_eq!(client.read_response("POST").await?.status, 200);
    client
        .write(format!(
            "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{body}\r\n0\r\n\r\n"
        ))
        .await?;
    assert_eq!(client.read_response("POST").await?.status, 200);
    let requests = upstream.wait_for_done(2).await?;
    assert!(requests.iter().all(|request| request.body.length == 1024 && request.body.complete));
    Ok(())
}

#[tokio::test]
async fn a_route_may_allow_less() -> Result<()> {
    let (upstream, banyan) = pass_through("").await?;
    let config = format!(
        "upstreams: {{ only: {{ endpoints: [\"{}\"] }} }}\nroutes:\n\
         \x20 - {{ match: \"POST /small\", to: only, body_limit: 4B }}\n\
         \x20 - {{ match: \"* /{{rest...}}\", to: only }}\n",
        upstream.url()
    );
    drop(banyan);
    let banyan = banyan_testkit::Banyan::start(&config).await?;
    let mut client = banyan.client().await?;
    client.write("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await?;
    assert_problem(&client.read_response("POST").await?, 413, "body-too-large");
    client.closed().await?;
    others_are_served(&banyan).await?;
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// Beyond the limit clients wait, and are served as soon as somebody leaves.
#[tokio::test]
async fn more_connections_than_allowed_wait() -> Result<()> {
    let (upstream, banyan) = pass_through("limits: { connections: 2 }").await?;
    let (mut one, mut two) = (banyan.client().await?, banyan.client().await?);
    assert_eq!((one.get("/one", "").await?.status, two.get("/two", "").await?.status), (200, 200));
    let mut third = banyan.client().await?;
    third.write("GET /third HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    assert_eq!(one.get("/one", "").await?.status, 200, "those inside are not disturbed");
    assert!(upstream.requests().iter().all(|request| request.target != "/third"));
    drop(one);
    assert_eq!(third.read_response("GET").await?.status, 200);
    Ok(())
}
