//! Validation: of what is kept by the upstream, and of what clients have by what is kept.

use anyhow::{Result, ensure};
use banyan_testkit::{Answer, Reply, eventually};

use super::kit::{Counts, HOUR, becomes, cache_status, kept, reply, send, text, whole};

const LAST: (&str, &str) = ("Last-Modified", "Wed, 17 Aug 2050 02:00:00 GMT");

#[tokio::test]
async fn s4_3_2_who_has_what_is_kept_is_told_so_without_asking() -> Result<()> {
    let (upstream, banyan) = kept(|_| {
        reply(200, &[HOUR, ("ETag", "\"a\""), LAST, ("Content-Location", "/c"), ("Content-Language", "de")])
            .body("body")
            .into()
    })
    .await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/", "").await?, "body");
    for (condition, status) in [
        ("If-None-Match: \"a\"", 304),
        ("If-None-Match: W/\"a\"", 304),
        ("If-None-Match: \"0\", \"a\", \"1\"", 304),
        ("If-None-Match: \"0\"\r\nIf-None-Match: \"a\"", 304),
        ("If-None-Match: *", 304),
        ("If-None-Match: \"b\"", 200),
        ("If-Modified-Since: Wed, 17 Aug 2050 02:00:00 GMT", 304),
        ("If-Modified-Since: Wednesday, 17-Aug-50 02:00:00 GMT", 304),
        ("If-Modified-Since: Thu, 18 Aug 2050 02:00:00 GMT", 304),
        ("If-Modified-Since: Tue, 16 Aug 2050 02:00:00 GMT", 200),
        ("If-Modified-Since: yesterday", 200),
        // Section 13.1.3 of RFC 9110: with both, only the first counts.
        ("If-None-Match: \"b\"\r\nIf-Modified-Since: Thu, 18 Aug 2050 02:00:00 GMT", 200),
        ("If-None-Match: \"a\"\r\nIf-Modified-Since: Tue, 16 Aug 2050 02:00:00 GMT", 304),
    ] {
        let response = client.get("/", &format!("{condition}\r\n")).await?;
        assert_eq!(response.status, status, "{condition}");
        let has = |name| response.fields.get(name).is_some();
        assert!(has("etag") && has("cache-control") && has("date") && has("content-location"), "{condition}");
        assert_eq!(
            (response.text().as_str(), has("content-language")),
            if status == 304 { ("", false) } else { ("body", true) }
        );
    }
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// What was said of it last counts from now on (section 3.2), but what is about the bytes stays with them.
#[tokio::test]
async fn s4_3_4_what_still_holds_is_kept_on_with_the_fields_of_the_304() -> Result<()> {
    let counts = Counts::default();
    let (upstream, banyan) = kept(move |request| match counts.next(request) {
        0 => {
            reply(200, &[("Cache-Control", "max-age=60"), ("Age", "60"), ("ETag", "\"a\""), ("X-Old", "old")])
                .field("X-New", "old")
                .field("Content-Type", "text/plain")
                .body("body")
                .into()
        }
        _ => {
            reply(304, &[HOUR, ("ETag", "\"a\""), ("X-New", "new"), ("Content-Length", "9")]).bare("").into()
        }
    })
    .await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/", "").await?, "body");
    for _ in 0..2 {
        let response = client.get("/", "").await?;
        assert_eq!((response.status, response.text().as_str()), (200, "body"));
        let field = |name| response.fields.get(name);
        assert_eq!((field("x-new"), field("x-old")), (Some("new"), Some("old")));
        assert_eq!((field("cache-control"), field("content-length")), (Some("max-age=3600"), Some("4")));
    }
    let came = upstream.requests();
    assert_eq!((came.len(), came[1].fields.get("if-none-match")), (2, Some("\"a\"")));
    Ok(())
}

#[tokio::test]
async fn s4_3_4_a_304_about_another_version_is_asked_about_again() -> Result<()> {
    let counts = Counts::default();
    let (upstream, banyan) = kept(move |request| match counts.next(request) {
        0 => reply(200, &[("Cache-Control", "no-cache"), ("ETag", "\"a\"")]).body("old").into(),
        1 => reply(304, &[("ETag", "\"b\"")]).bare("").into(),
        _ => reply(200, &[HOUR, ("ETag", "\"b\"")]).body("new").into(),
    })
    .await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/", "").await?, "old");
    assert_eq!(text(&mut client, "/", "").await?, "new");
    assert_eq!(text(&mut client, "/", "").await?, "new");
    let came = upstream.requests();
    assert_eq!((came.len(), came[2].fields.get("if-none-match")), (3, None));
    Ok(())
}

/// A client's own condition never decides what is fetched for everybody.
#[tokio::test]
async fn s4_3_1_a_condition_of_the_first_one_does_not_keep_the_whole_from_the_others() -> Result<()> {
    let (upstream, banyan) = kept(|_| reply(200, &[HOUR, ("ETag", "\"a\"")]).body("body").into()).await?;
    let mut client = banyan.client().await?;
    let first = client.get("/", "If-None-Match: \"a\"\r\n").await?;
    assert_eq!((first.status, first.text().as_str()), (304, ""));
    becomes(&banyan, "/", "body").await?;
    let came = upstream.requests();
    assert_eq!((came.len(), came[0].fields.get("if-none-match")), (1, None));
    Ok(())
}

/// Conditions that only the upstream can judge are for the upstream.
#[tokio::test]
async fn preconditions_of_writers_reach_the_upstream() -> Result<()> {
    let (upstream, banyan) = kept(|request| {
        let fails = request.fields.get("if-match").or(request.fields.get("if-unmodified-since")).is_some();
        reply(if fails { 412 } else { 200 }, &[HOUR, ("ETag", "\"a\"")]).body("body").into()
    })
    .await?;
    let mut client = banyan.client().await?;
    text(&mut client, "/", "").await?;
    for condition in ["If-Match: \"b\"", "If-Unmodified-Since: Thu, 18 Aug 1990 02:00:00 GMT"] {
        assert_eq!(client.get("/", &format!("{condition}\r\n")).await?.status, 412, "{condition}");
    }
    assert_eq!(text(&mut client, "/", "").await?, "body");
    assert_eq!(upstream.requests().len(), 3);
    Ok(())
}

#[tokio::test]
async fn what_may_not_be_kept_is_still_answered_by_304_to_who_has_it() -> Result<()> {
    let (_upstream, banyan) = kept(|request| {
        let fields = [("Cache-Control", "private, no-cache"), ("ETag", "\"a\"")];
        match request.fields.get("if-none-match") {
            Some("\"a\"") => reply(304, &fields).bare("").into(),
            _ => reply(200, &fields).body("body").into(),
        }
    })
    .await?;
    let mut client = banyan.client().await?;
    for _ in 0..3 {
        assert_eq!(text(&mut client, "/", "").await?, "body");
        let response = client.get("/", "If-None-Match: \"a\"\r\n").await?;
        assert_eq!((response.status, response.text().as_str()), (304, ""));
    }
    Ok(())
}

#[tokio::test]
async fn head_is_answered_from_what_get_has_kept() -> Result<()> {
    let (upstream, banyan) =
        kept(|request| whole(request, reply(200, &[HOUR, ("ETag", "\"a\""), ("X-A", "b")]), "body")).await?;
    let mut client = banyan.client().await?;
    let got = client.get("/", "").await?;
    let head = send(&mut client, "HEAD", "/", "").await?;
    assert_eq!((head.status, head.text().as_str()), (200, ""));
    for name in ["content-length", "etag", "x-a", "date", "cache-control"] {
        assert_eq!(head.fields.get(name), got.fields.get(name), "{name}");
    }
    assert_eq!(send(&mut client, "HEAD", "/", "If-None-Match: \"a\"\r\n").await?.status, 304);
    // The connection still knows where the next answer begins.
    assert_eq!(text(&mut client, "/", "").await?, "body");
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// Section 4.3.5 of RFC 9111: a head that differs says that the rest does too.
#[tokio::test]
async fn s4_3_5_an_answer_to_head_that_differs_ends_what_is_kept() -> Result<()> {
    let counts = Counts::default();
    let (upstream, banyan) = kept(move |request| match counts.next(request) {
        0 => whole(request, reply(200, &[HOUR, ("ETag", "\"a\"")]), "old"),
        _ => whole(request, reply(200, &[HOUR, ("ETag", "\"b\"")]), "other"),
    })
    .await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/", "").await?, "old");
    let head = send(&mut client, "HEAD", "/", "Cache-Control: no-cache\r\n").await?;
    assert_eq!(head.fields.get("etag"), Some("\"b\""));
    assert_eq!(text(&mut client, "/", "").await?, "other");
    let methods: Vec<String> = upstream.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["GET", "HEAD", "GET"]);
    Ok(())
}

/// Nothing is made up from it: it has no body.
#[tokio::test]
async fn an_answer_to_head_is_not_kept_for_get() -> Result<()> {
    let (upstream, banyan) = kept(|request| whole(request, reply(200, &[HOUR]), "body")).await?;
    let mut client = banyan.client().await?;
    assert_eq!(send(&mut client, "HEAD", "/", "").await?.fields.get("content-length"), Some("4"));
    assert_eq!(text(&mut client, "/", "").await?, "body");
    assert_eq!(upstream.requests().len(), 2);
    Ok(())
}

#[tokio::test]
async fn answers_say_how_old_they_are_and_where_they_come_from() -> Result<()> {
    let (_upstream, banyan) =
        kept(|_| reply(200, &[HOUR, ("Age", "30"), ("Expires", "0")]).body("body").into()).await?;
    let mut client = banyan.client().await?;
    let first = client.get("/", "").await?;
    assert_eq!(first.fields.all("age").collect::<Vec<_>>(), ["30"]);
    let status = cache_status(&first);
    assert!(status.starts_with("banyan; fwd=uri-miss") && status.contains("stored"), "{status}");
    let second = client.get("/", "").await?;
    let ages: Vec<u64> = second.fields.all("age").filter_map(|age| age.parse().ok()).collect();
    assert!(ages.len() == 1 && (30..60).contains(&ages[0]), "{ages:?}");
    let status = cache_status(&second);
    assert!(status.starts_with("banyan; hit; ttl=35"), "{status}");
    for name in ["date", "expires", "cache-control"] {
        assert_eq!(first.fields.get(name), second.fields.get(name), "{name} is the upstream's");
    }
    Ok(())
}

/// Fields of a connection are not the answer's (section 3.1).
#[tokio::test]
async fn s3_1_fields_of_the_connection_and_named_ones_are_not_kept() -> Result<()> {
    let (_upstream, banyan) = kept(|_| {
        reply(
            200,
            &[HOUR, ("Connection", "X-Mine"), ("X-Mine", "1"), ("Keep-Alive", "timeout=5"), ("X-Yours", "2")],
        )
        .field("Proxy-Authentication-Info", "x")
        .body("body")
        .into()
    })
    .await?;
    let mut client = banyan.client().await?;
    text(&mut client, "/", "").await?;
    let kept = client.get("/", "").await?;
    assert!(cache_status(&kept).contains("hit"), "{}", cache_status(&kept));
    for name in ["x-mine", "keep-alive", "proxy-authentication-info"] {
        assert_eq!(kept.fields.get(name), None, "{name}");
    }
    assert_eq!(kept.fields.get("x-yours"), Some("2"));
    Ok(())
}

/// RFC 9111 section 5.2.2.4: fields that `no-cache` names are given only when the upstream has just said them.
#[tokio::test]
async fn s5_2_2_4_fields_that_must_be_asked_for_are_not_kept() -> Result<()> {
    let (upstream, banyan) = kept(|_| {
        reply(200, &[("Cache-Control", "max-age=3600, no-cache=\"x-a, x-b\", private=x-c")])
            .field("X-A", "1")
            .field("X-B", "2")
            .field("X-C", "3")
            .field("X-D", "4")
            .body("body")
            .into()
    })
    .await?;
    let mut client = banyan.client().await?;
    assert_eq!(client.get("/", "").await?.fields.get("x-a"), Some("1"));
    let kept = client.get("/", "").await?;
    let field = |name| kept.fields.get(name);
    assert_eq!((field("x-a"), field("x-b"), field("x-c"), field("x-d")), (None, None, None, Some("4")));
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn informational_answers_are_not_taken_for_the_final_one() -> Result<()> {
    let (upstream, banyan) = kept(|_| {
        let early = Reply::new(103).field("Link", "</a.css>; rel=preload").bare("");
        Answer::new().reply(early).reply(reply(200, &[HOUR]).body("body"))
    })
    .await?;
    let mut client = banyan.client().await?;
    for _ in 0..2 {
        let answer = client.get("/", "").await?;
        assert_eq!((answer.status, answer.text().as_str(), answer.fields.get("link")), (200, "body", None));
    }
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// However alike the questions are, each answer says how old it is by then.
#[tokio::test]
async fn the_age_grows_from_one_use_to_the_next() -> Result<()> {
    let (upstream, banyan) = kept(|_| reply(200, &[HOUR]).body("body").into()).await?;
    let mut client = banyan.client().await?;
    text(&mut client, "/", "").await?;
    let mut ages = std::collections::BTreeSet::new();
    eventually(async || {
        let answer = client.get("/", "").await?;
        let age: u64 = answer.fields.get("age").unwrap_or("0").parse()?;
        let ttl = cache_status(&answer).rsplit_once("ttl=").map(|(_, ttl)| ttl.parse::<u64>());
        assert!(ttl.is_none_or(|ttl| ttl == Ok(3600 - age)), "{age} {}", cache_status(&answer));
        ages.insert(age);
        ensure!(ages.len() >= 3, "{ages:?}");
        Ok(())
    })
    .await?;
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// Section 4.3.5 of RFC 9111: a head that names the kept version says that it still holds. One that names none says nothing.
#[tokio::test]
async fn s4_3_5_an_answer_to_head_that_agrees_keeps_what_is_kept_fresh() -> Result<()> {
    let counts = Counts::default();
    let (upstream, banyan) = kept(move |request| match (counts.next(request), request.target.as_str()) {
        (0, _) => whole(request, reply(200, &[("Cache-Control", "max-age=0"), ("ETag", "\"a\"")]), "body"),
        (1, "/same") => whole(request, reply(200, &[HOUR, ("ETag", "\"a\""), ("X-A", "head")]), "body"),
        (1, "/own") => {
            let own = [("Cache-Control", "private, max-age=60"), ("ETag", "\"a\""), ("X-A", "head")];
            whole(request, reply(200, &own), "body")
        }
        (1, _) => whole(request, reply(200, &[HOUR, ("X-A", "head")]), "body"),
        _ => whole(request, reply(200, &[HOUR, ("ETag", "\"a\"")]), "new"),
    })
    .await?;
    let mut client = banyan.client().await?;
    for (target, body, field) in
        [("/same", "body", Some("head")), ("/other", "new", None), ("/own", "new", None)]
    {
        assert_eq!(text(&mut client, target, "").await?, "body");
        assert_eq!(send(&mut client, "HEAD", target, "").await?.fields.get("x-a"), Some("head"));
        let answer = client.get(target, "").await?;
        assert_eq!((answer.text().as_str(), answer.fields.get("x-a")), (body, field), "{target}");
    }
    assert_eq!(upstream.requests().len(), 8);
    Ok(())
}
