//! Nobody is ever given what was meant for somebody else.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use banyan_e2e::h2;
use banyan_testkit::{Answer, Banyan, RawClient, Received, Reply, Scripted};
use http::Request;

use super::kit::{HOUR, cache_status, kept, kept_by, reply, text};

/// Answers with all that may tell one request from another.
fn echo(side: &'static str) -> impl Fn(&Received) -> Answer + Send + Sync + 'static {
    move |request| {
        let field = |name| request.fields.get(name).unwrap_or("-");
        let said = format!(
            "{side} {} {} {} {}",
            field("host"),
            request.target,
            field("accept-language"),
            field("x-user")
        );
        reply(200, &[HOUR, ("Vary", "Accept-Language")]).body(said).into()
    }
}

/// Numbers that look random and are the same each time.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Many people, hosts, languages and paths, half of them moved: each answer is about what was asked, and from the side
/// that this person is on.
#[tokio::test]
async fn every_answer_is_about_what_was_asked_and_from_the_right_side() -> Result<()> {
    let old = Scripted::start(echo("legacy")).await?;
    let new = Scripted::start(echo("replacement")).await?;
    let config = format!(
        "cache: {{}}\nupstreams:\n  old: {{ endpoints: [\"{}\"] }}\n  new: {{ endpoints: [\"{}\"] }}\n\
         units:\n  all:\n    legacy: old\n    replacement: new\n    percent: 50%\n    subject: [ \"header:x-user\" ]\n    \
         routes:\n      - {{ match: \"GET /own/{{rest...}}\", cache: {{ ttl: 1h, key: [ path, query, subject ] }} }}\n      \
         - {{ match: \"GET /{{rest...}}\" }}\n",
        old.url(),
        new.url()
    );
    let banyan = Banyan::start(&config).await?;
    let (mut client, mut draws) = (banyan.client().await?, Draws(7));
    let (mut hits, mut sides) = (0, BTreeSet::new());
    for _ in 0..4000 {
        let (user, host) = (format!("u{}", draws.below(20)), format!("h{}.example", draws.below(3)));
        let language = ["de", "en", "fr"][usize::try_from(draws.below(3))?];
        let own = draws.below(2) == 0;
        let target = format!("/{}{}?q={}", if own { "own/" } else { "" }, draws.below(4), draws.below(2));
        client
            .write(format!(
                "GET {target} HTTP/1.1\r\nHost: {host}\r\nX-User: {user}\r\nAccept-Language: {language}\r\n\r\n"
            ))
            .await?;
        let answer = client.read_response("GET").await?;
        let unit = answer.fields.get("banyan-unit").context("no side")?.to_owned();
        let body = answer.text();
        let words: Vec<&str> = body.split(' ').collect();
        let side = words[0];
        ensure!(unit.contains(side), "{body} was given on {unit}");
        ensure!(words[1..4] == [&*host, &*target, language], "{body}: not {host} {target} {language}");
        ensure!(!own || words[4] == user, "{body} was given to {user}");
        sides.insert(side.to_owned());
        hits += usize::from(cache_status(&answer).contains("hit"));
    }
    assert_eq!(sides.len(), 2);
    assert!(hits > 1500, "only {hits} were kept");
    Ok(())
}

/// A subject that moves is not given what the other side said.
#[tokio::test]
async fn moving_everybody_changes_the_answers_at_once() -> Result<()> {
    let old = Scripted::start(|_| reply(200, &[HOUR]).body("old").into()).await?;
    let new = Scripted::start(|_| reply(200, &[HOUR]).body("new").into()).await?;
    let config = format!(
        "cache: {{}}\nupstreams:\n  old: {{ endpoints: [\"{}\"] }}\n  new: {{ endpoints: [\"{}\"] }}\n\
         units:\n  all: {{ legacy: old, replacement: new, subject: [ \"header:x-user\" ], routes: [ {{ match: \"GET /\" }} ] }}\n",
        old.url(),
        new.url()
    );
    let banyan = Banyan::start(&config).await?;
    let (mut client, admin) = (banyan.client().await?, banyan.admin()?);
    for (percent, expected) in [("0%", "old"), ("100%", "new"), ("0%", "old"), ("100%", "new")] {
        let share = serde_json::json!({ "percent": percent });
        assert_eq!(admin.send("PUT", "/v1/units/all", Some(&share)).await?.status, 200);
        for _ in 0..2 {
            assert_eq!(text(&mut client, "/", "X-User: a\r\n").await?, expected, "{percent}");
        }
    }
    assert_eq!((old.requests().len(), new.requests().len()), (1, 1), "both are still kept");
    Ok(())
}

/// Fields that frameworks build links from: an attacker sends one, and everybody after it would get the answer.
#[tokio::test]
async fn what_a_client_claims_about_where_it_comes_from_does_not_reach_what_is_kept() -> Result<()> {
    let (upstream, banyan) = kept(|request| {
        let link = request.fields.get("x-forwarded-host").or(request.fields.get("host")).unwrap_or_default();
        let scheme = request.fields.get("x-forwarded-proto").unwrap_or("http");
        reply(200, &[HOUR]).body(format!("{scheme}://{link}/")).into()
    })
    .await?;
    let mut client = banyan.client().await?;
    let poison = "X-Forwarded-Host: evil\r\nX-Forwarded-Proto: evil\r\nX-Forwarded-For: evil\r\nForwarded: host=evil\r\n";
    for fields in [poison, ""] {
        assert_eq!(text(&mut client, "/", fields).await?, "http://test.example/");
    }
    let came = upstream.requests();
    assert_eq!(came.len(), 1);
    let head = String::from_utf8_lossy(&came[0].head).into_owned();
    assert!(!head.contains("evil"), "{head}");
    Ok(())
}

/// Fields by which some frameworks take another path or method than the one that the answer is kept under.
#[tokio::test]
async fn what_overrides_the_path_or_the_method_does_not_decide_what_is_kept() -> Result<()> {
    let names =
        ["X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];
    for name in names {
        let (_upstream, banyan) = kept(move |request| {
            reply(200, &[HOUR]).body(request.fields.get(name).unwrap_or("clean").to_owned()).into()
        })
        .await?;
        let mut client = banyan.client().await?;
        text(&mut client, "/", &format!("{name}: evil\r\n")).await?;
        assert_eq!(text(&mut client, "/", "").await?, "clean", "{name}");
    }
    Ok(())
}

/// A body of a GET means what the two agree on; it may be the question itself.
#[tokio::test]
async fn a_get_with_a_body_is_a_question_of_its_own() -> Result<()> {
    let (upstream, banyan) = kept(|request| {
        let length = request.fields.get("content-length").unwrap_or("0").to_owned();
        reply(200, &[HOUR]).body(length).into()
    })
    .await?;
    let mut client = banyan.client().await?;
    for (body, expected) in [("", "0"), ("abc", "3"), ("", "0"), ("abcd", "4"), ("", "0")] {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        client.write(format!("GET / HTTP/1.1\r\nHost: test.example\r\n{length}\r\n{body}")).await?;
        assert_eq!(client.read_response("GET").await?.text(), expected);
    }
    assert_eq!(upstream.requests().len(), 3);
    Ok(())
}

/// The parts of an address that differ for nobody are one answer; those that may differ are not.
#[tokio::test]
async fn hosts_and_paths_are_told_apart_as_their_owners_do() -> Result<()> {
    let (upstream, banyan) = kept(|request| {
        let said = format!("{} {}", request.fields.get("host").unwrap_or_default(), request.target);
        reply(200, &[HOUR]).body(said).into()
    })
    .await?;
    let mut client = banyan.client().await?;
    let mut ask = async |host: &str, target: &str| -> Result<String> {
        client.write(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await?;
        Ok(client.read_response("GET").await?.text())
    };
    for (host, target) in
        [("a", "/x"), ("b", "/x"), ("a:81", "/x"), ("a", "/X"), ("a", "/x/"), ("a", "/x?"), ("a", "/x?1")]
    {
        let said = ask(host, target).await?;
        assert!(said.starts_with(&format!("{host} ")), "{said} for {host} {target}");
        assert!(said.contains(target.trim_end_matches('?')), "{said} for {host} {target}");
    }
    let before = upstream.requests().len();
    for (host, target, same) in [("A", "/x", "a /x"), ("a", "/%78", "a /x")] {
        assert_eq!(ask(host, target).await?, same);
    }
    assert_eq!(upstream.requests().len(), before);
    Ok(())
}

#[tokio::test]
async fn clients_of_http_2_are_given_what_those_of_http_1_had_kept() -> Result<()> {
    let (upstream, banyan) =
        kept(|_| reply(200, &[HOUR, ("ETag", "\"a\"")]).body("0123456789").into()).await?;
    assert_eq!(text(&mut banyan.client().await?, "/", "").await?, "0123456789");
    let mut sender = h2::connect(banyan.address()).await;
    for (name, value, status, body) in [
        ("x-a", "b", 200, "0123456789"),
        ("range", "bytes=2-4", 206, "234"),
        ("if-none-match", "\"a\"", 304, ""),
    ] {
        let request = Request::get("http://test.example/").header(name, value).body(h2::full(""))?;
        let answer = h2::ask(&mut sender, request).await?;
        assert_eq!((answer.head.status.as_u16(), answer.body.as_ref()), (status, body.as_bytes()));
        assert!(answer.head.headers["cache-status"].to_str()?.contains("hit"));
        assert!(answer.head.headers.contains_key("age"));
    }
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// With `allow`, whoever asks is in the key, also where the route does not say so.
#[tokio::test]
async fn everybody_has_an_answer_of_their_own_that_is_kept() -> Result<()> {
    own_answers("[ path ]").await?;
    own_answers("[ path, \"header:authorization\" ]").await
}

async fn own_answers(key: &str) -> Result<()> {
    let route =
        format!("match: \"GET /me\", cache: {{ ttl: 1h, key: {key}, allow: [ authorization, set-cookie ] }}");
    let (upstream, banyan) = kept_by(&[&route], |request| {
        let name = request.fields.get("authorization").unwrap_or("nobody").to_owned();
        Reply::new(200).field("Set-Cookie", &format!("name={name}")).body(name).into()
    })
    .await?;
    let mut client: RawClient = banyan.client().await?;
    for round in 0..3 {
        for name in ["a", "b", "c"] {
            let answer = client.get("/me", &format!("Authorization: {name}\r\n")).await?;
            assert_eq!(answer.text(), name);
            assert!(round == 0 || answer.fields.get("set-cookie").is_none(), "cookies are not kept");
        }
        assert_eq!(text(&mut client, "/me", "").await?, "nobody");
    }
    assert_eq!(upstream.requests().len(), 4);
    Ok(())
}

/// A token for `{"sub":"a"}`, with this signature.
fn token(signature: &str) -> String {
    format!("Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.{signature}\r\n")
}

/// Claims in a key are not verified: only the upstream knows who somebody is.
#[tokio::test]
async fn who_only_claims_to_be_somebody_is_not_given_theirs() -> Result<()> {
    let route =
        "match: \"GET /me\", cache: { ttl: 1h, key: [ path, \"jwt:sub\" ], allow: [ authorization ] }";
    let (_upstream, banyan) = kept_by(&[route], |request| {
        let is_real = request.fields.get("authorization").is_some_and(|token| token.ends_with(".real"));
        if is_real { Reply::new(200).body("secret").into() } else { Reply::new(401).body("no").into() }
    })
    .await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/me", &token("real")).await?, "secret");
    let kept = client.get("/me", &token("real")).await?;
    assert!(cache_status(&kept).contains("hit"), "{}", cache_status(&kept));
    assert_eq!(client.get("/me", &token("forged")).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn credentials_without_the_claim_are_told_apart() -> Result<()> {
    let route =
        "match: \"GET /me\", cache: { ttl: 1h, key: [ path, \"jwt:sub\" ], allow: [ authorization ] }";
    let (_upstream, banyan) = kept_by(&[route], |request| {
        Reply::new(200).body(request.fields.get("authorization").unwrap_or("nobody").to_owned()).into()
    })
    .await?;
    let mut client = banyan.client().await?;
    for _ in 0..2 {
        for name in ["Bearer x", "Bearer y", "Basic x", "Bearer a.b.c"] {
            assert_eq!(text(&mut client, "/me", &format!("Authorization: {name}\r\n")).await?, name);
        }
        assert_eq!(text(&mut client, "/me", "").await?, "nobody");
    }
    Ok(())
}

/// Only what RFC 3986 section 6.2.2 calls the same for everybody is one address. What upstreams may read in different ways,
/// such as dots, empty segments and encoded slashes, is kept apart: nobody puts one answer in the place of another.
#[tokio::test]
async fn addresses_that_an_upstream_may_tell_apart_are_told_apart() -> Result<()> {
    let (_upstream, banyan) = kept(|request| reply(200, &[HOUR]).body(request.target.clone()).into()).await?;
    let mut client = banyan.client().await?;
    for target in [
        "/x",
        "/X",
        "/x/",
        "//x",
        "/x//",
        "/./x",
        "/x/.",
        "/a/../x",
        "/a/..//x",
        "/a/..%2Fx",
        "/a%2F..%2Fx",
        "/x;a",
        "/x%3Ba",
        "/x%2F",
        "/x%3Fa",
        "/x%23",
        "/x%5C",
        "/x%00",
        "/x?a",
        "/x?a=",
        "/x?%26",
    ] {
        let answer = client.get(target, "").await?;
        ensure!(answer.status == 400 || answer.text() == target, "{target} is given as {}", answer.text());
        if answer.status == 400 {
            client = banyan.client().await?;
        }
    }
    for (target, same) in [
        ("/%78", "/x"),
        ("/a/%2e%2E/x", "/a/../x"),
        ("/a/..%2fx", "/a/..%2Fx"),
        ("/x?%61", "/x?a"),
        ("/x%3ba", "/x%3Ba"),
    ] {
        assert_eq!(text(&mut client, target, "").await?, same);
    }
    Ok(())
}

/// Some servers encode what they send and forget to say that it depends on who asks (nginx without `gzip_vary`). Who cannot
/// read it is not given it.
#[tokio::test]
async fn what_is_encoded_is_only_for_those_who_can_read_it() -> Result<()> {
    let (upstream, banyan) = kept(|request| match request.fields.get("accept-encoding") {
        Some(_) => reply(200, &[HOUR, ("Content-Encoding", "gzip")]).body("encoded").into(),
        None => reply(200, &[HOUR]).body("plain").into(),
    })
    .await?;
    let mut client = banyan.client().await?;
    for (fields, body) in [("Accept-Encoding: gzip\r\n", "encoded"), ("Accept-Encoding: gzip\r\n", "encoded")]
    {
        assert_eq!(text(&mut client, "/", fields).await?, body);
    }
    assert_eq!(upstream.requests().len(), 1);
    assert_eq!(text(&mut client, "/", "").await?, "plain");
    Ok(())
}
