//! The scripted upstream and the raw client, each held against the other.

use std::{io, time::Duration};

use banyan_testkit::{Answer, Gate, Pattern, RawClient, Reply, Scripted};

async fn upstream(script: impl Fn() -> Answer + Send + Sync + 'static) -> io::Result<(Scripted, RawClient)> {
    let upstream = Scripted::start(move |_| script()).await?;
    let client = RawClient::connect(upstream.address()).await?;
    Ok((upstream, client))
}

#[tokio::test]
async fn records_exactly_what_it_got() {
    let (upstream, mut client) = upstream(|| Reply::new(200).body("hello").into()).await.unwrap();
    let request = "POST /a?b HTTP/1.1\r\nhOsT:  x \r\nContent-Length: 3\r\n\r\nabc";
    client.write(request).await.unwrap();
    let response = client.read_response("POST").await.unwrap();
    assert_eq!((response.status, response.text().as_str()), (200, "hello"));

    let requests = upstream.wait_for_done(1).await.unwrap();
    assert_eq!(requests[0].head, request.strip_suffix("abc").unwrap().as_bytes());
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("POST", "/a?b"));
    assert_eq!((requests[0].body.bytes.as_slice(), requests[0].body.complete), (&b"abc"[..], true));
    assert_eq!(requests[0].fields.get("Host"), Some("x"));
}

#[tokio::test]
async fn serves_one_request_after_the_other_on_a_connection() {
    let (upstream, mut client) = upstream(|| Reply::new(204).bare("").into()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(client.get("/", "").await.unwrap().status, 204);
    }
    assert_eq!((upstream.requests().len(), upstream.connections()), (3, 1));
    drop(client);
    upstream.wait_for_open_connections(0).await.unwrap();
}

#[tokio::test]
async fn chunks_trailers_and_informational_responses() {
    let early = Reply::new(103).field("Link", "</style.css>").bare("");
    let script = move || {
        Answer::new().reply(early.clone()).reply(Reply::new(200).chunked(&["ab", "c"], &[("X-Sum", "3")]))
    };
    let (_upstream, mut client) = upstream(script).await.unwrap();
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(client.read_response_head().await.unwrap().status, 103);
    let response = client.read_response("GET").await.unwrap();
    assert_eq!(response.text(), "abc");
    assert_eq!(response.body.trailers.get("x-sum"), Some("3"));
}

#[tokio::test]
async fn answers_before_the_body_when_told() {
    let script = || Answer::early().reply(Reply::new(100).bare("")).read_body().reply(Reply::new(201));
    let (upstream, mut client) = upstream(script).await.unwrap();
    client.write("PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n").await.unwrap();
    assert_eq!(client.read_response_head().await.unwrap().status, 100);
    client.write("ok").await.unwrap();
    assert_eq!(client.read_response("PUT").await.unwrap().status, 201);
    assert_eq!(upstream.wait_for_done(1).await.unwrap()[0].body.bytes, b"ok");
}

#[tokio::test]
async fn waits_at_a_gate() {
    let gate = Gate::new();
    let script = {
        let gate = gate.clone();
        move || Answer::new().wait(&gate).reply(Reply::new(200))
    };
    let (upstream, mut client) = upstream(script).await.unwrap();
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    upstream.wait_for_requests(1).await.unwrap();
    gate.open();
    assert_eq!(client.read_response("GET").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_reset_in_mid_body_is_a_reset() {
    let script = || Answer::new().send(Reply::new(200).length(10).head()).send("half").reset();
    let (_upstream, mut client) = upstream(script).await.unwrap();
    let response = client.get("/", "").await;
    // The reset may overtake what was sent before it.
    match response {
        Ok(response) => assert!(!response.body.complete && response.body.length <= 4),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
}

#[tokio::test]
async fn a_close_without_answer_is_an_end() {
    let (_upstream, mut client) = upstream(|| Answer::new().close()).await.unwrap();
    assert_eq!(client.get("/", "").await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn hangs_until_the_caller_leaves() {
    let (upstream, mut client) = upstream(|| Answer::new().hang()).await.unwrap();
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    upstream.wait_for_requests(1).await.unwrap();
    assert_eq!(upstream.open_connections(), 1);
    client.reset().unwrap();
    upstream.wait_for_open_connections(0).await.unwrap();
}

#[tokio::test]
async fn bytes_one_at_a_time_arrive_whole() {
    let reply = || Answer::new().dribble(Reply::new(200).body("slow").bytes(), Duration::ZERO);
    let (_upstream, mut client) = upstream(reply).await.unwrap();
    client.dribble("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Duration::ZERO).await.unwrap();
    assert_eq!(client.read_response("GET").await.unwrap().text(), "slow");
}

#[tokio::test]
async fn large_bodies_are_the_same_at_both_ends() {
    const LENGTH: u64 = 20 << 20;
    let down = || Answer::new().send(Reply::new(200).length(LENGTH).head()).pattern(Pattern::new(LENGTH, 2));
    let (upstream, mut client) = upstream(down).await.unwrap();
    client.write(format!("PUT / HTTP/1.1\r\nContent-Length: {LENGTH}\r\n\r\n")).await.unwrap();
    client.write_pattern(Pattern::new(LENGTH, 1)).await.unwrap();
    let response = client.read_response("PUT").await.unwrap();
    assert_eq!(response.body.sha256, Pattern::new(LENGTH, 2).sha256());
    let request = &upstream.wait_for_done(1).await.unwrap()[0];
    assert_eq!((request.body.length, &request.body.sha256), (LENGTH, &Pattern::new(LENGTH, 1).sha256()));
}

#[tokio::test]
async fn a_tunnel_echoes_until_the_caller_stops() {
    let switch = || Answer::new().reply(Reply::new(101).field("Upgrade", "echo").bare("")).echo();
    let (_upstream, mut client) = upstream(switch).await.unwrap();
    assert_eq!(client.get("/", "Connection: upgrade\r\nUpgrade: echo\r\n").await.unwrap().status, 101);
    client.write("over and out").await.unwrap();
    assert_eq!(client.read_exact(12).await.unwrap(), b"over and out");
    client.half_close().await.unwrap();
    assert_eq!(client.read_to_end().await.unwrap(), b"");
}

#[tokio::test]
async fn what_is_no_http_is_recorded_and_dropped() {
    let (upstream, mut client) = upstream(Answer::early).await.unwrap();
    client.write("no http at all\r\n\r\n").await.unwrap();
    client.closed().await.unwrap();
    let requests = upstream.requests();
    assert_eq!(
        (requests[0].method.as_str(), requests[0].head.as_slice()),
        ("", &b"no http at all\r\n\r\n"[..])
    );
}

#[tokio::test]
async fn an_upstream_that_is_dropped_is_gone_and_can_come_back() {
    let (upstream, mut client) = upstream(|| Reply::new(200).into()).await.unwrap();
    let address = upstream.address();
    drop(upstream);
    client.closed().await.unwrap();
    assert!(RawClient::connect(address).await.is_err());
    let _back = Scripted::start_at(address, |_| Reply::new(200).into()).await.unwrap();
    let mut client = RawClient::connect(address).await.unwrap();
    assert_eq!(client.get("/", "").await.unwrap().status, 200);
}
