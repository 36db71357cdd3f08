//! Flags for applications: the protocol's shapes and codes.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{self, Poll},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes},
};
use banyan_state::{FlagChange, Store};
use http::{Method, Request, StatusCode, header};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::bench::{Answer, Bench, Scripted, config, send};
use crate::load_or_create;

const FLAGS: &str = r#"
ofrep: { listen: 127.0.0.1:8016, requests_per_second: 100 }
flags:
  new-editor: { percent: 50%, metadata: { owner: web, since: 2026 } }
  theme:
    variants: { light: { background: white }, dark: { background: black } }
    default: light
    segments: [ { name: night-owls, when: [ { attribute: hour, range: { from: 22 } } ], variant: dark } ]
  limit: { variants: { low: 10, high: 99.5 }, default: low }
  greeting: { variants: { en: hello, de: hallo }, default: en, enabled: false }
"#;

/// Bytes of a piece of an endless body.
const PIECE: usize = 16 * 1024;

struct World {
    bench: Bench,
    router: Router,
}

fn world() -> World {
    let bench = Bench::with(Scripted::default(), &(config("5%", "0%") + FLAGS));
    let router = bench.control.ofrep(None).router();
    World { bench, router }
}

fn post(path: &str) -> http::request::Builder {
    Request::builder().method(Method::POST).uri(path).header(header::HOST, "localhost:8016")
}

impl World {
    async fn single(&self, key: &str, body: &Value) -> Answer {
        self.raw(&format!("/ofrep/v1/evaluate/flags/{key}"), body.to_string()).await
    }

    async fn bulk(&self, body: &Value, known: Option<&str>) -> Answer {
        let mut request = post("/ofrep/v1/evaluate/flags");
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        send(&self.router, request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn raw(&self, path: &str, body: impl Into<Body>) -> Answer {
        send(&self.router, post(path).body(body.into()).unwrap()).await
    }

    fn evaluations(&self) -> f64 {
        let metrics = self.bench.metrics.render();
        let counts = metrics.lines().filter(|line| line.starts_with("banyan_flag_evaluations_total{"));
        counts.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }
}

fn context(context: Value) -> Value {
    json!({ "context": context })
}

fn user() -> Value {
    context(json!({ "targetingKey": "user-42" }))
}

#[tokio::test]
async fn one_flag_of_each_type() {
    let world = world();
    let editor = world.single("new-editor", &user()).await;
    assert_eq!(
        (editor.status.as_u16(), &editor.headers[header::CONTENT_TYPE]),
        (200, &"application/json".parse().unwrap())
    );
    let expected = json!({
        "key": "new-editor", "reason": "SPLIT", "variant": "on", "value": true,
        "metadata": { "owner": "web", "since": 2026 }
    });
    // user-42 with the salt new-editor is in the lower half.
    assert_eq!(editor.json(), expected);
    let dark = world.single("theme", &context(json!({ "hour": 23 }))).await.json();
    let expected = json!({
        "key": "theme", "reason": "TARGETING_MATCH", "variant": "dark", "value": { "background": "black" }, "metadata": {}
    });
    assert_eq!(dark, expected);
    assert_eq!(world.single("theme", &json!({})).await.json()["reason"], "DEFAULT");
    let limit = world.single("limit", &json!({})).await.json();
    assert_eq!((&limit["value"], &limit["reason"]), (&json!(10), &json!("STATIC")));
    let off = world.single("greeting", &json!({})).await.json();
    assert_eq!((&off["value"], &off["reason"]), (&json!("hello"), &json!("DISABLED")));
}

#[tokio::test]
async fn every_refusal_has_its_code() {
    let world = world();
    let missing = world.single("no-such", &user()).await;
    assert_eq!(missing.status, 404);
    let expected =
        json!({ "key": "no-such", "errorCode": "FLAG_NOT_FOUND", "errorDetails": "no flag has this key" });
    assert_eq!(missing.json(), expected);
    let deep = (0..9).fold(json!(1), |inner, _| json!({ "a": inner }));
    let many: serde_json::Map<_, _> = (0..257).map(|n| (format!("a{n}"), json!(n))).collect();
    for (body, code, said) in [
        ("{".to_owned(), "PARSE_ERROR", "not JSON"),
        ("[]".to_owned(), "PARSE_ERROR", "object"),
        ("\u{0}".to_owned(), "PARSE_ERROR", "not JSON"),
        (context(json!([])).to_string(), "INVALID_CONTEXT", "a list"),
        (context(json!("user-42")).to_string(), "INVALID_CONTEXT", "a text"),
        (context(json!({ "targetingKey": 42 })).to_string(), "INVALID_CONTEXT", "targetingKey"),
        (context(json!({ "targetingKey": ["a"] })).to_string(), "INVALID_CONTEXT", "targetingKey"),
        (context(deep).to_string(), "INVALID_CONTEXT", "deep"),
        // JSON too, although the reader gives up on it.
        (format!("{{\"context\":{}", "{\"a\":".repeat(500)), "INVALID_CONTEXT", "deep"),
        (r#"{"context":{"a":1e400}}"#.to_owned(), "INVALID_CONTEXT", "out of range"),
        (json!({ "targetingKey": "a" }).to_string(), "INVALID_CONTEXT", "beside a context"),
        (context(Value::Object(many)).to_string(), "INVALID_CONTEXT", "attributes"),
        (context(json!({ "a": "x".repeat(70_000) })).to_string(), "INVALID_CONTEXT", "larger than"),
        (context(json!({ "targetingKey": "" })).to_string(), "TARGETING_KEY_MISSING", "empty"),
        (context(json!({ "targetingKey": null })).to_string(), "TARGETING_KEY_MISSING", "no targetingKey"),
        (context(json!({})).to_string(), "TARGETING_KEY_MISSING", "no targetingKey"),
        ("{}".to_owned(), "TARGETING_KEY_MISSING", "no targetingKey"),
        (String::new(), "TARGETING_KEY_MISSING", "no targetingKey"),
    ] {
        let shown: String = body.chars().take(60).collect();
        let answer = world.raw("/ofrep/v1/evaluate/flags/new-editor", body).await;
        assert_eq!(answer.status, 400, "{shown}: {answer:?}");
        let problem = answer.json();
        assert_eq!(
            (&problem["key"], &problem["errorCode"]),
            (&json!("new-editor"), &json!(code)),
            "{shown}: {problem}"
        );
        let details = problem["errorDetails"].as_str().unwrap();
        assert!(details.contains(said), "{shown}: {details}");
        if code != "TARGETING_KEY_MISSING" {
            let answer = world.raw("/ofrep/v1/evaluate/flags", shown_or_whole(&problem, &shown)).await;
            assert!(answer.status == 400 && answer.json().get("key").is_none(), "{answer:?}");
        }
    }
    let get = Request::builder().uri("/ofrep/v1/evaluate/flags").header(header::HOST, "localhost");
    assert_eq!(send(&world.router, get.body(Body::empty()).unwrap()).await.status, 405);
    let other = world.raw("/ofrep/v2/anything", "{}").await;
    assert_eq!(other.status, 404);
    assert!(other.json()["errorDetails"].as_str().unwrap().contains("/ofrep/v1/evaluate/flags"));
    assert_eq!(world.raw("/ofrep/v1/evaluate/flags/%FF", "{}").await.status, 400);
    // No flag can have such keys, but they are questions for one.
    for key in ["", "a/b", "a%2Fb"] {
        let missing = world.single(key, &user()).await;
        let expected = (json!(key.replace("%2F", "/")), json!("FLAG_NOT_FOUND"));
        assert_eq!((missing.json()["key"].clone(), missing.json()["errorCode"].clone()), expected, "{key}");
        assert_eq!(missing.status, 404);
    }
}

/// A body for a bulk question that is as wrong: what was shown is cut off, and so no JSON in any case.
fn shown_or_whole(problem: &Value, shown: &str) -> String {
    if problem["errorCode"] == "PARSE_ERROR" { shown.to_owned() } else { "{ cut off".to_owned() }
}

#[tokio::test]
async fn a_body_of_any_type_will_do_if_it_is_json() {
    let world = world();
    for kind in ["text/plain", "application/json; charset=utf-8", "application/vnd.x+json", "nonsense"] {
        let request = post("/ofrep/v1/evaluate/flags/limit").header(header::CONTENT_TYPE, kind);
        let answer =
            send(&world.router, request.body(Body::from("{\"context\":null,\"more\":1}")).unwrap()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["value"]), (200, &json!(10)), "{kind}");
    }
}

#[tokio::test]
async fn all_flags_come_together_with_their_own_errors() {
    let world = world();
    let all = world.bulk(&json!({}), None).await;
    assert_eq!(all.status, 200);
    let all = all.json();
    let said: Vec<_> = all["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| {
            let what = flag.get("errorCode").or_else(|| flag.get("variant")).unwrap().as_str().unwrap();
            format!("{} {what}", flag["key"].as_str().unwrap())
        })
        .collect();
    let expected = [
        "greeting en",
        "limit low",
        "new-editor TARGETING_KEY_MISSING",
        "theme light",
        "unit.articles TARGETING_KEY_MISSING",
        "unit.users TARGETING_KEY_MISSING",
    ];
    assert_eq!(said, expected);
    let unit = world.bulk(&user(), None).await.json()["flags"][4].clone();
    let expected = json!({ "key": "unit.articles", "reason": "SPLIT", "variant": "legacy", "value": false, "metadata": {} });
    assert_eq!(unit, expected);
}

#[tokio::test]
async fn a_flag_that_is_set_aside_is_an_error_and_the_others_have_values() {
    let store = Scripted::default();
    let change = FlagChange {
        key: "orphan".to_owned(),
        definition: Some(r#"{ "prerequisites": [{ "flag": "long-gone", "variant": "on" }] }"#.to_owned()),
        expected_version: 0,
        at: SystemTime::now(),
        by: "ada".to_owned(),
        why: String::new(),
    };
    store.memory.change_flag(&change).unwrap();
    let bench = Bench::with(store, &(config("5%", "0%") + FLAGS));
    let world = World { router: bench.control.ofrep(None).router(), bench };
    let aside = world.single("orphan", &user()).await;
    assert_eq!((aside.status.as_u16(), &aside.json()["errorCode"]), (400, &json!("GENERAL")));
    assert!(aside.text.contains("long-gone"), "{aside:?}");
    let all = world.bulk(&user(), None).await;
    let flags = all.json()["flags"].as_array().unwrap().clone();
    let wrong: Vec<_> = flags.iter().filter(|flag| flag.get("errorCode").is_some()).collect();
    assert_eq!((wrong.len(), &wrong[0]["key"], flags.len()), (1, &json!("orphan"), 7));
    world.bench.ask(Method::PUT, "/v1/flags/orphan", Some(json!({ "definition": {} }))).await;
    let mended = world.bulk(&user(), all.headers[header::ETAG].to_str().ok()).await;
    assert_eq!(mended.status, 200, "another answer, another tag");
}

#[tokio::test]
async fn who_knows_the_answer_is_told_so_before_anything_is_evaluated() {
    let world = world();
    let tag = |answer: &Answer| answer.headers[header::ETAG].to_str().unwrap().to_owned();
    let first = tag(&world.bulk(&user(), None).await);
    let evaluated = world.evaluations();
    for known in [first.clone(), format!("W/{first}"), format!("\"other\", {first}"), "*".to_owned()] {
        let answer = world.bulk(&user(), Some(&known)).await;
        assert_eq!(
            (answer.status, answer.text.as_str(), tag(&answer)),
            (StatusCode::NOT_MODIFIED, "", first.clone())
        );
    }
    // The order of attributes says nothing.
    let one = world.bulk(&context(json!({ "targetingKey": "a", "b": 1 })), None).await;
    let other = world.raw("/ofrep/v1/evaluate/flags", r#"{"context":{"b":1.0,"targetingKey":"a"}}"#).await;
    assert_eq!(tag(&one), tag(&other));
    assert_ne!(tag(&one), first, "another context");
    assert!((world.evaluations() - evaluated - 12.0).abs() < 0.5, "two of five questions were evaluated");

    let mut tags = vec![first.clone()];
    world.bench.set("articles", "6%").await;
    tags.push(tag(&world.bulk(&user(), Some(&first)).await));
    world.bench.ask(Method::PUT, "/v1/flags/limit", Some(json!({ "variant": "high" }))).await;
    tags.push(tag(&world.bulk(&user(), Some(&first)).await));
    world.bench.post("/v1/flags/new-editor/disable").await;
    tags.push(tag(&world.bulk(&user(), Some(&first)).await));
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4, "every change is a new tag");
    // What is as it was before has the tag it had before.
    for path in ["/v1/flags/new-editor/reset", "/v1/flags/limit/reset", "/v1/units/articles/reset"] {
        world.bench.post(path).await;
    }
    assert_eq!(world.bulk(&user(), Some(&first)).await.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_token_is_asked_for_if_the_config_names_one() {
    let world = world();
    let token = load_or_create(&world.bench.folder.path().join("ofrep.token")).unwrap();
    let secret = token.reveal().to_owned();
    let router = world.bench.control.ofrep(Some(token)).router();
    let ask = async |name: &str, value: String| {
        let request = post("/ofrep/v1/evaluate/flags/limit").header(name, value);
        send(&router, request.body(Body::from("{}")).unwrap()).await
    };
    for (name, value, expected) in [
        ("authorization", format!("Bearer {secret}"), 200),
        ("authorization", format!("bearer  {secret}"), 200),
        ("x-api-key", secret.clone(), 200),
        ("authorization", "Bearer wrong".to_owned(), 401),
        ("authorization", format!("Basic {secret}"), 401),
        ("authorization", format!("Bearer {}", world.bench.token), 401),
        ("x-api-key", "wrong".to_owned(), 401),
        ("x-other", secret.clone(), 401),
    ] {
        let answer = ask(name, value).await;
        assert_eq!(answer.status.as_u16(), expected, "{name}");
        assert_eq!(answer.headers.contains_key(header::WWW_AUTHENTICATE), expected == 401, "{name}");
    }
    let far = Request::builder().method(Method::POST).uri("/ofrep/v1/evaluate/flags/limit");
    let far = far.header(header::HOST, "flags.example").header("x-api-key", &secret);
    assert_eq!(send(&router, far.body(Body::empty()).unwrap()).await.status, 200, "by any name");
}

#[tokio::test]
async fn without_a_token_only_our_own_names_will_do() {
    let world = world();
    for (host, expected) in [("localhost:8016", 200), ("127.0.0.1:8016", 200), ("rebound.example", 403)] {
        let request = Request::builder().method(Method::POST).uri("/ofrep/v1/evaluate/flags/limit");
        let request = request.header(header::HOST, host).header(header::ORIGIN, "https://shop.example");
        let answer = send(&world.router, request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status, expected, "{host}");
        assert_eq!(answer.json()["errorDetails"].is_string(), expected == 403, "{host}");
    }
}

#[tokio::test]
async fn too_many_questions_are_told_when_to_come_back() {
    let world = world();
    let mut refused = 0;
    for _ in 0..150 {
        let answer = world.single("limit", &json!({})).await;
        if answer.status == 429 {
            assert_eq!(answer.headers[header::RETRY_AFTER], "1");
            assert!(answer.json()["errorDetails"].is_string());
            refused += 1;
        }
    }
    // The clock goes on meanwhile, so not all fifty have to be refused.
    assert!(refused > 0);
    let metrics = world.bench.metrics.render();
    let series = "banyan_ofrep_requests_total{operation=\"single\",http_response_status_code=\"429\"}";
    assert!(metrics.contains(&format!("{series} {refused}\n")), "{metrics}");
}

#[tokio::test]
async fn series_are_named_after_flags_and_never_after_what_is_asked_for() {
    let world = world();
    for number in 0..20 {
        world.single(&format!("made-up-{number}"), &json!({})).await;
    }
    world.single("limit", &json!({})).await;
    let metrics = world.bench.metrics.render();
    assert!(
        metrics.contains("banyan_flag_evaluations_total{flag=\"_OTHER\",reason=\"ERROR\"} 20\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("banyan_flag_evaluations_total{flag=\"limit\",reason=\"STATIC\"} 1\n"),
        "{metrics}"
    );
    assert!(!metrics.contains("made-up"), "{metrics}");
}

/// A body without end that counts what is taken of it.
struct Endless {
    taken: Arc<AtomicUsize>,
}

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.taken.fetch_add(PIECE, Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; PIECE])))))
    }
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_is_refused_where_the_limit_is() {
    let world = world();
    let taken = Arc::<AtomicUsize>::default();
    let answer =
        world.raw("/ofrep/v1/evaluate/flags/limit", Body::new(Endless { taken: taken.clone() })).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["errorCode"]), (400, &json!("INVALID_CONTEXT")));
    sleep(Duration::from_secs(5)).await;
    let taken = taken.load(Relaxed);
    assert!((64 * 1024..=5 * 1024 * 1024).contains(&taken), "what is thrown away is bounded: {taken}");
}
