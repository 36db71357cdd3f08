//! What a write makes untrue is not given any more: RFC 9111 section 4.4, RFC 9875, and what routes say.

use anyhow::Result;
use banyan_testkit::{Answer, Banyan, Received, Scripted};

use super::kit::{Counts, HOUR, cache_status, kept, kept_by, reply, send, text, whole};

/// Reads are numbered; writes are answered by `status` and what stands in their `X-Answer`, a field and its value.
fn store() -> impl Fn(&Received) -> Answer + Send + Sync + 'static {
    let counts = Counts::default();
    move |request| {
        if matches!(request.method.as_str(), "GET" | "HEAD") {
            let more: Vec<(&str, &str)> =
                request.fields.all("x-say").filter_map(|field| field.split_once('=')).collect();
            let fields = [&[HOUR], more.as_slice()].concat();
            return whole(request, reply(200, &fields), &counts.next(request).to_string());
        }
        let status = request.fields.get("x-status").and_then(|status| status.parse().ok()).unwrap_or(200);
        let more: Vec<(&str, &str)> =
            request.fields.all("x-say").filter_map(|field| field.split_once('=')).collect();
        reply(status, &more).into()
    }
}

/// Whether what lies at a target is still given after a request.
async fn outlives(target: &str, method: &str, written: &str, fields: &str) -> Result<bool> {
    let (_upstream, banyan) = kept(store()).await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, target, "").await?, "0");
    assert_eq!(text(&mut client, target, "").await?, "0");
    send(&mut client, method, written, fields).await?;
    Ok(text(&mut client, target, "").await? == "0")
}

#[tokio::test]
async fn s4_4_a_write_that_succeeded_ends_what_is_kept_of_its_target() -> Result<()> {
    for method in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO"] {
        assert!(!outlives("/a", method, "/a", "").await?, "{method}");
    }
    assert!(!outlives("/a?b=c", "POST", "/a?b=c", "").await?, "with its query");
    assert!(!outlives("/a", "POST", "/a", "X-Status: 302\r\n").await?, "a redirect is a success too");
    assert!(!outlives("/a", "PUT", "/b/../a", "").await?, "however it is written");
    Ok(())
}

#[tokio::test]
async fn s4_4_what_failed_reads_or_goes_elsewhere_ends_nothing() -> Result<()> {
    for status in [400, 404, 409, 500, 503] {
        assert!(outlives("/a", "POST", "/a", &format!("X-Status: {status}\r\n")).await?, "{status}");
    }
    assert!(outlives("/a", "POST", "/b", "").await?, "another path");
    assert!(outlives("/a?b=c", "POST", "/a?b=d", "").await?, "another query");
    assert!(outlives("/a", "OPTIONS", "/a", "").await?, "it is safe");
    Ok(())
}

#[tokio::test]
async fn s4_4_where_a_write_says_it_went_is_ended_too_on_the_same_origin() -> Result<()> {
    for name in ["Location", "Content-Location"] {
        let say = |to: &str| format!("X-Status: 201\r\nX-Say: {name}={to}\r\n");
        assert!(!outlives("/new", "POST", "/a", &say("/new")).await?, "{name}");
        assert!(!outlives("/b/new", "POST", "/b/a", &say("new")).await?, "{name}, relative");
        assert!(!outlives("/new", "POST", "/a", &say("http://test.example/new")).await?, "{name}, absolute");
        assert!(outlives("/new", "POST", "/a", &say("http://other.example/new")).await?, "{name}, elsewhere");
        assert!(
            outlives("/new", "POST", "/a", &say("https://test.example/new")).await?,
            "{name}, another scheme"
        );
    }
    Ok(())
}

#[tokio::test]
async fn s4_4_all_variants_and_the_answers_to_head_go_together() -> Result<()> {
    let (_upstream, banyan) = kept(store()).await?;
    let mut client = banyan.client().await?;
    let mut seen = Vec::new();
    for round in 0..2 {
        for language in ["de", "en", "fr"] {
            let fields = format!("X-Say: Vary=Accept-Language\r\nAccept-Language: {language}\r\n");
            seen.push(text(&mut client, "/a", &fields).await?);
            assert_eq!(text(&mut client, "/a", &fields).await?, *seen.last().unwrap());
        }
        if round == 0 {
            send(&mut client, "DELETE", "/a", "").await?;
        }
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5"]);
    Ok(())
}

#[tokio::test]
async fn a_write_to_another_host_ends_nothing_here() -> Result<()> {
    let (_upstream, banyan) = kept(store()).await?;
    let mut client = banyan.client().await?;
    text(&mut client, "/a", "").await?;
    client.write("DELETE /a HTTP/1.1\r\nHost: other.example\r\n\r\n").await?;
    client.read_response("DELETE").await?;
    assert_eq!(text(&mut client, "/a", "").await?, "0");
    Ok(())
}

const TAGGED: &[&str] = &[
    "match: \"GET /users/{id}\", cache: { ttl: 1h, jitter: 0%, tags: [ \"user:{id}\", users ] }",
    "match: \"GET /teams/{team}/of/{id}\", cache: { ttl: 1h, jitter: 0%, tags: [ \"user:{id}\" ] }",
    "match: \"PUT /users/{id}\", invalidates: [ \"user:{id}\" ]",
    "match: \"POST /import\", invalidates: [ users ]",
];

#[tokio::test]
async fn tags_of_a_write_end_what_carries_them_and_nothing_else() -> Result<()> {
    let (_upstream, banyan) = kept_by(TAGGED, store()).await?;
    let mut client = banyan.client().await?;
    let all = ["/users/1", "/users/2", "/teams/x/of/1", "/teams/x/of/2"];
    let mut round = async |expected: [&str; 4]| -> Result<()> {
        for (target, expected) in all.into_iter().zip(expected) {
            assert_eq!(text(&mut client, target, "").await?, expected, "{target}");
        }
        Ok(())
    };
    let mut writer = banyan.client().await?;
    round(["0", "0", "0", "0"]).await?;
    send(&mut writer, "PUT", "/users/1", "X-Status: 500\r\n").await?;
    round(["0", "0", "0", "0"]).await?;
    send(&mut writer, "PUT", "/users/1", "").await?;
    round(["1", "0", "1", "0"]).await?;
    send(&mut writer, "POST", "/import", "").await?;
    round(["2", "1", "1", "0"]).await?;
    Ok(())
}

/// RFC 9875: an answer names its groups, and a write the groups that it made untrue. Groups are an origin's own.
#[tokio::test]
async fn cache_groups_end_together() -> Result<()> {
    let (_upstream, banyan) = kept(store()).await?;
    let mut client = banyan.client().await?;
    let grouped = "X-Say: Cache-Groups=\"shop\", \"news\"\r\n";
    assert_eq!(text(&mut client, "/a", grouped).await?, "0");
    assert_eq!(text(&mut client, "/b", "X-Say: Cache-Groups=\"Shop\"\r\n").await?, "0");
    client.write(format!("GET /a HTTP/1.1\r\nHost: other.example\r\n{grouped}\r\n")).await?;
    assert_eq!(client.read_response("GET").await?.text(), "1");
    send(&mut client, "POST", "/c", "X-Say: Cache-Group-Invalidation=\"shop\"\r\n").await?;
    assert_eq!(text(&mut client, "/a", grouped).await?, "2", "it is of the group");
    assert_eq!(text(&mut client, "/b", "").await?, "0", "names are sensitive to case");
    client.write("GET /a HTTP/1.1\r\nHost: other.example\r\n\r\n").await?;
    assert_eq!(client.read_response("GET").await?.text(), "1", "another origin");
    Ok(())
}

#[tokio::test]
async fn a_read_that_claims_to_invalidate_does_not() -> Result<()> {
    let (_upstream, banyan) = kept(store()).await?;
    let mut client = banyan.client().await?;
    text(&mut client, "/a", "X-Say: Cache-Groups=\"shop\"\r\n").await?;
    text(&mut client, "/b", "X-Say: Cache-Group-Invalidation=\"shop\"\r\n").await?;
    assert_eq!(text(&mut client, "/a", "").await?, "0");
    Ok(())
}

/// What an answer calls itself in `Surrogate-Key` can be named by a write of a route.
#[tokio::test]
async fn surrogate_keys_are_tags() -> Result<()> {
    let routes = ["match: \"POST /publish/{name}\", invalidates: [ \"{name}\" ]"];
    let (_upstream, banyan) = kept_by(&routes, store()).await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/a", "X-Say: Surrogate-Key=home article-7\r\n").await?, "0");
    assert_eq!(text(&mut client, "/b", "X-Say: Surrogate-Key=article-77\r\n").await?, "0");
    send(&mut client, "POST", "/publish/article-7", "").await?;
    assert_eq!(text(&mut client, "/a", "").await?, "1");
    assert_eq!(text(&mut client, "/b", "").await?, "0");
    Ok(())
}

/// Who wrote finds what they wrote: a fetch that began before the write is not what is kept after it.
#[tokio::test]
async fn an_answer_that_was_under_way_during_a_write_is_not_kept() -> Result<()> {
    let gate = banyan_testkit::Gate::new();
    let (waits, counts) = (gate.clone(), Counts::default());
    let upstream = Scripted::start(move |request| match (request.method.as_str(), counts.next(request)) {
        ("GET", 0) => Answer::new().wait(&waits).reply(reply(200, &[HOUR]).body("before")),
        ("GET", _) => reply(200, &[HOUR]).body("after").into(),
        _ => reply(204, &[]).bare("").into(),
    })
    .await?;
    let banyan: Banyan = super::kit::keeping(&upstream.url(), &[]).await?;
    let (mut early, mut writer) = (banyan.client().await?, banyan.client().await?);
    early.write("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await?;
    upstream.wait_for_requests(1).await?;
    assert_eq!(send(&mut writer, "PUT", "/a", "").await?.status, 204);
    // It does not join the fetch from before its write either.
    assert_eq!(text(&mut writer, "/a", "").await?, "after");
    gate.open();
    assert_eq!(early.read_response("GET").await?.text(), "before");
    for _ in 0..2 {
        let response = writer.get("/a", "").await?;
        assert_eq!(response.text(), "after", "{}", cache_status(&response));
    }
    Ok(())
}

/// One address is written in many ways, and a write ends what was kept by another way of writing it.
#[tokio::test]
async fn s4_4_a_write_ends_what_is_kept_however_its_address_is_written() -> Result<()> {
    for (target, written) in
        [("/a%2fb", "/a%2Fb"), ("/a%2Fb", "/a%2fb"), ("/a?%61=1", "/a?a=1"), ("/a?b=%2f", "/a?b=%2F")]
    {
        assert!(!outlives(target, "POST", written, "").await?, "{written} and {target}");
    }
    assert!(outlives("/a%2Fb", "POST", "/a/b", "").await?, "these are two addresses");
    Ok(())
}

/// Where the key takes some of the query, several addresses have one answer, and a write to any of them ends it.
#[tokio::test]
async fn a_write_ends_what_was_kept_by_some_of_its_query() -> Result<()> {
    let (_upstream, banyan) =
        kept_by(&["match: \"GET /a\", cache: { ttl: 1h, key: [ path, \"query:lang\" ] }"], store()).await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/a?lang=de&from=mail", "").await?, "0");
    let kept = client.get("/a?lang=de", "").await?;
    assert_eq!(kept.text(), "0");
    assert!(cache_status(&kept).contains("hit"), "{}", cache_status(&kept));
    send(&mut client, "POST", "/a?lang=de", "").await?;
    let fetched = client.get("/a?lang=de", "").await?;
    assert!(!cache_status(&fetched).contains("hit"), "{}", cache_status(&fetched));
    Ok(())
}

/// Names from 0 on, as a list of strings or separated by blanks.
fn names(count: usize, separator: &str, quote: &str) -> String {
    (0..count).map(|name| format!("{quote}g{name}{quote}")).collect::<Vec<_>>().join(separator)
}

/// It would outlive the invalidation of some of them, and nobody could tell why.
#[tokio::test]
async fn what_has_more_tags_than_are_looked_at_is_not_kept() -> Result<()> {
    let (_upstream, banyan) = kept(store()).await?;
    let mut client = banyan.client().await?;
    for (target, field, is_kept) in [
        ("/a", format!("Cache-Groups={}", names(128, ", ", "\"")), true),
        ("/b", format!("Cache-Groups={}", names(129, ", ", "\"")), false),
        ("/c", format!("Surrogate-Key={}", names(128, " ", "")), true),
        ("/d", format!("Surrogate-Key={}", names(129, " ", "")), false),
    ] {
        let field = format!("X-Say: {field}\r\n");
        text(&mut client, target, &field).await?;
        let again = client.get(target, &field).await?;
        assert_eq!(cache_status(&again).contains("hit"), is_kept, "{target}: {}", cache_status(&again));
    }
    Ok(())
}

/// A write that names more groups than are looked at means them all the same: all of its origin is ended.
#[tokio::test]
async fn a_write_that_names_too_many_groups_ends_all_of_its_origin_and_no_other() -> Result<()> {
    let (_upstream, banyan) = kept(store()).await?;
    let mut client = banyan.client().await?;
    let grouped = "X-Say: Cache-Groups=\"g7\"\r\n";
    assert_eq!(text(&mut client, "/a", grouped).await?, "0");
    client.write(format!("GET /a HTTP/1.1\r\nHost: other.example\r\n{grouped}\r\n")).await?;
    assert_eq!(client.read_response("GET").await?.text(), "1");
    let say = format!("X-Say: Cache-Group-Invalidation={}\r\n", names(200, ", ", "\""));
    send(&mut client, "POST", "/c", &say).await?;
    assert_eq!(text(&mut client, "/a", grouped).await?, "2");
    client.write("GET /a HTTP/1.1\r\nHost: other.example\r\n\r\n").await?;
    assert_eq!(client.read_response("GET").await?.text(), "1", "another origin");
    Ok(())
}
