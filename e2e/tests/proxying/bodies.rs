//! Bodies: byte for byte, in both directions at once, without being held.

use anyhow::Result;
use banyan_testkit::{Answer, Banyan, Gate, Pattern, RawClient, Reply, Scripted};

use super::proxy;

/// Large enough that holding it would show.
const LARGE: u64 = 64 << 20;
/// What may be held of it, in KiB: an eighth.
const FLAT: u64 = 8 * 1024;

#[tokio::test]
async fn a_large_upload_is_the_same_at_the_other_end_and_never_held() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = banyan.client().await?;
    assert_eq!(client.get("/warm", "").await?.status, 200);
    let before = banyan.memory_kib()?;
    client.write(format!("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n")).await?;
    client.write_pattern(Pattern::new(LARGE, 1)).await?;
    assert_eq!(client.read_response("POST").await?.status, 200);
    let grown = banyan.memory_kib()?.saturating_sub(before);
    assert!(grown < FLAT, "{grown} KiB more");
    let body = &upstream.wait_for_done(2).await?[1].body;
    assert_eq!((body.length, &body.sha256), (LARGE, &Pattern::new(LARGE, 1).sha256()));
    Ok(())
}

#[tokio::test]
async fn a_large_download_is_the_same_at_the_other_end_and_never_held() -> Result<()> {
    let (_upstream, banyan) = proxy(|request| match request.target.as_str() {
        "/down" => Answer::new().send(Reply::new(200).length(LARGE).head()).pattern(Pattern::new(LARGE, 2)),
        _ => Reply::new(200).into(),
    })
    .await?;
    let mut client = banyan.client().await?;
    assert_eq!(client.get("/warm", "").await?.status, 200);
    let before = banyan.memory_kib()?;
    let response = client.get("/down", "").await?;
    assert_eq!((response.body.length, response.body.sha256), (LARGE, Pattern::new(LARGE, 2).sha256()));
    let grown = banyan.memory_kib()?.saturating_sub(before);
    assert!(grown < FLAT, "{grown} KiB more");
    Ok(())
}

/// A client that stops reading stops the upstream; it goes on where it stopped.
#[tokio::test]
async fn what_is_not_read_waits() -> Result<()> {
    let (upstream, banyan) =
        proxy(|_| Answer::new().send(Reply::new(200).length(LARGE).head()).pattern(Pattern::new(LARGE, 3)))
            .await?;
    let mut client = banyan.client().await?;
    client.write("GET /down HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    let head = client.read_response_head().await?;
    // Others come and go meanwhile.
    let mut other = banyan.client().await?;
    assert_eq!(other.get("/down", "").await?.body.length, LARGE);
    assert_eq!(upstream.requests().len(), 2);
    let memory = banyan.memory_kib()?;
    assert!(memory < 128 * 1024, "{memory} KiB");
    let body = client.read_response_body("GET", &head).await?;
    assert_eq!((body.length, body.sha256), (LARGE, Pattern::new(LARGE, 3).sha256()));
    Ok(())
}

#[tokio::test]
async fn chunks_and_trailers_pass_in_both_directions() -> Result<()> {
    let (upstream, banyan) = proxy(|_| {
        Reply::new(200).field("Trailer", "X-Sum").chunked(&["hel", "lo", " world"], &[("X-Sum", "11")]).into()
    })
    .await?;
    let mut client = banyan.client().await?;
    client
        .write("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Up: 5\r\n\r\n")
        .await?;
    let response = client.read_response("POST").await?;
    assert_eq!((response.text().as_str(), response.body.complete), ("hello world", true));
    assert_eq!(response.body.trailers.get("x-sum"), Some("11"));
    let received = &upstream.wait_for_done(1).await?[0];
    assert_eq!((received.body.bytes.as_slice(), received.body.complete), (&b"abcde"[..], true));
    assert_eq!(received.body.trailers.get("x-up"), Some("5"));
    assert_eq!(received.fields.get("te"), Some("trailers"));
    Ok(())
}

#[tokio::test]
async fn an_upload_streams_while_it_comes() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = banyan.client().await?;
    client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await?;
    let begun = upstream.wait_for_requests(1).await?;
    assert!(!begun[0].body.complete, "the upstream has the head before the client has sent all");
    client.write("world").await?;
    assert_eq!(client.read_response("POST").await?.status, 200);
    assert_eq!(upstream.wait_for_done(1).await?[0].body.bytes, b"helloworld");
    Ok(())
}

/// Server-sent events: each is there when it was sent, not when the next one or the end comes.
#[tokio::test]
async fn every_event_is_flushed() -> Result<()> {
    let gates: Vec<Gate> = (0..3).map(|_| Gate::new()).collect();
    let script = gates.clone();
    let (_upstream, banyan) = proxy(move |_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let events = script.iter().enumerate().fold(Answer::new().send(head), |answer, (index, gate)| {
            answer.wait(gate).send(format!("9\r\ndata: {index}\n\n\r\n"))
        });
        events.send("0\r\n\r\n")
    })
    .await?;
    let mut client = banyan.client().await?;
    client.write("GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n").await?;
    let head = client.read_response_head().await?;
    assert_eq!(head.fields.get("content-type"), Some("text/event-stream"));
    for (index, gate) in gates.iter().enumerate() {
        gate.open();
        assert_eq!(client.read_exact(14).await?, format!("9\r\ndata: {index}\n\n\r\n").as_bytes());
    }
    assert_eq!(client.read_exact(5).await?, b"0\r\n\r\n");
    Ok(())
}

/// An answer may begin, and end, while the request is still going up.
#[tokio::test]
async fn both_directions_move_at_once() -> Result<()> {
    let (upstream, banyan) = proxy(|_| {
        Answer::early()
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
            .read_body()
            .send("3\r\ntwo\r\n0\r\n\r\n")
    })
    .await?;
    let mut client = banyan.client().await?;
    client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await?;
    let head = client.read_response_head().await?;
    assert_eq!(client.read_exact(8).await?, b"3\r\none\r\n");
    client.write("world").await?;
    let body = client.read_response_body("POST", &head).await?;
    assert_eq!((body.bytes.as_slice(), body.complete), (&b"two"[..], true));
    assert_eq!(upstream.wait_for_done(1).await?[0].body.bytes, b"helloworld");
    Ok(())
}

#[tokio::test]
async fn an_answer_to_an_upload_that_nobody_reads() -> Result<()> {
    let (_upstream, banyan) =
        proxy(|_| Answer::early().reply(Reply::new(403).field("Connection", "close").body("no")).close())
            .await?;
    let mut client = banyan.client().await?;
    client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nhello").await?;
    let response = client.read_response("POST").await?;
    assert_eq!((response.status, response.text().as_str()), (403, "no"));
    client.closed().await?;
    Ok(())
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection() -> Result<()> {
    let (_upstream, banyan) =
        proxy(|_| Answer::new().send(Reply::new(200).bare("all of it").bytes()).close()).await?;
    let mut client = banyan.client().await?;
    for _ in 0..2 {
        let response = client.get("/", "").await?;
        assert_eq!((response.text().as_str(), response.body.complete), ("all of it", true));
        assert_eq!(response.fields.get("transfer-encoding"), Some("chunked"), "our connection goes on");
    }
    let mut old = banyan.client().await?;
    old.write("GET / HTTP/1.0\r\n\r\n").await?;
    let head = old.read_response_head().await?;
    assert_eq!(head.fields.get("transfer-encoding"), None, "HTTP/1.0 knows no chunks");
    assert_eq!(old.read_to_end().await?, b"all of it");
    Ok(())
}

/// Its end is the only sign of an end that HTTP/1.0 has.
#[tokio::test]
async fn half_a_body_that_would_end_with_the_connection() -> Result<()> {
    let half = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let (_upstream, banyan) = proxy(move |_| Answer::new().send(half).close()).await?;
    let mut old = banyan.client().await?;
    old.write("GET / HTTP/1.0\r\n\r\n").await?;
    old.read_response_head().await?;
    let error = old.read_to_end().await.expect_err("it must not look whole");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_body_takes_the_request_along() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client: RawClient = banyan.client().await?;
    client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await?;
    upstream.wait_for_requests(1).await?;
    client.reset()?;
    let requests = upstream.wait_for_done(1).await?;
    assert!(!requests[0].body.complete, "half a request must not look whole");
    Ok(())
}

/// Clients that write head and body apart must not lose their connection because the answer came between the two.
#[tokio::test]
async fn a_small_body_after_an_early_answer_costs_nothing() -> Result<()> {
    let (_upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = banyan.client().await?;
    for body in
        ["Content-Length: 5\r\n\r\n|hello", "Transfer-Encoding: chunked\r\n\r\n|5\r\nhello\r\n0\r\n\r\n"]
    {
        let (head, body) = body.split_once('|').unwrap_or_default();
        client.write(format!("POST /loop HTTP/1.1\r\nHost: a\r\nBanyan-Hops: 99\r\n{head}")).await?;
        assert_eq!(client.read_response("POST").await?.status, 508);
        client.write(body).await?;
        assert_eq!(client.get("/next", "").await?.status, 200);
    }
    Ok(())
}

/// The upstream's time runs only while the upstream is waited for.
#[tokio::test]
async fn a_client_that_pauses_is_not_blamed_on_the_upstream() -> Result<()> {
    let upstream = Scripted::start(|request| match request.target.as_str() {
        "/hang" => Answer::new().hang(),
        _ => Reply::new(200).into(),
    })
    .await?;
    let banyan = Banyan::start(&format!(
        "upstreams: {{ only: {{ endpoints: [\"{}\"], timeout: 200ms, deadline: 300ms }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: only }} ]\n",
        upstream.url()
    ))
    .await?;
    let (mut slow, mut other) = (banyan.client().await?, banyan.client().await?);
    slow.write("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await?;
    // By then more than the limit has passed, twice.
    for _ in 0..2 {
        assert_eq!(other.get("/hang", "").await?.status, 504);
        other = banyan.client().await?;
    }
    slow.write("defghij").await?;
    assert_eq!(slow.read_response("POST").await?.status, 200);
    Ok(())
}
