//! The cache: what is shown, thrown away and asked for.

use banyan_state::CacheUrl;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{bench::Bench, fake_cache::KEPT};
use crate::{Purge, WarmRefused};

const PURGE: &str = "/v1/cache/purge";
const WARM: &str = "/v1/cache/warm";

fn entries(url: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    format!("/v1/cache/entries?url={}", url.bytes().map(escape).collect::<String>())
}

fn url(target: &str) -> CacheUrl {
    CacheUrl { host: "a.example".to_owned(), target: target.to_owned(), secure: false }
}

#[tokio::test]
async fn how_full_it_is_is_shown() {
    let bench = Bench::new();
    let mut expected = json!({
        "memory": 67_108_864, "used": 33_554_432, "items": 1200, "evictions": 7,
        "stored": { "complete": 900, "degraded": 3, "negative": 40 }, "fetches": 2, "held": 4096, "invalidated": 5,
        "second": { "counts": { "hit": 30, "miss": 10 }, "queued": 1 }, "warming": null
    });
    assert_eq!(bench.get("/v1/cache").await, expected);
    bench.data_plane.cache.is_at(9, 4, true);
    bench.data_plane.cache.status.lock().unwrap().as_mut().unwrap().second = None;
    expected["second"] = Value::Null;
    expected["warming"] = json!({ "running": true, "total": 9, "done": 3, "failed": 1, "skipped": 0 });
    assert_eq!(bench.get("/v1/cache").await, expected);
}

#[tokio::test]
async fn kept_answers_are_shown_without_what_they_may_say_about_somebody() {
    let bench = Bench::new();
    let expected = json!([{
        "url": KEPT, "upstream": "users", "status": 200, "kind": "degraded", "missing": "/name", "age": 12.3, "ttl": -3,
        "took": 0.12, "weight": 2048, "body": 1000, "vary": ["accept-language"],
        "headers": [{ "name": "cache-control", "value": "max-age=60" }, { "name": "x-user", "value": null }]
    }]);
    assert_eq!(bench.get(&entries(KEPT)).await, expected);
    assert_eq!(bench.get(&entries("https://A.EXAMPLE/users/7?lang=en")).await, expected);
    assert_eq!(bench.get(&entries("http://a.example/other")).await, json!([]));
    let refused = bench.ask(Method::GET, &entries("a.example/users/7"), None).await;
    assert!(refused.detail(400, "invalid-request").contains("beginning with http://"));
    bench.ask(Method::GET, "/v1/cache/entries", None).await.problem(400, "invalid-request");
}

#[tokio::test]
async fn exactly_what_was_named_is_thrown_away() {
    let bench = Bench::new();
    for (body, purge, shared) in [
        (json!({ "url": "http://A.example:80/x?y" }), Purge::Url(url("/x?y")), "told"),
        (json!({ "tag": "user:7" }), Purge::Tag("user:7".to_owned()), "told"),
        (
            json!({ "pattern": "a.example/users/*" }),
            Purge::Pattern("a.example/users/*".to_owned()),
            "emptied",
        ),
        (json!({ "all": true, "by": "ada", "why": "wrong prices" }), Purge::All, "emptied"),
    ] {
        let answer = bench.post_json(PURGE, body).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "purged": 17, "shared": shared })));
        assert_eq!(bench.data_plane.cache.purged.lock().unwrap().pop(), Some(purge));
    }
    bench.data_plane.cache.status.lock().unwrap().as_mut().unwrap().second = None;
    let answer = bench.post_json(PURGE, json!({ "all": true })).await;
    assert_eq!(answer.json(), json!({ "purged": 17, "shared": null }));
}

#[tokio::test]
async fn nothing_is_thrown_away_when_it_is_not_clear_what_is_meant() {
    let bench = Bench::new();
    for (body, expected) in [
        (json!({}), "exactly one of"),
        (json!({ "url": KEPT, "all": true }), "exactly one of"),
        (json!({ "tag": "a", "pattern": "a" }), "exactly one of"),
        (json!({ "all": false }), "nothing is meant"),
        (json!({ "all": "yes" }), "expected a boolean"),
        (json!({ "url": "/users/7" }), "beginning with http://"),
        (json!({ "tag": "" }), "'tag' is empty"),
        (json!({ "pattern": "" }), "'pattern' is empty"),
        (json!({ "pattern": "HTTP://a.example/*" }), "remove the scheme"),
        (json!({ "tag": "a\nb" }), "control characters"),
        (json!({ "tag": "x".repeat(8193) }), "longer than anything"),
        (json!({ "tag": "a", "why": "x".repeat(1001) }), "more than 1000 characters"),
        (json!({ "tag": "a", "host": "b" }), "unknown field"),
    ] {
        let detail = bench.post_json(PURGE, body.clone()).await.detail(400, "invalid-request");
        assert!(detail.contains(expected), "{body}: {detail}");
    }
    assert_eq!(*bench.data_plane.cache.purged.lock().unwrap(), []);
}

#[tokio::test]
async fn urls_are_asked_for_and_progress_is_told() {
    let bench = Bench::new();
    let zero = json!({ "running": false, "total": 0, "done": 0, "failed": 0, "skipped": 0 });
    assert_eq!(bench.get(WARM).await, zero);
    let answer = bench.post_json(WARM, json!({ "urls": ["http://a.example/1", "http://A.example/2"] })).await;
    let begun = json!({ "running": true, "total": 2, "done": 0, "failed": 0, "skipped": 0 });
    assert_eq!((answer.status, answer.json()), (StatusCode::ACCEPTED, begun.clone()));
    assert_eq!(bench.get(WARM).await, begun);
    let answer =
        bench.post_json(WARM, json!({ "urls": ["http://a.example/3"], "rate": 500, "by": "ada" })).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let expected = [(vec![url("/1"), url("/2")], 20), (vec![url("/3")], 500)];
    assert_eq!(*bench.data_plane.cache.warmed.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_list_with_anything_wrong_in_it_is_refused_as_a_whole() {
    let bench = Bench::new();
    let bad =
        json!({ "urls": ["http://a.example/", "a.example/1", "http://a.example/2", "http://a.example/a b"] });
    let detail = bench.post_json(WARM, bad).await.detail(400, "invalid-request");
    for said in ["nothing was asked for", "urls[1] 'a.example/1'", "urls[3] 'http://a.example/a b'"] {
        assert!(detail.contains(said), "{detail}");
    }
    let detail = bench.post_json(WARM, json!({ "urls": vec!["x"; 50] })).await.detail(400, "invalid-request");
    assert!(detail.contains("urls[19]") && detail.ends_with("and 30 more"), "{detail}");
    for (body, expected) in [
        (json!({}), "missing field `urls`"),
        (json!({ "urls": [] }), "has 0 entries"),
        (json!({ "urls": [KEPT], "rate": 0 }), "from 1 to 10000"),
        (json!({ "urls": [KEPT], "rate": 10_001 }), "from 1 to 10000"),
        (json!({ "urls": [KEPT], "speed": 1 }), "unknown field"),
    ] {
        let detail = bench.post_json(WARM, body.clone()).await.detail(400, "invalid-request");
        assert!(detail.contains(expected), "{body}: {detail}");
    }
    assert_eq!(*bench.data_plane.cache.warmed.lock().unwrap(), []);
}

#[tokio::test]
async fn a_list_may_be_long_and_has_an_end() {
    let bench = Bench::new();
    let urls = |count: usize| json!({ "urls": vec!["http://a.example/articles/1234567"; count] });
    assert_eq!(bench.post_json(WARM, urls(100_000)).await.status, StatusCode::ACCEPTED);
    let detail = bench.post_json(WARM, urls(100_001)).await.detail(400, "invalid-request");
    assert!(detail.contains("100001 entries"), "{detail}");
    let huge = json!({ "urls": ["x".repeat(17 << 20)] });
    bench.post_json(WARM, huge).await.problem(413, "body");
    // Only lists may be long.
    bench.post_json(PURGE, json!({ "tag": "x".repeat(70_000) })).await.problem(413, "body");
}

#[tokio::test]
async fn one_list_at_a_time_and_none_at_the_end() {
    let bench = Bench::new();
    bench.data_plane.cache.is_at(9, 4, true);
    for (refused, status, name, said) in [
        (WarmRefused::Busy, 409, "warming", "4 of 9"),
        (WarmRefused::Draining, 503, "draining", "shutting down"),
        (WarmRefused::NoCache, 404, "no-cache", "cache: {}"),
    ] {
        *bench.data_plane.cache.refuse.lock().unwrap() = Some(refused);
        let detail = bench.post_json(WARM, json!({ "urls": [KEPT] })).await.detail(status, name);
        assert!(detail.contains(said), "{detail}");
    }
}

#[tokio::test]
async fn without_a_cache_everything_says_so() {
    let bench = Bench::new();
    *bench.data_plane.cache.status.lock().unwrap() = None;
    for path in ["/v1/cache", &entries(KEPT), WARM] {
        bench.ask(Method::GET, path, None).await.problem(404, "no-cache");
    }
    for (path, body) in [(PURGE, json!({ "all": true })), (WARM, json!({ "urls": [KEPT] }))] {
        bench.post_json(path, body).await.problem(404, "no-cache");
    }
}
