//! Fields: what stays between two hops, what says who asked, what ties a trace together.

use anyhow::Result;
use banyan_testkit::{Answer, Received, Reply, Scripted};

use super::{in_front_of, proxy};

/// What an upstream gets when a client sends `fields`.
async fn received(fields: &str, more: &str) -> Result<Received> {
    let upstream = Scripted::start(|_| Reply::new(200).into()).await?;
    let banyan = in_front_of(&upstream.url(), more).await?;
    banyan.client().await?.get("/", fields).await?;
    Ok(upstream.requests().remove(0))
}

#[tokio::test]
async fn fields_pass_with_their_values_and_order() -> Result<()> {
    let received =
        received("X-A: 1\r\nX-B: two  words\r\nX-A: 2\r\nX-Empty:\r\nX-Obs: caf\u{e9}\r\n", "").await?;
    assert!(received.fields.all("x-a").eq(["1", "2"]));
    assert_eq!((received.fields.get("x-b"), received.fields.get("x-empty")), (Some("two  words"), Some("")));
    assert_eq!(received.fields.get("x-obs"), Some("caf\u{e9}"));
    assert_eq!(received.fields.get("host"), Some("test.example"));
    Ok(())
}

#[tokio::test]
async fn what_belongs_to_one_hop_stays_there() -> Result<()> {
    let fields = "Connection: keep-alive, X-Hop\r\nX-Hop: secret\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n\
                  Proxy-Authorization: Basic eA==\r\nTE: gzip\r\nUpgrade: h2c\r\nX-End: stays\r\n";
    let received = received(fields, "").await?;
    for name in
        ["connection", "x-hop", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade"]
    {
        assert_eq!(received.fields.get(name), None, "{name}");
    }
    assert_eq!(received.fields.get("x-end"), Some("stays"));
    Ok(())
}

#[tokio::test]
async fn what_belongs_to_the_upstreams_hop_stays_there() -> Result<()> {
    let (_upstream, banyan) = proxy(|_| {
        let reply = Reply::new(200)
            .field("Connection", "X-Hop")
            .field("X-Hop", "secret")
            .field("Keep-Alive", "timeout=5");
        reply
            .field("Proxy-Connection", "keep-alive")
            .field("X-End", "stays")
            .field("Server", "theirs")
            .body("x")
            .into()
    })
    .await?;
    let response = banyan.client().await?.get("/", "").await?;
    for name in ["connection", "x-hop", "keep-alive", "proxy-connection"] {
        assert_eq!(response.fields.get(name), None, "{name}");
    }
    assert_eq!(
        (response.fields.get("x-end"), response.fields.get("server")),
        (Some("stays"), Some("theirs"))
    );
    Ok(())
}

/// A client cannot have removed what a request is judged by.
#[tokio::test]
async fn connection_names_only_what_may_go() -> Result<()> {
    let received =
        received("Connection: Authorization, Cookie, Host\r\nAuthorization: Bearer x\r\nCookie: a=b\r\n", "")
            .await?;
    assert_eq!(received.fields.get("authorization"), Some("Bearer x"));
    assert_eq!(
        (received.fields.get("cookie"), received.fields.get("host")),
        (Some("a=b"), Some("test.example"))
    );
    Ok(())
}

#[tokio::test]
async fn strangers_are_not_believed_about_who_they_are() -> Result<()> {
    let fields = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: bank.example\r\nForwarded: for=203.0.113.9\r\n";
    let received = received(fields, "").await?;
    assert!(received.fields.all("x-forwarded-for").eq(["127.0.0.1"]));
    assert!(received.fields.all("x-forwarded-proto").eq(["http"]));
    assert!(received.fields.all("x-forwarded-host").eq(["test.example"]));
    let forwarded: Vec<_> = received.fields.all("forwarded").collect();
    assert!(
        forwarded.len() == 1 && forwarded[0].contains("for=127.0.0.1") && !forwarded[0].contains("203"),
        "{forwarded:?}"
    );
    Ok(())
}

#[tokio::test]
async fn trusted_proxies_are_believed_and_added_to() -> Result<()> {
    let fields = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=203.0.113.9\r\n";
    let received = received(fields, "trusted_proxies: [ 127.0.0.0/8 ]").await?;
    assert!(received.fields.all("x-forwarded-for").eq(["203.0.113.9, 127.0.0.1"]));
    assert!(received.fields.all("x-forwarded-proto").eq(["https"]));
    let forwarded = received.fields.get("forwarded").unwrap_or_default();
    assert!(forwarded.starts_with("for=203.0.113.9, for=127.0.0.1"), "{forwarded}");
    Ok(())
}

#[tokio::test]
async fn via_names_every_proxy() -> Result<()> {
    assert_eq!(received("", "").await?.fields.get("via"), Some("1.1 banyan"));
    assert_eq!(received("Via: 1.1 cdn\r\n", "").await?.fields.get("via"), Some("1.1 cdn, 1.1 banyan"));
    Ok(())
}

#[tokio::test]
async fn a_trace_goes_on_or_begins() -> Result<()> {
    let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let received_on =
        received(&format!("traceparent: {sent}\r\ntracestate: vendor=1\r\nbaggage: k=v\r\n"), "").await?;
    let passed_on = received_on.fields.get("traceparent").unwrap_or_default();
    assert!(
        passed_on.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && passed_on.ends_with("-01"),
        "{passed_on}"
    );
    assert_ne!(passed_on, sent, "our own place in it");
    assert_eq!(
        (received_on.fields.get("tracestate"), received_on.fields.get("baggage")),
        (Some("vendor=1"), Some("k=v"))
    );
    let begun = received("traceparent: nonsense\r\ntracestate: vendor=1\r\n", "").await?;
    let parent = begun.fields.get("traceparent").unwrap_or_default();
    assert!(
        parent.len() == 55
            && parent.starts_with("00-")
            && !parent.contains("-00000000000000000000000000000000-"),
        "{parent}"
    );
    assert_eq!(begun.fields.get("tracestate"), None, "it belonged to what was nonsense");
    Ok(())
}

#[tokio::test]
async fn the_host_is_the_callers_or_the_endpoints_own() -> Result<()> {
    assert_eq!(received("", "").await?.fields.get("host"), Some("test.example"));
    let upstream = Scripted::start(|_| Reply::new(200).into()).await?;
    let config = format!(
        "upstreams: {{ only: {{ endpoints: [\"{}\"], host: endpoint }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: only }} ]\n",
        upstream.url()
    );
    let banyan = banyan_testkit::Banyan::start(&config).await?;
    banyan.client().await?.get("/", "").await?;
    let address = upstream.address().to_string();
    assert_eq!(upstream.requests()[0].fields.get("host"), Some(address.as_str()));
    Ok(())
}

#[tokio::test]
async fn a_path_may_be_another_one_upstream() -> Result<()> {
    let upstream = Scripted::start(|_| Reply::new(200).into()).await?;
    let config = format!(
        "upstreams: {{ only: {{ endpoints: [\"{}\"] }} }}\nroutes:\n\
         \x20 - {{ match: \"GET /healthz-legacy\", to: only, path: /health }}\n\
         \x20 - {{ match: \"GET /v1/{{kind}}/{{id}}\", to: only, path: \"/v2/{{id}}/{{kind}}\" }}\n\
         \x20 - {{ match: \"GET /files/{{rest...}}\", to: only, path: \"/{{rest...}}\" }}\n",
        upstream.url()
    );
    let banyan = banyan_testkit::Banyan::start(&config).await?;
    let mut client = banyan.client().await?;
    for target in ["/healthz-legacy?x=1", "/v1/a%20b/7", "/files/a/b/c?d"] {
        assert_eq!(client.get(target, "").await?.status, 200, "{target}");
    }
    let targets: Vec<_> = upstream.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/health?x=1", "/v2/7/a%20b", "/a/b/c?d"]);
    Ok(())
}

#[tokio::test]
async fn routes_by_method_host_and_field() -> Result<()> {
    let upstream = |name: &'static str| Scripted::start(move |_| Answer::from(Reply::new(200).body(name)));
    let (one, two) = (upstream("one").await?, upstream("two").await?);
    let config = format!(
        "upstreams: {{ one: {{ endpoints: [\"{}\"] }}, two: {{ endpoints: [\"{}\"] }} }}\nroutes:\n\
         \x20 - {{ match: \"GET /a\", to: one }}\n\
         \x20 - {{ match: \"POST /a\", to: two }}\n\
         \x20 - {{ match: \"GET /a\", to: two, host: \"*.b.example\" }}\n\
         \x20 - {{ match: \"GET /a\", to: one, host: x.b.example }}\n\
         \x20 - {{ match: \"GET /a\", to: two, headers: {{ x-beta: \"1\" }} }}\n",
        one.url(),
        two.url()
    );
    let banyan = banyan_testkit::Banyan::start(&config).await?;
    let mut client = banyan.client().await?;
    for (line, fields, expected) in [
        ("GET /a", "Host: a.example\r\n", "one"),
        ("POST /a", "Host: a.example\r\n", "two"),
        ("GET /a", "Host: Y.B.Example:8080\r\n", "two"),
        ("GET /a", "Host: x.b.example\r\n", "one"),
        ("GET /a", "Host: a.example\r\nX-Beta: 1\r\n", "two"),
        ("GET /a", "Host: a.example\r\nX-Beta: 2\r\n", "one"),
    ] {
        client.write(format!("{line} HTTP/1.1\r\n{fields}\r\n")).await?;
        assert_eq!(client.read_response("GET").await?.text(), expected, "{line} {fields}");
    }
    Ok(())
}
