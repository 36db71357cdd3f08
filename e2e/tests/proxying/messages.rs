//! Requests and answers as HTTP/1.1 frames them.

use anyhow::Result;
use banyan_testkit::{Answer, Gate, Reply};

use super::{in_front_of, proxy};

#[tokio::test]
async fn methods_targets_and_queries_arrive_as_they_were_sent() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = banyan.client().await?;
    let sent = [
        ("GET", "/"),
        ("GET", "/a/b%2Fc%20d?x=1&y=%26&z"),
        ("GET", "//double//slashes/"),
        ("GET", "/a;b=c,d:@!$&'()*+"),
        ("DELETE", "/a?"),
        ("PATCH", "/%e2%82%ac"),
        ("OPTIONS", "/a"),
    ];
    for (method, target) in sent {
        client.write(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await?;
        assert_eq!(client.read_response(method).await?.status, 200, "{method} {target}");
    }
    let received = upstream.requests();
    let received: Vec<_> =
        received.iter().map(|request| (request.method.as_str(), request.target.as_str())).collect();
    assert_eq!(received, sent);
    Ok(())
}

#[tokio::test]
async fn the_absolute_form_is_sent_on_in_origin_form() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = banyan.client().await?;
    for (target, arrives) in
        [("http://a.example/x?y", "/x?y"), ("http://a.example", "/"), ("http://a.example?y", "/?y")]
    {
        client.write(format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n")).await?;
        assert_eq!(client.read_response("GET").await?.status, 200, "{target}");
        let last = upstream.requests().pop().expect("a request");
        assert_eq!((last.target.as_str(), last.fields.get("host")), (arrives, Some("a.example")));
    }
    Ok(())
}

#[tokio::test]
async fn head_has_the_fields_of_get_and_no_body() -> Result<()> {
    let (upstream, banyan) = proxy(|request| match request.method.as_str() {
        "HEAD" => Answer::new().send(Reply::new(200).field("ETag", "\"x\"").length(5).head()),
        _ => Reply::new(200).field("ETag", "\"x\"").body("hello").into(),
    })
    .await?;
    let mut client = banyan.client().await?;
    client.write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    let head = client.read_response("HEAD").await?;
    assert_eq!(
        (head.status, head.fields.get("content-length"), head.fields.get("etag")),
        (200, Some("5"), Some("\"x\""))
    );
    assert_eq!(client.get("/", "").await?.text(), "hello", "the connection goes on right behind the head");
    assert_eq!(upstream.connections(), 1);
    Ok(())
}

#[tokio::test]
async fn answers_without_a_body() -> Result<()> {
    let (upstream, banyan) = proxy(|request| {
        let status = request.target.trim_start_matches('/').parse().unwrap_or(200);
        let reply = Reply::new(status).field("ETag", "\"x\"");
        Answer::new().send(if status == 304 { reply.length(5).head() } else { reply.bare("").bytes() })
    })
    .await?;
    let mut client = banyan.client().await?;
    for (target, status, length) in [("/204", 204, None), ("/304", 304, Some("5")), ("/204", 204, None)] {
        let response = client.get(target, "").await?;
        assert_eq!((response.status, response.fields.get("content-length")), (status, length));
        assert_eq!((response.body.length, response.fields.get("etag")), (0, Some("\"x\"")));
    }
    assert_eq!(upstream.connections(), 1, "nothing of them is left on the connection");
    Ok(())
}

/// The client is told to go on when there is somebody to go on for, and not before.
#[tokio::test]
async fn expect_100_continue() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = banyan.client().await?;
    client.write("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await?;
    assert_eq!(client.read_response_head().await?.status, 100);
    client.write("hello").await?;
    assert_eq!(client.read_response("PUT").await?.status, 200);
    let received = &upstream.wait_for_done(1).await?[0];
    assert_eq!((received.body.bytes.as_slice(), received.fields.get("expect")), (&b"hello"[..], None));
    assert_eq!(client.get("/next", "").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_client_that_waits_to_go_on_is_refused_without_its_body() -> Result<()> {
    let banyan = in_front_of("http://127.0.0.1:1", "").await?;
    let mut client = banyan.client().await?;
    client.write("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await?;
    let head = client.read_response_head().await?;
    assert_eq!(head.status, 502, "and no 100 before it");
    Ok(())
}

#[tokio::test]
async fn interim_answers_do_not_confuse_the_final_one() -> Result<()> {
    let (_upstream, banyan) = proxy(|_| {
        let hints =
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
        Answer::new().send(hints).reply(Reply::new(200).body("final"))
    })
    .await?;
    let mut client = banyan.client().await?;
    for _ in 0..2 {
        assert_eq!(client.get("/", "").await?.text(), "final");
    }
    Ok(())
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() -> Result<()> {
    let (upstream, banyan) = proxy(|request| Reply::new(200).body(request.target.clone()).into()).await?;
    let mut client = banyan.client().await?;
    let requests: String =
        (0..50).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    client.write(requests).await?;
    for number in 0..50 {
        assert_eq!(client.read_response("GET").await?.text(), format!("/{number}"));
    }
    assert_eq!(upstream.requests().len(), 50);
    Ok(())
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = banyan.client().await?;
    for _ in 0..20 {
        assert_eq!(client.get("/", "").await?.status, 200);
    }
    assert_eq!(upstream.connections(), 1);
    client.get("/", "Connection: close\r\n").await?;
    client.closed().await?;
    let mut another = banyan.client().await?;
    assert_eq!(another.get("/", "").await?.fields.get("connection"), None);
    Ok(())
}

#[tokio::test]
async fn an_upstream_that_closes_is_not_asked_on_the_same_connection() -> Result<()> {
    let (upstream, banyan) =
        proxy(|_| Answer::new().reply(Reply::new(200).field("Connection", "close").body("x")).close())
            .await?;
    let mut client = banyan.client().await?;
    for _ in 0..5 {
        let response = client.get("/", "").await?;
        assert_eq!(
            (response.status, response.fields.get("connection")),
            (200, None),
            "what it says is for us alone"
        );
    }
    assert_eq!(upstream.connections(), 5);
    Ok(())
}

/// The connection that we keep is one that it has closed: a request that may be sent again is.
#[tokio::test]
async fn an_upstream_that_closes_idle_connections_without_a_word() -> Result<()> {
    let (_upstream, banyan) = proxy(|_| Answer::new().reply(Reply::new(200).body("x")).close()).await?;
    let mut client = banyan.client().await?;
    for _ in 0..50 {
        assert_eq!(client.get("/", "").await?.text(), "x");
    }
    Ok(())
}

#[tokio::test]
async fn http_1_0_clients() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).chunked(&["ab", "c"], &[]).into()).await?;
    let mut plain = banyan.client().await?;
    plain.write("GET /plain HTTP/1.0\r\n\r\n").await?;
    let head = plain.read_response_head().await?;
    assert_eq!((head.status, head.fields.get("transfer-encoding")), (200, None));
    assert_eq!(plain.read_to_end().await?, b"abc");
    let received = &upstream.requests()[0];
    assert!(received.head.starts_with(b"GET /plain HTTP/1.1\r\n"), "our version is our own");
    assert!(received.fields.get("host").is_some());
    Ok(())
}

#[tokio::test]
async fn http_1_0_clients_that_keep_alive() -> Result<()> {
    let (_upstream, banyan) = proxy(|_| Reply::new(200).body("abc").into()).await?;
    let mut client = banyan.client().await?;
    for _ in 0..3 {
        client.write("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").await?;
        let response = client.read_response("GET").await?;
        assert_eq!(
            (response.text().as_str(), response.fields.get("connection")),
            ("abc", Some("keep-alive"))
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_its_answer() -> Result<()> {
    let gate = Gate::new();
    let held = gate.clone();
    let (upstream, banyan) = proxy(move |request| match request.target.as_str() {
        "/held" => Answer::new().wait(&held).reply(Reply::new(200).body("at last")),
        _ => Reply::new(200).into(),
    })
    .await?;
    let mut client = banyan.client().await?;
    client.write("GET /held HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await?;
    upstream.wait_for_requests(1).await?;
    gate.open();
    assert_eq!(client.read_response("GET").await?.text(), "at last");
    Ok(())
}

#[tokio::test]
async fn leading_empty_lines_are_skipped() -> Result<()> {
    let (_upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = banyan.client().await?;
    client.write("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    assert_eq!(client.read_response("GET").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_request_a_byte_at_a_time() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = banyan.client().await?;
    let request = "POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-A: b\r\n\r\n";
    client.dribble(request, std::time::Duration::ZERO).await?;
    assert_eq!(client.read_response("POST").await?.status, 200);
    let received = &upstream.wait_for_done(1).await?[0];
    assert_eq!(
        (received.body.bytes.as_slice(), received.body.trailers.get("x-a")),
        (&b"hello"[..], Some("b"))
    );
    Ok(())
}
