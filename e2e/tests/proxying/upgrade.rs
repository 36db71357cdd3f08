//! Upgrades: after the switch, bytes in both directions.

use anyhow::Result;
use banyan_testkit::{Answer, Banyan, RawClient, Received, Reply};

use super::proxy;

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const ASK: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn echo(_: &Received) -> Answer {
    Answer::new().send(SWITCH).echo()
}

async fn upgraded(banyan: &Banyan) -> Result<RawClient> {
    let mut client = banyan.client().await?;
    client.write(ASK).await?;
    let head = client.read_response_head().await?;
    assert_eq!((head.status, head.fields.get("upgrade")), (101, Some("websocket")));
    assert_eq!(head.fields.get("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert!(head.fields.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
    Ok(client)
}

#[tokio::test]
async fn bytes_pass_in_both_directions() -> Result<()> {
    let (upstream, banyan) = proxy(echo).await?;
    let mut client = upgraded(&banyan).await?;
    let asked = &upstream.requests()[0];
    assert_eq!(
        (asked.fields.get("upgrade"), asked.fields.get("sec-websocket-version")),
        (Some("websocket"), Some("13"))
    );
    for message in ["\u{1}\u{0}hello", "x", &"long".repeat(50_000)] {
        client.write(message).await?;
        assert_eq!(client.read_exact(message.len()).await?, message.as_bytes());
    }
    client.half_close().await?;
    assert_eq!(client.read_to_end().await?, b"");
    upstream.wait_for_open_connections(0).await
}

/// Bytes that were sent right behind the head, on either side, are part of the conversation.
#[tokio::test]
async fn bytes_that_come_with_the_head_are_not_lost() -> Result<()> {
    let (_upstream, banyan) = proxy(|_| Answer::new().send(format!("{SWITCH}hello")).echo()).await?;
    let mut client = banyan.client().await?;
    client.write(format!("{ASK}early")).await?;
    assert_eq!(client.read_response_head().await?.status, 101);
    assert_eq!(client.read_exact(10).await?, b"helloearly");
    Ok(())
}

#[tokio::test]
async fn an_upstream_may_decline() -> Result<()> {
    let (_upstream, banyan) = proxy(|_| Reply::new(200).body("no, thanks").into()).await?;
    let mut client = banyan.client().await?;
    client.write(ASK).await?;
    let response = client.read_response("GET").await?;
    assert_eq!((response.status, response.text().as_str()), (200, "no, thanks"));
    assert_eq!(client.get("/next", "").await?.status, 200, "the connection is as it was");
    Ok(())
}

/// An upstream cannot switch protocols with somebody who did not ask.
#[tokio::test]
async fn a_switch_that_nobody_asked_for_is_refused() -> Result<()> {
    let (_upstream, banyan) = proxy(echo).await?;
    let response = banyan.client().await?.get("/chat", "").await?;
    banyan_e2e::assert_problem(&response, 502, "upstream-protocol");
    Ok(())
}

#[tokio::test]
async fn when_the_upstream_ends_so_does_the_client() -> Result<()> {
    let (_upstream, banyan) = proxy(|_| Answer::new().send(SWITCH).send("bye").close()).await?;
    let mut client = upgraded(&banyan).await?;
    assert_eq!(client.read_exact(3).await?, b"bye");
    assert_eq!(client.read_to_end().await?, b"");
    Ok(())
}

#[tokio::test]
async fn a_silent_tunnel_ends() -> Result<()> {
    let upstream = banyan_testkit::Scripted::start(echo).await?;
    let banyan = super::in_front_of(&upstream.url(), "timeouts: { tunnel: 300ms }").await?;
    let mut client = upgraded(&banyan).await?;
    client.closed().await?;
    upstream.wait_for_open_connections(0).await
}
