//! Who may ask what.

use axum::body::Body;
use http::{Method, header};
use serde_json::json;

use super::bench::{Bench, request, send};
use crate::{Readiness, api};

#[tokio::test]
async fn without_the_token_nothing_is_told_or_done() {
    let bench = Bench::new();
    let wrong = "0".repeat(64);
    for authorization in
        [None, Some(String::new()), Some(format!("Bearer {wrong}")), Some(format!("Basic {}", bench.token))]
    {
        for (method, path) in [(Method::GET, "/v1/units"), (Method::POST, "/v1/units/articles/back")] {
            let request = authorization
                .iter()
                .fold(request(method, path), |request, value| request.header(header::AUTHORIZATION, value));
            let answer = send(&bench.router, request.body(Body::empty()).unwrap()).await;
            answer.problem(401, "unauthorized");
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"banyan\"");
        }
    }
    assert_eq!(bench.percent("articles"), "5%");
}

#[tokio::test]
async fn pages_of_others_are_refused_even_with_the_token() {
    let bench = Bench::new();
    for (name, value, status, problem) in [
        (header::HOST, "rebound.example", 421, "foreign-host"),
        (header::ORIGIN, "https://evil.example", 403, "foreign-origin"),
    ] {
        let mut request = request(Method::GET, "/v1/units").body(Body::empty()).unwrap();
        let token = format!("Bearer {}", bench.token).parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, token);
        request.headers_mut().insert(name, value.parse().unwrap());
        send(&bench.router, request).await.problem(status, problem);
    }
}

#[tokio::test]
async fn probes_need_no_token() {
    let bench = Bench::new();
    let get = async |path| send(&bench.router, request(Method::GET, path).body(Body::empty()).unwrap()).await;
    assert_eq!(get("/healthz").await.status, 200);
    assert_eq!(get("/readyz").await.json(), json!({ "status": "ready" }));
    let metrics = get("/metrics").await;
    assert!(metrics.text.contains("banyan_config_generation 1\n") && metrics.text.ends_with("# EOF\n"));
    for (readiness, word) in [(Readiness::Starting, "starting"), (Readiness::Draining, "draining")] {
        *bench.data_plane.readiness.lock().unwrap() = readiness;
        let detail = get("/readyz").await.detail(503, "not-ready");
        assert!(detail.starts_with(word), "{detail}");
        assert_eq!(get("/healthz").await.status, 200);
        assert_eq!(bench.get("/v1/status").await["readiness"], word);
    }
}

#[tokio::test]
async fn probes_on_their_own_listener_are_only_there() {
    let bench = Bench::new();
    let (admin, probes) =
        (api::admin(bench.control.shared.clone(), false), api::probes(bench.control.shared.clone()));
    for path in ["/healthz", "/readyz", "/metrics"] {
        let get = || request(Method::GET, path).header(header::HOST, "x").body(Body::empty()).unwrap();
        assert_eq!(send(&probes, get()).await.status, 200);
        let get = || request(Method::GET, path).body(Body::empty()).unwrap();
        send(&admin, get()).await.problem(404, "not-found");
    }
    let units = request(Method::GET, "/v1/units").body(Body::empty()).unwrap();
    send(&probes, units).await.problem(404, "not-found");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let bench = Bench::new();
    bench.ask(Method::GET, "/v2/units", None).await.problem(404, "not-found");
    let answer = bench.ask(Method::DELETE, "/v1/units/articles", None).await;
    answer.problem(405, "method-not-allowed");
    assert_eq!(answer.headers[header::ALLOW], "GET,HEAD,PUT");
}

#[tokio::test]
async fn the_rest_is_shown() {
    let bench = Bench::new();
    let endpoint = json!({
        "address": "127.0.0.1:7001", "health": "not-ready", "ejected_until": "1970-01-01T00:00:00Z", "in_flight": 3
    });
    assert_eq!(bench.get("/v1/upstreams").await, json!([{ "name": "legacy", "endpoints": [endpoint] }]));
    let status = bench.get("/v1/status").await;
    assert_eq!(
        (&status["version"], &status["generation"], &status["last_reload_error"]),
        (&json!("1.2.3"), &json!(1), &json!(null))
    );
    let config = bench.get("/v1/config").await;
    assert_eq!(config["path"], bench.config.display().to_string());
    assert_eq!((&config["hash"], config["hash"].as_str().map(str::len)), (&status["config_hash"], Some(64)));
}
