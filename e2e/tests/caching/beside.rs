//! The cache beside other things that the gateway does: substitutes, breakers, time limits, checks and new configs.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use anyhow::{Result, ensure};
use banyan_e2e::h2;
use banyan_testkit::{Answer, Banyan, Reply, Response, Scripted, eventually};
use http::Request;

use super::kit::{Counts, HOUR, cache_status, config, keeping, kept, numbered, reply, send, text};

/// An upstream that fails until it is told not to.
async fn failing(body: &'static str) -> Result<(Arc<AtomicBool>, Scripted)> {
    let fails = Arc::new(AtomicBool::new(true));
    let told = fails.clone();
    let upstream = Scripted::start(move |_| {
        if told.load(Relaxed) { Reply::new(500).into() } else { reply(200, &[HOUR]).body(body).into() }
    })
    .await?;
    Ok((fails, upstream))
}

/// A substitute stands in for a moment. It is not what was asked for, however long it says it may be kept.
#[tokio::test]
async fn a_substitute_is_never_kept_as_the_answer() -> Result<()> {
    let other = Scripted::start(|_| reply(200, &[HOUR]).body("substitute").into()).await?;
    for fallback in [
        "[ { to: other } ]",
        "[ { status: 200, text: substitute, headers: { Cache-Control: max-age=3600 } } ]",
    ] {
        let (fails, upstream) = failing("real").await?;
        let config = format!(
            "cache: {{}}\nupstreams:\n  only: {{ endpoints: [\"{}\"], breaker: off }}\n  other: {{ endpoints: [\"{}\"] }}\n\
             routes: [ {{ match: \"GET /\", to: only, cache: {{ ttl: 1h }}, fallback: {fallback} }} ]\n",
            upstream.url(),
            other.url()
        );
        let banyan = Banyan::start(&config).await?;
        let mut client = banyan.client().await?;
        for _ in 0..3 {
            assert_eq!(text(&mut client, "/", "").await?, "substitute");
        }
        fails.store(false, Relaxed);
        assert_eq!(text(&mut client, "/", "").await?, "real", "{fallback}");
        assert_eq!(text(&mut client, "/", "").await?, "real");
        assert_eq!(upstream.requests().len(), 4);
    }
    Ok(())
}

/// The legacy side helps out; what it said is not what the replacement said.
#[tokio::test]
async fn legacys_answer_in_place_of_the_replacements_is_not_kept_as_the_replacements() -> Result<()> {
    let legacy = Scripted::start(|_| reply(200, &[HOUR]).body("legacy").into()).await?;
    let (fails, replacement) = failing("replacement").await?;
    let config = format!(
        "cache: {{}}\nupstreams:\n  old: {{ endpoints: [\"{}\"] }}\n  new: {{ endpoints: [\"{}\"], breaker: off }}\n\
         units:\n  all: {{ legacy: old, replacement: new, percent: 100%, subject: [ \"header:x-user\" ], fallback: legacy, \
         routes: [ {{ match: \"GET /\" }} ] }}\n",
        legacy.url(),
        replacement.url()
    );
    let banyan = Banyan::start(&config).await?;
    let mut client = banyan.client().await?;
    for _ in 0..2 {
        assert_eq!(text(&mut client, "/", "X-User: a\r\n").await?, "legacy");
    }
    fails.store(false, Relaxed);
    for _ in 0..2 {
        assert_eq!(text(&mut client, "/", "X-User: a\r\n").await?, "replacement");
    }
    Ok(())
}

/// A breaker that refuses is a failure of the upstream too, and so is one that takes too long.
#[tokio::test]
async fn the_last_good_one_is_given_while_a_breaker_refuses_and_when_time_runs_out() -> Result<()> {
    for (what, failure) in [("it fails", Answer::new().reset()), ("it hangs", Answer::new().hang())] {
        let counts = Counts::default();
        let upstream = Scripted::start(move |request| match counts.next(request) {
            0 => reply(200, &[("Cache-Control", "max-age=1, stale-if-error=3600"), ("Age", "1")])
                .body("good")
                .into(),
            _ => failure.clone(),
        })
        .await?;
        let config = format!(
            "cache: {{}}\nupstreams: {{ only: {{ endpoints: [\"{}\"], timeout: 50ms, breaker: {{ consecutive: 3, open_for: 1h, \
             open_at_most: 1h }} }} }}\nroutes: [ {{ match: \"GET /\", to: only }} ]\n",
            upstream.url()
        );
        let banyan = Banyan::start(&config).await?;
        let mut client = banyan.client().await?;
        for _ in 0..10 {
            assert_eq!(text(&mut client, "/", "").await?, "good", "{what}");
        }
        // One that came over a connection that had been used before may have been sent again.
        assert!(upstream.requests().len() <= 5, "{what}: then the breaker refused");
    }
    Ok(())
}

/// What is not what it has to be is a failure, and no good answer to keep.
#[tokio::test]
async fn an_answer_that_is_not_valid_is_not_kept() -> Result<()> {
    let counts = Counts::default();
    let upstream = Scripted::start(move |request| {
        let body = if counts.next(request) == 0 { "<html>" } else { "{\"id\":1}" };
        reply(200, &[HOUR, ("Content-Type", "application/json")]).body(body).into()
    })
    .await?;
    let route = "match: \"GET /a\", valid_if: { json: true, required: [ /id ] }";
    let banyan = keeping(&upstream.url(), &[route]).await?;
    let mut client = banyan.client().await?;
    assert_eq!(client.get("/a", "").await?.status, 502);
    for _ in 0..2 {
        assert_eq!(text(&mut client, "/a", "").await?, "{\"id\":1}");
    }
    assert_eq!(upstream.requests().len(), 2);
    Ok(())
}

/// Fields as a client sees them, but for those that say when and how it was answered.
fn fields(answer: &Response) -> Vec<(String, String)> {
    let said = |name: &str| ["age", "cache-status", "transfer-encoding", "content-length"].contains(&name);
    let lower = answer.fields.0.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let mut fields: Vec<_> = lower.filter(|(name, _)| !said(name)).collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn a_kept_answer_has_the_fields_of_the_first_one() -> Result<()> {
    let (_upstream, banyan) = kept(|_| {
        reply(200, &[HOUR, ("X-A", "1"), ("X-A", "2"), ("Content-Type", "text/x"), ("Link", "</a>; rel=b")])
            .field("Server", "s")
            .field("X-Empty", "")
            .field("X-Utf8", "grün")
            .body("body")
            .into()
    })
    .await?;
    let mut client = banyan.client().await?;
    let (first, second) = (client.get("/", "").await?, client.get("/", "").await?);
    assert!(cache_status(&second).contains("hit"));
    assert_eq!(fields(&first), fields(&second));
    let mut sender = h2::connect(banyan.address()).await;
    let answer = h2::ask(&mut sender, Request::get("http://test.example/").body(h2::full(""))?).await?;
    for (name, value) in fields(&first).iter().filter(|(name, _)| name != "x-a" && name != "via") {
        let same = answer.head.headers.get(name).map(http::HeaderValue::as_bytes);
        assert_eq!(same, Some(value.as_bytes()), "{name}");
    }
    Ok(())
}

/// Old clients, addresses in the other form, and several questions in one breath.
#[tokio::test]
async fn whatever_way_it_is_asked_for_the_same_is_given() -> Result<()> {
    let (upstream, banyan) = kept(|request| whole_target(&request.target)).await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/a", "").await?, "/a");
    client.write("GET http://test.example/a HTTP/1.1\r\nHost: test.example\r\n\r\n").await?;
    assert_eq!(client.read_response("GET").await?.text(), "/a");
    let mut old = banyan.client().await?;
    old.write("GET /a HTTP/1.0\r\nHost: test.example\r\n\r\n").await?;
    assert_eq!(old.read_response("GET").await?.text(), "/a");
    old.closed().await?;
    let one = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: test.example\r\n\r\n");
    client.write([one("/a"), one("/b"), one("/a"), one("/b"), one("/a")].concat()).await?;
    for target in ["/a", "/b", "/a", "/b", "/a"] {
        assert_eq!(client.read_response("GET").await?.text(), target);
    }
    client.write(format!("{}{}", one("/a").replace("GET", "HEAD"), one("/a"))).await?;
    assert_eq!(client.read_response("HEAD").await?.status, 200);
    assert_eq!(client.read_response("GET").await?.text(), "/a");
    assert_eq!(upstream.requests().len(), 2);
    Ok(())
}

fn whole_target(target: &str) -> Answer {
    reply(200, &[HOUR]).body(target.to_owned()).into()
}

/// What once could not be shared may be kept as soon as it can.
#[tokio::test]
async fn what_was_private_once_is_kept_when_it_is_not_any_more() -> Result<()> {
    let counts = Counts::default();
    let (upstream, banyan) = kept(move |request| match counts.next(request) {
        0 => reply(200, &[("Cache-Control", "private")]).body("mine").into(),
        _ => reply(200, &[HOUR]).body("ours").into(),
    })
    .await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/", "").await?, "mine");
    for _ in 0..3 {
        assert_eq!(text(&mut client, "/", "").await?, "ours");
    }
    assert_eq!(upstream.requests().len(), 2);
    Ok(())
}

/// A mistake in a key is mended by a new config, also for what was kept under the old one.
#[tokio::test]
async fn what_was_kept_under_another_key_is_not_given_by_a_new_config() -> Result<()> {
    let upstream = Scripted::start(|request| Reply::new(200).body(request.target.clone()).into()).await?;
    let before = "match: \"GET /of\", cache: { ttl: 1h, key: [ path ] }";
    let banyan = keeping(&upstream.url(), &[before]).await?;
    let mut client = banyan.client().await?;
    for query in ["?user=a", ""] {
        assert_eq!(
            text(&mut client, &format!("/of{query}"), "").await?,
            "/of?user=a",
            "a mistake in the key"
        );
    }
    for after in ["match: \"GET /of\", cache: { ttl: 1h }", "match: \"GET /of\", cache: off"] {
        banyan.write_config(&config(&upstream.url(), "{}", &[after]))?;
        banyan.hang_up()?;
        eventually(async || {
            let body = text(&mut client, "/of", "").await?;
            ensure!(body == "/of", "{after}: {body} is still given");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// A new config that says nothing else of a route does not throw away what is kept for it.
#[tokio::test]
async fn a_new_config_keeps_what_is_kept() -> Result<()> {
    let upstream = Scripted::start(numbered(&[HOUR])).await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/", "").await?, "0");
    banyan.write_config(&config(&upstream.url(), "{}", &["match: \"GET /other\", cache: off"]))?;
    banyan.hang_up()?;
    eventually(async || {
        let answer = client.get("/other", "").await?;
        ensure!(cache_status(&answer).is_empty(), "the old config is still there");
        Ok(())
    })
    .await?;
    assert_eq!(text(&mut client, "/", "").await?, "0");
    Ok(())
}

/// A client that leaves in the middle of a large kept answer leaves nothing behind.
#[tokio::test]
async fn leaving_within_a_kept_answer_is_nobody_elses_business() -> Result<()> {
    let (upstream, banyan) = kept(|_| reply(200, &[HOUR]).body(vec![b'x'; 4 << 20]).into()).await?;
    let mut client = banyan.client().await?;
    assert_eq!(client.get("/", "").await?.body.length, 4 << 20);
    for _ in 0..10 {
        let mut leaver = banyan.client().await?;
        leaver.write("GET / HTTP/1.1\r\nHost: test.example\r\n\r\n").await?;
        leaver.read_response_head().await?;
        leaver.reset()?;
    }
    assert_eq!(client.get("/", "").await?.body.length, 4 << 20);
    assert_eq!(send(&mut client, "HEAD", "/", "").await?.fields.get("content-length"), Some("4194304"));
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// A first visit is given a name, and nobody is given the name of another, whoever's answer it comes with.
#[tokio::test]
async fn visitors_are_named_one_by_one_also_with_kept_answers() -> Result<()> {
    let upstream = Scripted::start(numbered(&[HOUR])).await?;
    let config = format!(
        "cache: {{}}\nupstreams:\n  old: {{ endpoints: [\"{0}\"] }}\n  new: {{ endpoints: [\"{0}\"] }}\n\
         units:\n  all: {{ legacy: old, replacement: new, routes: [ {{ match: \"GET /\" }} ] }}\n",
        upstream.url()
    );
    let banyan = Banyan::start(&config).await?;
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let answer = banyan.client().await?.get("/", "").await?;
        let cookies: Vec<&str> = answer.fields.all("set-cookie").collect();
        ensure!(cookies.len() == 1, "{cookies:?}: {}", cache_status(&answer));
        ensure!(names.insert(cookies[0].to_owned()), "{cookies:?} was given before");
    }
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// A request to switch protocols is no question that an answer could be kept to.
#[tokio::test]
async fn an_upgrade_is_never_answered_from_what_is_kept() -> Result<()> {
    let (upstream, banyan) = kept(|request| match request.fields.get("upgrade") {
        Some(_) => Answer::new()
            .reply(Reply::new(101).field("Connection", "upgrade").field("Upgrade", "x").bare(""))
            .echo(),
        None => reply(200, &[HOUR]).body("body").into(),
    })
    .await?;
    assert_eq!(text(&mut banyan.client().await?, "/", "").await?, "body");
    let mut client = banyan.client().await?;
    client.write("GET / HTTP/1.1\r\nHost: test.example\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await?;
    assert_eq!(client.read_response_head().await?.status, 101);
    client.write("ping").await?;
    assert_eq!(client.read_exact(4).await?, b"ping");
    assert_eq!(text(&mut banyan.client().await?, "/", "").await?, "body");
    assert_eq!(upstream.requests().len(), 2);
    Ok(())
}

/// Streams that do not end are for each client alone, and come as they are sent.
#[tokio::test]
async fn events_reach_every_client_as_they_happen() -> Result<()> {
    let (_upstream, banyan) = kept(|_| {
        let head =
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        Answer::new().send(head.to_vec()).send("9\r\ndata: 1\n\n\r\n").hang()
    })
    .await?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = banyan.client().await?;
        client.write("GET /events HTTP/1.1\r\nHost: test.example\r\n\r\n").await?;
        assert_eq!(client.read_response_head().await?.status, 200);
        assert_eq!(client.read_exact(14).await?, b"9\r\ndata: 1\n\n\r\n");
        clients.push(client);
    }
    Ok(())
}

/// The same where it would be kept if it ever ended.
#[tokio::test]
async fn what_would_be_kept_and_never_ends_reaches_every_client_as_it_comes() -> Result<()> {
    let (upstream, banyan) = kept(|_| {
        let head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n";
        Answer::new().send(head.to_vec()).send("4\r\nbody\r\n").hang()
    })
    .await?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = banyan.client().await?;
        client.write("GET / HTTP/1.1\r\nHost: test.example\r\n\r\n").await?;
        assert_eq!(client.read_response_head().await?.status, 200);
        assert_eq!(client.read_exact(9).await?, b"4\r\nbody\r\n");
        clients.push(client);
    }
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}
