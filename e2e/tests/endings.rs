//! Every ending that can be provoked from outside: status, type and `Proxy-Status` of the answer, the flag of the access
//! line, the metric, and what `banyan explain` has to say about it.

use anyhow::{Context as _, Result, ensure};
use banyan_e2e::assert_problem;
use banyan_testkit::{Answer, Banyan, Reply, Response, Scripted, command, eventually};
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Duration, timeout},
};

/// A gateway in front of one upstream, with more said about the upstream and about the rest.
async fn gateway(endpoint: &str, upstream: &str, more: &str) -> Result<Banyan> {
    let config = format!(
        "upstreams: {{ only: {{ endpoints: [\"{endpoint}\"]{upstream} }} }}\n\
         routes: [ {{ match: \"GET /{{rest...}}\", to: only }} ]\n{more}"
    );
    Banyan::start(&config).await
}

/// A gateway in front of an upstream that does always the same.
async fn before(answer: Answer, upstream: &str) -> Result<(Scripted, Banyan)> {
    let scripted = Scripted::start(move |_| answer.clone()).await?;
    let banyan = gateway(&scripted.url(), upstream, "").await?;
    Ok((scripted, banyan))
}

async fn get(banyan: &Banyan, fields: &str) -> Result<Response> {
    Ok(banyan.client().await?.get("/x", fields).await?)
}

async fn say(banyan: &Banyan, request: &str) -> Result<Response> {
    let mut client = banyan.client().await?;
    client.write(request).await?;
    Ok(client.read_response("GET").await?)
}

/// An answer of the gateway's own, seen from every side.
async fn ended(
    banyan: &Banyan,
    response: &Response,
    code: &str,
    status: u16,
    slug: &str,
    error: &str,
) -> Result<()> {
    assert_problem(response, status, slug);
    assert_eq!(response.json()["code"], code);
    let proxy_status = response.fields.get("proxy-status").context("no Proxy-Status")?;
    ensure!(proxy_status.starts_with(&format!("banyan; error={error}")), "{proxy_status}");
    assert_eq!(recorded(banyan, code).await?["status"], status);
    Ok(())
}

/// The access line of an ending, and that the metric and the explanation know it.
async fn recorded(banyan: &Banyan, code: &str) -> Result<Value> {
    let flag = format!("\"flag\":\"{code}\"");
    let line: Value = serde_json::from_str(&banyan.wait_for_line(|line| line.contains(&flag)).await?)?;
    let sample = format!("banyan_request_endings_total{{reason=\"{code}\"}}");
    let count = banyan.admin()?.metric(&sample).await?;
    ensure!(count >= Some(1.0), "{sample}: {count:?}");
    let explained = command(&["explain", code])?.output()?;
    let text = String::from_utf8_lossy(&explained.stdout).into_owned();
    ensure!(explained.status.success() && text.contains(code), "explain {code}: {text}");
    Ok(line)
}

/// An answer that was cut off after its head.
async fn cut_off(answer: Answer, upstream: &str, code: &str) -> Result<()> {
    let (_scripted, banyan) = before(answer, upstream).await?;
    let mut client = banyan.client().await?;
    let response = client.get("/x", "").await?;
    assert_eq!(response.status, 200);
    assert_eq!(
        (response.text().as_str(), response.body.complete),
        ("abc", false),
        "half an answer is not whole"
    );
    client.closed().await?;
    assert_eq!(recorded(&banyan, code).await?["status"], 200);
    Ok(())
}

#[tokio::test]
async fn ok() -> Result<()> {
    let (_scripted, banyan) = before(Reply::new(404).body("none of mine").into(), "").await?;
    let response = get(&banyan, "").await?;
    assert_eq!(
        (response.status, response.text().as_str()),
        (404, "none of mine"),
        "an upstream's answer is its own"
    );
    assert_eq!(response.fields.get("proxy-status"), None);
    let line = recorded(&banyan, "OK").await?;
    assert_eq!((&line["status"], &line["path"], &line["method"]), (&404.into(), &"/x".into(), &"GET".into()));
    Ok(())
}

#[tokio::test]
async fn bad_request() -> Result<()> {
    let (_scripted, banyan) = before(Answer::new(), "").await?;
    let response = say(&banyan, "GET / HTTP/1.1\r\n\r\n").await?;
    ended(&banyan, &response, "BR", 400, "bad-request", "http_request_error").await
}

#[tokio::test]
async fn unknown_coding() -> Result<()> {
    let (_scripted, banyan) = before(Answer::new(), "").await?;
    let response =
        say(&banyan, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n").await?;
    ended(&banyan, &response, "TC", 501, "unknown-transfer-coding", "http_request_error").await
}

#[tokio::test]
async fn bad_version() -> Result<()> {
    let (_scripted, banyan) = before(Answer::new(), "").await?;
    let response = say(&banyan, "GET / HTTP/3.0\r\nHost: a\r\n\r\n").await?;
    ended(&banyan, &response, "HV", 505, "version-not-supported", "http_request_error").await
}

#[tokio::test]
async fn head_too_large() -> Result<()> {
    let (_scripted, banyan) = before(Answer::new(), "").await?;
    let response = get(&banyan, &format!("X-A: {}\r\n", "a".repeat(40_000))).await?;
    ended(&banyan, &response, "HL", 431, "head-too-large", "http_request_error").await
}

#[tokio::test]
async fn target_too_long() -> Result<()> {
    let (_scripted, banyan) = before(Answer::new(), "").await?;
    let response = banyan.client().await?.get(&format!("/{}", "a".repeat(10_000)), "").await?;
    ended(&banyan, &response, "UL", 414, "target-too-long", "http_request_error").await
}

#[tokio::test]
async fn body_too_large() -> Result<()> {
    let banyan = gateway("http://127.0.0.1:1", "", "limits: { body: 4B }").await?;
    let response = say(&banyan, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await?;
    ended(&banyan, &response, "BL", 413, "body-too-large", "http_request_error").await
}

#[tokio::test]
async fn head_timeout() -> Result<()> {
    let banyan = gateway("http://127.0.0.1:1", "", "timeouts: { head: 200ms }").await?;
    let response = say(&banyan, "GET / HT").await?;
    ended(&banyan, &response, "HT", 408, "head-timeout", "http_request_error").await
}

#[tokio::test]
async fn body_timeout() -> Result<()> {
    let scripted = Scripted::start(|_| Reply::new(200).into()).await?;
    let banyan = gateway(&scripted.url(), "", "timeouts: { body: 200ms }").await?;
    let response = say(&banyan, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nh").await?;
    ended(&banyan, &response, "BT", 408, "body-timeout", "http_request_error").await
}

#[tokio::test]
async fn no_route() -> Result<()> {
    let banyan = Banyan::start(
        "upstreams: { only: { endpoints: [\"http://127.0.0.1:1\"] } }\nroutes: [ { match: \"GET /a\", to: only } ]\n",
    )
    .await?;
    let response = get(&banyan, "").await?;
    ended(&banyan, &response, "NR", 404, "no-route", "destination_not_found").await
}

#[tokio::test]
async fn method_not_allowed() -> Result<()> {
    let (_scripted, banyan) = before(Answer::new(), "").await?;
    let response = say(&banyan, "DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    let allowed: Vec<_> =
        response.fields.get("allow").context("no Allow")?.split(", ").map(str::to_owned).collect();
    assert!(allowed.contains(&"GET".to_owned()) && !allowed.contains(&"DELETE".to_owned()), "{allowed:?}");
    ended(&banyan, &response, "MA", 405, "method-not-allowed", "http_request_denied").await
}

#[tokio::test]
async fn loop_detected() -> Result<()> {
    let (_scripted, banyan) = before(Answer::new(), "").await?;
    let response = get(&banyan, "Banyan-Hops: 8\r\n").await?;
    ended(&banyan, &response, "LP", 508, "loop-detected", "proxy_loop_detected").await
}

#[tokio::test]
async fn deadline_that_had_passed() -> Result<()> {
    let (scripted, banyan) = before(Answer::new(), "").await?;
    let response = get(&banyan, "Banyan-Deadline-Ms: 0\r\n").await?;
    assert!(scripted.requests().is_empty());
    ended(&banyan, &response, "DX", 504, "deadline-expired", "http_response_timeout").await
}

#[tokio::test]
async fn client_gone() -> Result<()> {
    let (scripted, banyan) = before(Answer::new().hang(), "").await?;
    let mut client = banyan.client().await?;
    client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    scripted.wait_for_requests(1).await?;
    client.reset()?;
    recorded(&banyan, "CA").await?;
    scripted.wait_for_open_connections(0).await.context("the upstream's call is cancelled")
}

#[tokio::test]
async fn client_stalled() -> Result<()> {
    let size = 64 << 20;
    let answer = Answer::new()
        .send(Reply::new(200).length(size).head())
        .pattern(banyan_testkit::Pattern::new(size, 1));
    let scripted = Scripted::start(move |_| answer.clone()).await?;
    let banyan = gateway(&scripted.url(), "", "timeouts: { write: 300ms }").await?;
    let mut client = banyan.client().await?;
    client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    assert_eq!(recorded(&banyan, "CW").await?["status"], 200);
    scripted.wait_for_open_connections(0).await
}

#[tokio::test]
async fn name_without_address() -> Result<()> {
    let banyan = gateway("http://nobody.invalid", "", "").await?;
    let response = get(&banyan, "").await?;
    ended(&banyan, &response, "UD", 502, "upstream-name", "dns_error").await
}

#[tokio::test]
async fn connection_refused() -> Result<()> {
    let nobody = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let banyan = gateway(&format!("http://{nobody}"), "", "").await?;
    let response = get(&banyan, "").await?;
    assert!(response.fields.get("proxy-status").is_some_and(|status| status.ends_with("next-hop=\"only\"")));
    ended(&banyan, &response, "UC", 502, "upstream-refused", "connection_refused").await
}

/// A listener whose queue is full answers no SYN, as a host that is down does not.
#[tokio::test]
async fn connect_timeout() -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(1)?;
    let address = listener.local_addr()?;
    let mut waiting = Vec::new();
    while let Ok(connected) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(connected?);
    }
    let banyan = gateway(&format!("http://{address}"), ", connect: 300ms", "").await?;
    let response = get(&banyan, "").await?;
    ended(&banyan, &response, "UX", 504, "upstream-connect-timeout", "connection_timeout").await
}

#[tokio::test]
async fn tls_error() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 This is no TLS\r\n\r\n").await?;
        }
        std::io::Result::Ok(())
    });
    let banyan = gateway(&format!("https://{address}"), "", "").await?;
    let response = get(&banyan, "").await?;
    server.abort();
    ended(&banyan, &response, "UE", 502, "upstream-tls", "tls_protocol_error").await
}

#[tokio::test]
async fn upstream_closes_before_it_answers() -> Result<()> {
    let (_scripted, banyan) = before(Answer::new().close(), "").await?;
    let response = get(&banyan, "").await?;
    ended(&banyan, &response, "UR", 502, "upstream-reset", "connection_terminated").await
}

#[tokio::test]
async fn upstream_resets_before_it_answers() -> Result<()> {
    let (_scripted, banyan) = before(Answer::new().reset(), "").await?;
    let response = get(&banyan, "").await?;
    ended(&banyan, &response, "UR", 502, "upstream-reset", "connection_terminated").await
}

#[tokio::test]
async fn no_answer_in_time() -> Result<()> {
    let (scripted, banyan) = before(Answer::new().hang(), ", timeout: 200ms").await?;
    let response = get(&banyan, "").await?;
    scripted.wait_for_open_connections(0).await?;
    ended(&banyan, &response, "UT", 504, "upstream-timeout", "http_response_timeout").await
}

#[tokio::test]
async fn deadline_of_the_caller() -> Result<()> {
    let (scripted, banyan) = before(Answer::new().hang(), "").await?;
    let response = get(&banyan, "Banyan-Deadline-Ms: 300\r\n").await?;
    let passed_on =
        scripted.requests()[0].fields.get("banyan-deadline-ms").and_then(|text| text.parse().ok());
    assert!(passed_on.is_some_and(|left: u64| left <= 300), "{passed_on:?}");
    ended(&banyan, &response, "DL", 504, "deadline-exceeded", "http_response_timeout").await
}

#[tokio::test]
async fn deadline_of_the_upstream() -> Result<()> {
    let (_scripted, banyan) = before(Answer::new().hang(), ", timeout: 300ms, deadline: 300ms").await?;
    let response = get(&banyan, "").await?;
    assert_eq!(response.status, 504, "{}", response.text());
    Ok(())
}

#[tokio::test]
async fn answers_that_are_not_http() -> Result<()> {
    for nonsense in [
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        let (_scripted, banyan) = before(Answer::new().send(nonsense).close(), "").await?;
        let response = get(&banyan, "").await?;
        ended(&banyan, &response, "UP", 502, "upstream-protocol", "http_protocol_error").await?;
    }
    Ok(())
}

const HEALTH: &str = ", health: { path: /ready, every: 50ms, timeout: 50ms, unhealthy_after: 2 }";

#[tokio::test]
async fn no_healthy_endpoint() -> Result<()> {
    let scripted = Scripted::start(|request| match request.target.as_str() {
        "/ready" => Answer::new().hang(),
        _ => Reply::new(200).into(),
    })
    .await?;
    let banyan = gateway(&scripted.url(), HEALTH, "").await?;
    let response = eventually(async || {
        let response = get(&banyan, "").await?;
        ensure!(response.status != 200, "still taken for healthy");
        Ok(response)
    })
    .await?;
    assert!(response.fields.get("retry-after").is_some());
    ended(&banyan, &response, "UH", 503, "no-healthy-endpoint", "destination_unavailable").await
}

/// A check that is answered with an error may be the wrong check. While nobody is better, such an endpoint is asked; once
/// somebody is, it is not.
#[tokio::test]
async fn an_endpoint_that_is_not_ready_is_the_last_resort() -> Result<()> {
    let says = |ready: u16, name: &'static str| {
        Scripted::start(move |request| match request.target.as_str() {
            "/ready" => Reply::new(ready).into(),
            _ => Reply::new(200).body(name).into(),
        })
    };
    let (well, unwell) = (says(204, "well").await?, says(500, "unwell").await?);
    let alone = gateway(&unwell.url(), HEALTH, "").await?;
    let both = gateway(&format!("{}\", \"{}", well.url(), unwell.url()), HEALTH, "").await?;
    eventually(async || {
        let upstreams = both.admin()?.get("/v1/upstreams").await?;
        ensure!(upstreams.text.contains("\"health\":\"not-ready\""), "{}", upstreams.text);
        Ok(())
    })
    .await?;
    unwell.wait_for_requests(10).await?;
    for _ in 0..20 {
        assert_eq!(get(&both, "").await?.text(), "well");
        assert_eq!(get(&alone, "").await?.text(), "unwell");
    }
    Ok(())
}

#[tokio::test]
async fn body_broken_off() -> Result<()> {
    let answer = Answer::new().send(Reply::new(200).length(10).head()).send("abc");
    cut_off(answer.clone().close(), "", "MR").await?;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    cut_off(Answer::new().send(chunked).close(), "", "MR").await?;
    cut_off(Answer::new().send(chunked).send("oops\r\n").hang(), "", "MR").await
}

#[tokio::test]
async fn body_that_stalls() -> Result<()> {
    let answer = Answer::new().send(Reply::new(200).length(10).head()).send("abc").hang();
    cut_off(answer, ", idle: 300ms", "MI").await
}

#[tokio::test]
async fn body_that_takes_too_long() -> Result<()> {
    let answer = Answer::new().send(Reply::new(200).length(10).head()).send("abc").hang();
    cut_off(answer, ", whole: 500ms", "MW").await
}

/// A code in lower case, and one that is none.
#[test]
fn explain_knows_its_codes() -> Result<()> {
    assert!(command(&["explain", "uc"])?.output()?.status.success());
    assert!(!command(&["explain", "ZZ"])?.output()?.status.success());
    Ok(())
}
