//! HTTP/2 on either side, and TLS on the client's.

use anyhow::{Context as _, Result};
use banyan_e2e::{
    h2::{self, ask, channel, full},
    tls::Certificate,
};
use banyan_testkit::{Banyan, Gate, Reply, Scripted, Setup, sha256_hex};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{in_front_of, proxy};

/// A gateway whose upstream is spoken to by HTTP/2.
async fn in_front_of_h2(endpoint: std::net::SocketAddr) -> Result<Banyan> {
    let config = format!(
        "upstreams: {{ only: {{ endpoints: [\"http://{endpoint}\"], protocol: http2 }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: only }} ]\n"
    );
    Banyan::start(&config).await
}

fn get(target: &str) -> Result<Request<h2::Body>> {
    Ok(Request::get(format!("http://test.example{target}")).body(full(""))?)
}

/// Answers with what was asked: method and target in fields, the body, and a trailer.
async fn mirror(request: Request<Incoming>) -> Response<h2::Body> {
    let (head, body) = request.into_parts();
    let answer = Response::builder()
        .header("x-method", head.method.as_str())
        .header("x-target", head.uri.path_and_query().map_or("", |target| target.as_str()))
        .header("x-authority", head.uri.authority().map_or("", |authority| authority.as_str()));
    let (frames, answer_body) = channel();
    tokio::spawn(async move {
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-length", body.len().into());
        // Whoever asked may have gone.
        frames.send(Frame::data(body)).await.ok();
        frames.send(Frame::trailers(trailers)).await.ok();
    });
    answer.body(answer_body).unwrap_or_default()
}

#[tokio::test]
async fn prior_knowledge_to_http_1() -> Result<()> {
    let (upstream, banyan) =
        proxy(|request| Reply::new(200).field("X-Target", &request.target).body("hello").into()).await?;
    let mut client = h2::connect(banyan.address()).await;
    let answer = ask(&mut client, get("/a?b=c")?).await?;
    assert_eq!((answer.head.status.as_u16(), answer.body.as_ref()), (200, &b"hello"[..]));
    assert_eq!(answer.head.headers["x-target"], "/a?b=c");
    let received = &upstream.requests()[0];
    assert_eq!(
        (received.fields.get("host"), received.fields.get("via")),
        (Some("test.example"), Some("2.0 banyan"))
    );
    Ok(())
}

#[tokio::test]
async fn many_requests_at_once_on_one_connection() -> Result<()> {
    let gate = Gate::new();
    let held = gate.clone();
    let (upstream, banyan) = proxy(move |request| {
        banyan_testkit::Answer::new().wait(&held).reply(Reply::new(200).body(request.target.clone()))
    })
    .await?;
    let client = h2::connect(banyan.address()).await;
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..50 {
        let (mut client, request) = (client.clone(), get(&format!("/{number}"))?);
        asked.spawn(async move { (number, ask(&mut client, request).await) });
    }
    upstream.wait_for_requests(50).await.context("all of them are under way before one is answered")?;
    gate.open();
    while let Some(answered) = asked.join_next().await {
        let (number, answer) = answered?;
        assert_eq!(answer?.body, format!("/{number}"));
    }
    Ok(())
}

#[tokio::test]
async fn bodies_and_trailers_pass_in_both_directions() -> Result<()> {
    let upstream = h2::serve(mirror).await;
    let banyan = in_front_of_h2(upstream).await?;
    let mut client = h2::connect(banyan.address()).await;
    let body: Vec<u8> = (0..3_000_000_u32).flat_map(|number| number.to_be_bytes()).collect();
    let digest = sha256_hex(&body);
    let request = Request::post("http://test.example/up").body(full(body.clone()))?;
    let answer = ask(&mut client, request).await?;
    assert_eq!(sha256_hex(&answer.body), digest);
    assert_eq!(answer.head.headers["x-method"], "POST");
    assert_eq!(answer.head.headers["x-target"], "/up");
    assert_eq!(answer.head.headers["x-authority"], "test.example");
    assert_eq!(answer.trailers.context("no trailers")?["x-length"], body.len().to_string());
    Ok(())
}

#[tokio::test]
async fn http_1_clients_reach_http_2_upstreams() -> Result<()> {
    let upstream = h2::serve(mirror).await;
    let banyan = in_front_of_h2(upstream).await?;
    let mut client = banyan.client().await?;
    client.write("POST /x HTTP/1.1\r\nHost: a.example\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").await?;
    let response = client.read_response("POST").await?;
    assert_eq!((response.text().as_str(), response.fields.get("x-authority")), ("hello", Some("a.example")));
    assert_eq!(response.body.trailers.get("x-length"), Some("5"));
    client.write("POST /y HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi").await?;
    assert_eq!(client.read_response("POST").await?.text(), "hi");
    Ok(())
}

/// Each piece is there when it was sent, in both directions at once.
#[tokio::test]
async fn streams_flow_while_they_are_open() -> Result<()> {
    let upstream = h2::serve(|request: Request<Incoming>| async move {
        Response::new(http_body_util::combinators::BoxBody::new(
            // An answer that is the request's own body; a broken one ends it.
            request
                .into_body()
                .map_err(|_| -> std::convert::Infallible { unreachable!("no request breaks here") }),
        ))
    })
    .await;
    let banyan = in_front_of_h2(upstream).await?;
    let mut client = h2::connect(banyan.address()).await;
    let (frames, body) = channel();
    client.ready().await?;
    let response = client.send_request(Request::post("http://test.example/").body(body)?).await?;
    let mut answer = response.into_body();
    for piece in ["one", "two", "three"] {
        frames.send(Frame::data(Bytes::from(piece))).await?;
        let back = answer.frame().await.context("the stream ended")??.into_data().ok();
        assert_eq!(back.as_deref(), Some(piece.as_bytes()));
    }
    drop(frames);
    assert!(answer.collect().await?.to_bytes().is_empty(), "its end follows the request's");
    Ok(())
}

#[tokio::test]
async fn problems_are_told_by_http_2_too() -> Result<()> {
    let banyan = in_front_of("http://127.0.0.1:1", "").await?;
    let mut client = h2::connect(banyan.address()).await;
    let answer = ask(&mut client, get("/")?).await?;
    assert_eq!(answer.head.status, 502);
    assert_eq!(answer.head.headers["content-type"], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_slice(&answer.body)?;
    assert_eq!(problem["type"], "urn:banyan:problem:upstream-refused");
    Ok(())
}

#[tokio::test]
async fn limits_hold_for_http_2_too() -> Result<()> {
    let upstream = Scripted::start(|_| Reply::new(200).into()).await?;
    let banyan = in_front_of(&upstream.url(), "limits: { uri: 512B, body: 1KiB }").await?;
    let mut client = h2::connect(banyan.address()).await;
    let answer = ask(&mut client, get(&format!("/{}", "a".repeat(600)))?).await?;
    assert_eq!(answer.head.status, 414);
    let large =
        Request::post("http://test.example/").header("content-length", 2000).body(full(vec![0; 2000]))?;
    assert_eq!(ask(&mut client, large).await?.head.status, 413);
    assert_eq!(ask(&mut client, get("/")?).await?.head.status, 200, "the connection goes on");
    assert!(upstream.requests().iter().all(|request| request.target == "/"));
    Ok(())
}

/// Reset streams cost the upstream nothing more, and the connection goes on.
#[tokio::test]
async fn a_stream_that_is_given_up_is_cancelled() -> Result<()> {
    let upstream = Scripted::start(|request| match request.target.as_str() {
        "/hang" => banyan_testkit::Answer::new().hang(),
        _ => Reply::new(200).into(),
    })
    .await?;
    let banyan = in_front_of(&upstream.url(), "").await?;
    let mut client = h2::connect(banyan.address()).await;
    let (mut other, request) = (client.clone(), get("/hang")?);
    let hanging = tokio::spawn(async move { ask(&mut other, request).await });
    upstream.wait_for_requests(1).await?;
    hanging.abort();
    upstream.wait_for_open_connections(0).await?;
    assert_eq!(ask(&mut client, get("/")?).await?.head.status, 200);
    Ok(())
}

/// What HTTP/1.1 refuses is refused here too: nothing of it becomes a request to an upstream.
#[tokio::test]
async fn requests_that_cannot_be_passed_on() -> Result<()> {
    let (upstream, banyan) = proxy(|_| Reply::new(200).into()).await?;
    let mut client = h2::connect(banyan.address()).await;
    let connect = Request::connect("test.example:443").body(full(""))?;
    let status = ask(&mut client, connect).await?.head.status;
    assert!(status.is_client_error(), "CONNECT: {status}");
    let other_host = Request::get("http://test.example/").header("host", "other.example").body(full(""))?;
    assert_eq!(ask(&mut client, other_host).await?.head.status, 400);
    let two_hosts = Request::get("http://test.example/").header("host", "test.example").header("host", "b");
    assert_eq!(ask(&mut client, two_hosts.body(full(""))?).await?.head.status, 400);
    let userinfo = Request::get("http://user:secret@test.example/").body(full(""))?;
    assert_eq!(ask(&mut client, userinfo).await?.head.status, 400);
    assert_eq!(ask(&mut client, get("/good")?).await?.head.status, 200);
    let targets: Vec<_> = upstream.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/good"]);
    Ok(())
}

async fn with_tls(upstream: &Scripted, certificate: &Certificate) -> Result<Banyan> {
    let config = format!(
        "version: 1\n\
         listen:\n\
         \x20 - 127.0.0.1:LISTEN_PORT\n\
         \x20 - {{ address: \"127.0.0.1:EXTRA_PORT\", tls: {{ cert: {}, key: {} }} }}\n\
         admin: {{ listen: 127.0.0.1:ADMIN_PORT }}\n\
         state: ./banyan.db\n\
         upstreams: {{ only: {{ endpoints: [\"{}\"] }} }}\n\
         routes: [ {{ match: \"* /{{rest...}}\", to: only }} ]\n",
        certificate.cert().display(),
        certificate.key().display(),
        upstream.url()
    );
    Setup::new(&config).start().await
}

#[tokio::test]
async fn alpn_chooses_the_version() -> Result<()> {
    let upstream = Scripted::start(|_| Reply::new(200).body("secret").into()).await?;
    let certificate = Certificate::localhost();
    let banyan = with_tls(&upstream, &certificate).await?;
    for (offered, chosen) in
        [(vec!["h2", "http/1.1"], Some("h2")), (vec!["http/1.1"], Some("http/1.1")), (vec![], None)]
    {
        let mut stream = certificate.connect(banyan.extra_address(), &offered).await;
        let agreed =
            stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
        assert_eq!(agreed.as_deref(), chosen, "{offered:?}");
        if chosen == Some("h2") {
            let answer = ask(&mut h2::over(stream).await, get("/")?).await?;
            assert_eq!(answer.body, "secret");
        } else {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("secret"), "{text}");
        }
    }
    assert!(
        upstream.requests().iter().all(|request| request.fields.get("x-forwarded-proto") == Some("https"))
    );
    Ok(())
}

#[tokio::test]
async fn cleartext_on_a_tls_port_harms_nobody() -> Result<()> {
    let upstream = Scripted::start(|_| Reply::new(200).into()).await?;
    let certificate = Certificate::localhost();
    let banyan = with_tls(&upstream, &certificate).await?;
    let mut plain = banyan_testkit::RawClient::connect(banyan.extra_address()).await?;
    plain.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    plain.closed().await?;
    let mut good = h2::over(certificate.connect(banyan.extra_address(), &["h2"]).await).await;
    assert_eq!(ask(&mut good, get("/")?).await?.head.status, 200);
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// TLS towards the upstream, its certificate checked against roots of one's own, and HTTP/2 by ALPN.
#[tokio::test]
async fn tls_towards_upstreams() -> Result<()> {
    let certificate = Certificate::localhost();
    let behind = Scripted::start(|_| Reply::new(200).body("behind").into()).await?;
    let inner = with_tls(&behind, &certificate).await?;
    let config = |ca: &str| {
        format!(
            "upstreams: {{ only: {{ endpoints: [\"https://localhost:{}\"]{ca} }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: only }} ]\n",
            inner.extra_address().port()
        )
    };
    let trusting =
        Banyan::start(&config(&format!(", tls: {{ ca: {} }}", certificate.cert().display()))).await?;
    let response = trusting.client().await?.get("/", "").await?;
    assert_eq!((response.status, response.text().as_str()), (200, "behind"));
    assert_eq!(
        behind.requests()[0].fields.get("via"),
        Some("1.1 banyan, 2.0 banyan"),
        "HTTP/2 between the two"
    );
    let wary = Banyan::start(&config("")).await?;
    let response = wary.client().await?.get("/", "").await?;
    banyan_e2e::assert_problem(&response, 502, "upstream-tls");
    Ok(())
}
