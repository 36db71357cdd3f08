//! Faults made on purpose: what is shown, switched and ended.

use http::Method;
use serde_json::{Value, json};

use super::bench::{Bench, config};

const LEGACY: &str = "/v1/chaos/upstreams/legacy";
const USERS: &str = "/v1/chaos/routes?path=/users";

/// Everything a fault can be.
fn everything() -> Value {
    json!({
        "fail": "10%", "status": 502, "slow": "20%", "by": "1500ms..5s", "reset": "1%", "truncate": "2%",
        "corrupt": "0.5%", "when": { "subjects": "5%", "headers": { "x-debug": "s3cret" } }
    })
}

#[tokio::test]
async fn faults_are_shown_as_the_config_writes_them() {
    let chaos = Bench::rehearsal().get("/v1/chaos").await;
    let faults = json!({ "fail": "1%", "fail_with": "reset", "when": { "headers": { "x-probe": "yes" } } });
    let expected = json!({
        "environment": "staging",
        "configured": [
            { "target": "upstream", "name": "new", "chaos": faults, "says": "fail 1% with reset, only with x-probe" },
            { "target": "route", "name": "/posts/{id}", "chaos": null, "says": "no faults" }
        ],
        "switched": []
    });
    assert_eq!(chaos, expected);
}

#[tokio::test]
async fn what_is_switched_is_shown_as_it_was_written() {
    let bench = Bench::rehearsal();
    for (path, target, name) in [(LEGACY, "upstream", "legacy"), (USERS, "route", "/users")] {
        let mut body = everything();
        body["for"] = json!("1h");
        body["who"] = json!("ada");
        body["why"] = json!("rehearsal");
        let answer = bench.ask(Method::PUT, path, Some(body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut shown = answer.json();
        let says = shown["says"].take();
        assert!(says.as_str().unwrap().starts_with("fail 10% with 502, slow 20% by 1500ms..5s"), "{says}");
        let expected = json!({
            "target": target, "name": name, "chaos": everything(), "says": null, "left": 3600.0, "who": "ada",
            "why": "rehearsal"
        });
        assert_eq!(shown, expected);
        let all = bench.get("/v1/chaos").await;
        assert_eq!(all["switched"].as_array().unwrap().last(), Some(&answer.json()));
    }
}

#[tokio::test]
async fn a_template_may_be_written_as_urls_want_it() {
    let bench = Bench::rehearsal();
    for path in ["/posts/{id}", "%2Fposts%2F%7Bid%7D"] {
        let path = format!("/v1/chaos/routes?path={path}");
        let answer = bench.ask(Method::PUT, &path, Some(json!({ "fail": "1%" }))).await;
        assert_eq!(answer.json()["name"], "/posts/{id}", "{answer:?}");
    }
    assert_eq!(bench.get("/v1/chaos").await["switched"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_timeline_names_fields_and_never_their_values() {
    let bench = Bench::rehearsal();
    bench.ask(Method::PUT, LEGACY, Some(everything())).await;
    let timeline = bench.get("/v1/timeline").await;
    assert_eq!(
        timeline[0]["text"],
        "upstream 'legacy': fail 10% with 502, slow 20% by 1500ms..5s, reset 1%, truncate 2%, corrupt 0.5%, only for \
         5% of subjects, only with x-debug for 10m, by admin"
    );
}

#[tokio::test]
async fn off_holds_against_the_config() {
    let bench = Bench::rehearsal();
    let path = "/v1/chaos/upstreams/new";
    let answer = bench.ask(Method::PUT, path, Some(json!({ "off": true, "who": "ada" }))).await.json();
    assert_eq!((&answer["chaos"], &answer["left"]), (&json!(null), &json!(600.0)));
    let both = bench.ask(Method::PUT, path, Some(json!({ "off": true, "fail": "1%" }))).await;
    assert!(both.detail(400, "invalid-request").contains("'fail'"));
    assert_eq!(bench.get("/v1/timeline").await[0]["text"], "upstream 'new': no faults for 10m, by ada");
}

#[tokio::test]
async fn the_config_holds_again_when_something_is_cleared() {
    let bench = Bench::rehearsal();
    for path in [LEGACY, USERS] {
        bench.ask(Method::PUT, path, Some(json!({ "fail": "1%" }))).await;
        let by = if path.contains('?') { "&by=bob" } else { "?by=bob" };
        let cleared = bench.ask(Method::DELETE, &format!("{path}{by}"), None).await;
        assert_eq!(cleared.json()["ended"], true, "{cleared:?}");
        assert_eq!(bench.ask(Method::DELETE, path, None).await.json()["ended"], false);
    }
    assert_eq!(bench.get("/v1/chaos").await["switched"], json!([]));
    let timeline = bench.get("/v1/timeline").await;
    assert_eq!(timeline.as_array().unwrap().len(), 4, "nothing is told of what changed nothing: {timeline}");
    assert_eq!(timeline[3]["text"], "route '/users': as in the config, by bob");
}

#[tokio::test]
async fn faults_follow_the_rules_of_the_config() {
    let bench = Bench::rehearsal();
    for (body, said) in [
        (json!({}), "no fault"),
        (json!({ "fail": "10" }), "write a percentage"),
        (json!({ "fail": "0%" }), "more than zero"),
        (json!({ "fial": "10%" }), "did you mean 'fail'?"),
        (json!({ "slow": "10%" }), "'by'"),
        (json!({ "fail": "60%", "reset": "60%" }), "more than 100%"),
        (json!({ "fail": "1%", "status": 200 }), "status"),
        (json!({ "fail": "1%", "for": "25h" }), "24h"),
        (json!({ "fail": "1%", "why": "a\u{7}" }), "control"),
    ] {
        let detail = bench.ask(Method::PUT, LEGACY, Some(body.clone())).await.detail(400, "invalid-request");
        assert!(detail.contains(said), "{body}: {detail}");
    }
    assert_eq!(bench.get("/v1/chaos").await["switched"], json!([]));
}

#[tokio::test]
async fn a_share_of_subjects_needs_a_route_that_has_some() {
    let bench = Bench::rehearsal();
    let body = json!({ "fail": "100%", "when": { "subjects": "5%" } });
    let path = "/v1/chaos/routes?path=/posts/{id}";
    let refused = bench.ask(Method::PUT, path, Some(body.clone())).await.detail(400, "invalid-request");
    assert!(refused.contains("no subject"), "{refused}");
    assert_eq!(bench.ask(Method::PUT, USERS, Some(body)).await.status, 200);
}

#[tokio::test]
async fn a_target_that_is_none_is_answered_with_those_that_are() {
    let bench = Bench::rehearsal();
    let faults = || Some(json!({ "fail": "1%" }));
    let upstream = bench.ask(Method::PUT, "/v1/chaos/upstreams/legacz", faults()).await;
    let upstream = upstream.problem(404, "unknown-upstream");
    assert!(upstream["detail"].as_str().unwrap().contains("did you mean 'legacy'?"), "{upstream}");
    let route = bench.ask(Method::PUT, "/v1/chaos/routes?path=/userz", faults()).await;
    let route = route.problem(404, "unknown-route");
    assert_eq!(route["known"], json!(["/articles", "/users", "/posts/{id}"]));
    bench.ask(Method::PUT, "/v1/chaos/routes", faults()).await.problem(400, "invalid-request");
}

#[tokio::test]
async fn production_has_no_faults_and_says_what_to_write() {
    let bench = Bench::new();
    assert_eq!(bench.get("/v1/chaos").await["environment"], "production");
    // Even of a body that says nothing, or nothing right: first things first.
    for body in [json!({ "fail": "10%" }), json!({ "fail": "ten" }), json!({ "off": true })] {
        for path in [LEGACY, USERS] {
            let detail = bench.ask(Method::PUT, path, Some(body.clone())).await.detail(409, "production");
            assert!(detail.contains("environment: staging") && detail.contains("reload"), "{detail}");
        }
    }
    assert!(bench.data_plane.switched.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_was_switched_is_not_shown_once_a_reload_made_this_production() {
    let (bench, _) = Bench::rehearsal().start();
    let ask = async |method, path, body| bench.ask(method, path, body).await.json();
    ask(Method::PUT, LEGACY, Some(json!({ "fail": "10%" }))).await;
    let shown = ask(Method::GET, "/v1/chaos", None).await;
    assert_eq!(shown["switched"].as_array().unwrap().len(), 1);
    std::fs::write(&bench.config, config("5%", "0%")).unwrap();
    ask(Method::POST, "/v1/reload", None).await;
    let shown = ask(Method::GET, "/v1/chaos", None).await;
    assert_eq!(shown, json!({ "environment": "production", "configured": [], "switched": [] }));
}
