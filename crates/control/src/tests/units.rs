//! Moving units.

use axum::body::Body;
use banyan_compare::{Ids, Moment, Reply, Request, Rules, System, Triple};
use banyan_state::{
    Store,
    shadow::{DropReason, ShadowReport},
};
use http::{Method, header};
use serde_json::json;

use super::bench::{Bench, request, send};

#[tokio::test]
async fn a_unit_starts_where_the_config_says() {
    let bench = Bench::new();
    let units = bench.get("/v1/units").await;
    assert_eq!(units.as_array().unwrap().len(), 2);
    let articles = bench.ask(Method::GET, "/v1/units/articles", None).await;
    assert_eq!(articles.headers[header::ETAG], "\"0\"");
    let expected = json!({
        "name": "articles", "legacy": "legacy", "replacement": "new", "percent": "5%", "configured": "5%",
        "decided_by": "config", "held": false, "version": 0, "by": null, "why": null, "at": null,
        "counts": {
            "legacy": 0, "replacement": 0, "fallback": 0, "matched": 0, "mismatched": 0, "match_rate": null,
            "dropped": {
                "queue_full": 0, "body_too_large": 0, "timeout": 0, "failed": 0, "live_incomplete": 0,
                "encoded": 0, "breaker_open": 0, "paused": 0
            }
        }
    });
    assert_eq!(articles.json(), expected);
    assert_eq!(bench.percent("articles"), "5%");
}

#[tokio::test]
async fn a_set_share_is_live_stored_and_in_the_history() {
    let bench = Bench::new();
    let answer = bench.set("articles", "12.5%").await;
    assert_eq!((answer.status.as_u16(), &answer.headers[header::ETAG]), (200, &"\"1\"".parse().unwrap()));
    let unit = answer.json();
    assert_eq!(
        (&unit["percent"], &unit["configured"], &unit["decided_by"]),
        (&json!("12.5%"), &json!("5%"), &json!("runtime"))
    );
    assert_eq!((&unit["by"], &unit["why"], &unit["version"]), (&json!("ada"), &json!("step"), &json!(1)));
    assert_eq!(bench.percent("articles"), "12.5%");
    assert_eq!(bench.percent("users"), "0%");
    assert_eq!(bench.store.memory.units().unwrap()[0].percent.to_string(), "12.5%");
    bench.set("articles", "0%").await;
    let history = bench.get("/v1/units/articles/history?limit=1").await;
    assert_eq!(history.as_array().unwrap().len(), 1);
    assert_eq!(
        (&history[0]["version"], &history[0]["percent"], &history[0]["step"]),
        (&json!(2), &json!("0%"), &json!("set"))
    );
}

#[tokio::test]
async fn a_share_is_durable_before_it_is_live() {
    let bench = Bench::new();
    let units = bench.units.clone();
    let look = move || assert_eq!(units.get("articles").unwrap().percent().to_string(), "5%");
    *bench.store.before_change.lock().unwrap() = Some(Box::new(look));
    // The assertion panics on the thread of the store, which would end the request with 503.
    assert_eq!(bench.set("articles", "50%").await.status, 200);
    assert_eq!(bench.percent("articles"), "50%");
}

#[tokio::test]
async fn a_held_unit_only_goes_back() {
    let bench = Bench::new();
    let reason = json!({ "by": "bob", "why": "incident 7" });
    let held = bench.ask(Method::POST, "/v1/units/articles/hold", Some(reason)).await.json();
    assert_eq!((&held["held"], &held["percent"], &held["version"]), (&json!(true), &json!("5%"), &json!(1)));

    let refused = bench.set("articles", "50%").await.detail(409, "unit-held");
    let since = held["at"].as_str().unwrap();
    for part in ["by bob", since, "incident 7", "/v1/units/articles/release", "/v1/units/articles/back"] {
        assert!(refused.contains(part), "{refused}");
    }
    bench.post("/v1/units/articles/reset").await.problem(409, "unit-held");
    assert_eq!(bench.percent("articles"), "5%");

    let back = bench.post("/v1/units/articles/back").await.json();
    assert_eq!((&back["percent"], &back["held"], &back["version"]), (&json!("0%"), &json!(true), &json!(2)));
    assert_eq!(bench.percent("articles"), "0%");
    bench.set("articles", "50%").await.problem(409, "unit-held");

    let released = bench.post("/v1/units/articles/release").await.json();
    assert_eq!((&released["percent"], &released["held"]), (&json!("0%"), &json!(false)));
    assert_eq!(bench.set("articles", "50%").await.status, 200);
}

#[tokio::test]
async fn holding_twice_changes_nothing_more() {
    let bench = Bench::new();
    bench.post("/v1/units/articles/release").await;
    for _ in 0..2 {
        assert_eq!(bench.post("/v1/units/articles/hold").await.json()["version"], 1);
    }
    assert_eq!(bench.get("/v1/units/articles/history").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn after_a_reset_the_config_decides() {
    let bench = Bench::new();
    bench.set("articles", "50%").await;
    let reset = bench.post("/v1/units/articles/reset").await.json();
    assert_eq!(
        (&reset["percent"], &reset["decided_by"], &reset["version"]),
        (&json!("5%"), &json!("config"), &json!(0))
    );
    assert_eq!(bench.percent("articles"), "5%");
    assert_eq!(bench.store.memory.units().unwrap(), []);
    let history = bench.get("/v1/units/articles/history").await;
    assert_eq!(
        (&history[0]["step"], &history[0]["percent"], &history[0]["by"]),
        (&json!("reset"), &json!(null), &json!("admin"))
    );
    assert_eq!(bench.set("articles", "6%").await.json()["version"], 3);
}

#[tokio::test]
async fn if_match_refuses_what_was_decided_on_an_old_version() {
    let bench = Bench::new();
    let set = async |tag: &str, percent: &str| {
        let request = request(Method::PUT, "/v1/units/articles")
            .header(header::AUTHORIZATION, format!("Bearer {}", bench.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::IF_MATCH, tag);
        let body = json!({ "percent": percent }).to_string();
        send(&bench.router, request.body(Body::from(body)).unwrap()).await
    };
    assert_eq!(set("\"0\"", "10%").await.status, 200);
    assert_eq!(set("\"0\"", "20%").await.problem(412, "version-mismatch")["version"], 1);
    assert_eq!(bench.percent("articles"), "10%");
    assert_eq!(set("\"1\"", "20%").await.status, 200);
    set("1", "30%").await.problem(400, "invalid-request");
    assert_eq!(set("*", "30%").await.status, 200);
}

#[tokio::test]
async fn what_is_no_share_is_refused_with_a_reason() {
    let bench = Bench::new();
    for (body, expected) in [
        (json!({ "percent": "101%" }), "between 0% and 100%"),
        (json!({ "percent": "5" }), "such as 5%"),
        (json!({ "percent": "0.001%" }), "0.01%"),
        (json!({ "percent": 5 }), "string"),
        (json!({}), "percent"),
        (json!({ "percent": "5%", "percnt": "6%" }), "percnt"),
        (json!({ "percent": "5%", "why": "a\nb" }), "control characters"),
        (json!({ "percent": "5%", "by": "x".repeat(1001) }), "1000 characters"),
    ] {
        let detail =
            bench.ask(Method::PUT, "/v1/units/articles", Some(body)).await.detail(400, "invalid-request");
        assert!(detail.contains(expected), "{detail}");
    }
    let huge = json!({ "percent": "5%", "why": "x".repeat(100_000) });
    bench.ask(Method::PUT, "/v1/units/articles", Some(huge)).await.problem(413, "body");
    let text = request(Method::PUT, "/v1/units/articles")
        .header(header::AUTHORIZATION, format!("Bearer {}", bench.token))
        .body(Body::from(r#"{"percent":"9%"}"#))
        .unwrap();
    send(&bench.router, text).await.problem(415, "unsupported-media-type");
    for limit in ["0", "1001", "many"] {
        let path = format!("/v1/units/articles/history?limit={limit}");
        bench.ask(Method::GET, &path, None).await.problem(400, "invalid-request");
    }
    assert_eq!(bench.percent("articles"), "5%");
    assert_eq!(bench.store.memory.units().unwrap(), []);
}

#[tokio::test]
async fn an_unknown_unit_is_answered_with_the_known_ones() {
    let bench = Bench::new();
    let answers = [
        bench.set("article", "5%").await,
        bench.post("/v1/units/article/back").await,
        bench.ask(Method::GET, "/v1/units/article", None).await,
        bench.ask(Method::GET, "/v1/units/article/history", None).await,
        bench.ask(Method::GET, "/v1/units/article/shadow", None).await,
    ];
    for answer in answers {
        assert_eq!(answer.problem(404, "unknown-unit")["known"], json!(["articles", "users"]));
    }
}

#[tokio::test]
async fn the_shadow_is_shown_with_what_surely_differs_first() {
    let bench = Bench::new();
    bench.units.get("articles").unwrap().with_shadow(|report| {
        for turn in 0..40 {
            compare(report, turn, turn % 2 == 0);
        }
        report.record_drop(DropReason::QueueFull);
    });
    let shadow = bench.get("/v1/units/articles/shadow").await;
    assert_eq!(
        (&shadow["matched"], &shadow["mismatched"], &shadow["match_rate"], &shadow["triples"]),
        (&json!(20), &json!(20), &json!(0.5), &json!(40))
    );
    assert_eq!(shadow["dropped"]["queue_full"], 1);
    let [title, time] = [0, 1].map(|index| &shadow["paths"][index]);
    assert_eq!(
        (&title["path"], &title["count"], &title["differs"]),
        (&json!("/title"), &json!(20), &json!(true))
    );
    assert_eq!((&time["path"], &time["count"], &time["both"]), (&json!("/time"), &json!(0), &json!(40)));
    assert_eq!((&title["since"], &title["stages"]), (&json!("1970-01-01T00:00:01Z"), &json!({ "1%": 20 })));
    let sample = &title["samples"][0];
    assert_eq!((&sample["control"], &sample["candidate"]), (&json!("string(3)"), &json!("string(5)")));
    assert_eq!(sample["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert!(sample["curl"].as_str().unwrap().contains("http://127.0.0.1:7002/articles/7"), "{sample}");
    assert_eq!(bench.get("/v1/units/articles").await["counts"]["match_rate"], 0.5);
}

/// A triple in which the time always differs, and the title if the candidate `errs`.
fn compare(report: &mut ShadowReport, turn: u64, errs: bool) {
    let body = |time: u64, title: &str| format!("{{\"time\":{time},\"title\":\"{title}\"}}");
    let bodies =
        [body(turn, "one"), body(turn + 100, "one"), body(turn + 200, if errs { "other" } else { "one" })];
    let [control, again, candidate] =
        bodies.each_ref().map(|body| Reply { status: 200, fields: &[], body: body.as_bytes() });
    let triple = Triple { control, again: Some(again), candidate };
    let compared = triple.compare(&Rules::default(), &mut Ids::default(), System::Legacy);
    let request = Request {
        method: "GET",
        base: "http://127.0.0.1:7002",
        target: "/articles/7",
        fields: &[],
        body: 0,
        route: "GET /articles/{id}",
        trace_id: "0af7651916cd43dd8448eb211c80319c",
    };
    report.record(&compared, &request, Moment { at: 1_000, stage: 100, redact: true });
}
