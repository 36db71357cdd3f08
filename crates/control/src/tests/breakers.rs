//! Circuit breakers: what is shown, forced and given back.

use http::Method;
use serde_json::json;

use super::bench::Bench;

const LEGACY: &str = "/v1/breakers/legacy";

#[tokio::test]
async fn a_breaker_says_what_opened_it_and_for_how_long() {
    let expected = json!([{
        "upstream": "legacy", "state": "open", "forced": null, "calls": 0, "failures": 0, "slow": 0,
        "causes": { "timeout": 9, "reset": 3 }, "open_remaining": 3.2, "since": 1.8,
        "why": "12 of 20 failed in 10 s (9 timeouts, 3 resets)"
    }]);
    assert_eq!(Bench::new().get("/v1/breakers").await, expected);
}

#[tokio::test]
async fn a_forced_state_says_by_whom_why_and_for_how_long() {
    let bench = Bench::new();
    let body = json!({ "state": "closed", "for": "90s", "by": "ada", "why": "the probe is wrong" });
    let answer = bench.ask(Method::PUT, LEGACY, Some(body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let forced = json!({ "state": "closed", "for": 90.0, "by": "ada", "why": "the probe is wrong" });
    assert_eq!((&answer.json()["state"], &answer.json()["forced"]), (&json!("closed"), &forced));
    assert_eq!(bench.get("/v1/breakers").await[0]["forced"], forced, "the next one who looks sees it too");
    let timeline = bench.get("/v1/timeline").await;
    assert_eq!(timeline[0]["text"], "legacy: forced closed for 90s, by ada: the probe is wrong");
}

#[tokio::test]
async fn a_forced_state_ends_after_ten_minutes_unless_said_otherwise() {
    let bench = Bench::new();
    let answer = bench.ask(Method::PUT, LEGACY, Some(json!({ "state": "open" }))).await.json();
    assert_eq!(
        (&answer["forced"]["for"], &answer["forced"]["by"], &answer["forced"]["why"]),
        (&json!(600.0), &json!("admin"), &json!(""))
    );
}

#[tokio::test]
async fn what_cannot_be_forced_changes_nothing() {
    let bench = Bench::new();
    let before = bench.get("/v1/breakers").await;
    for body in [
        json!({}),
        json!({ "state": "half-open" }),
        json!({ "state": "open", "for": "25h" }),
        json!({ "state": "open", "for": 10 }),
        json!({ "state": "open", "until": "tomorrow" }),
        json!({ "state": "open", "why": "a\nb" }),
    ] {
        bench.ask(Method::PUT, LEGACY, Some(body)).await.problem(400, "invalid-request");
    }
    assert_eq!(bench.get("/v1/breakers").await, before);
    assert_eq!(bench.get("/v1/timeline").await, json!([]));
}

#[tokio::test]
async fn a_breaker_is_given_back_to_itself() {
    let bench = Bench::new();
    bench.ask(Method::PUT, LEGACY, Some(json!({ "state": "open" }))).await;
    let released =
        bench.ask(Method::DELETE, &format!("{LEGACY}?by=bob&why=it%20is%20well"), None).await.json();
    assert_eq!((&released["state"], &released["forced"]), (&json!("half-open"), &json!(null)));
    assert_eq!(
        bench.get("/v1/timeline?since=1").await[0]["text"],
        "legacy: automatic again, by bob: it is well"
    );
    // Nobody holds it any more, so there is nothing to tell.
    assert_eq!(bench.ask(Method::DELETE, LEGACY, None).await.status, 200);
    assert_eq!(bench.get("/v1/timeline?since=2").await, json!([]));
    let refused = bench.ask(Method::DELETE, &format!("{LEGACY}?because=so"), None).await;
    refused.problem(400, "invalid-request");
}

#[tokio::test]
async fn a_name_that_is_none_is_answered_with_those_that_are() {
    let bench = Bench::new();
    for method in [Method::PUT, Method::DELETE] {
        let body = (method == Method::PUT).then(|| json!({ "state": "open" }));
        let problem = bench.ask(method.clone(), "/v1/breakers/legacz", body.clone()).await;
        let problem = problem.problem(404, "unknown-upstream");
        assert_eq!(
            problem["detail"],
            "the config has no upstream 'legacz', did you mean 'legacy'? its upstreams are: legacy"
        );
        assert_eq!(problem["known"], json!(["legacy"]));
        let without = bench.ask(method, "/v1/breakers/new", body).await.detail(404, "no-breaker");
        assert!(without.contains("breaker: off"), "{without}");
    }
}
