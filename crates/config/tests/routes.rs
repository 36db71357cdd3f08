//! Which routes get along.

use banyan_config::{Report, plan::Plan};
use http::Method;

/// A config with these routes, each written as in a flow map without its target.
fn config(routes: &[&str]) -> Result<Plan, Report> {
    let routes = routes.iter().map(|route| format!("  - {{ {route}, to: a }}\n")).collect::<String>();
    let head =
        "version: 1\nlisten: 127.0.0.1:0\nupstreams: { a: { endpoints: [ \"http://a\" ] } }\nroutes:\n";
    banyan_config::parse("x.yaml", &format!("{head}{routes}"))
}

#[track_caller]
fn accepted(routes: &[&str]) -> Plan {
    config(routes).unwrap_or_else(|report| panic!("{report}"))
}

#[track_caller]
fn refused(routes: &[&str], message: &str) {
    let report = config(routes).expect_err("these routes collide");
    assert_eq!(report.problems().len(), 1, "{report}");
    assert!(report.problems()[0].message.starts_with(message), "{report}");
    assert_eq!(report.problems()[0].related.as_ref().map(|related| related.span.line), Some(5), "{report}");
}

#[test]
fn a_general_route_below_a_specific_one_is_no_conflict() {
    accepted(&[
        r#"match: "* /{rest...}""#,
        r#"match: "GET /articles/{id}""#,
        r#"match: "GET /articles/new""#,
        r#"match: "* /articles/{id}""#,
        r#"match: "GET /articles/{rest...}""#,
        r#"match: "GET /articles/{id}/""#,
        r#"match: "GET /articles/{id}", host: a.example.com"#,
        r#"match: "GET /articles/{id}", host: "*.example.com""#,
        r#"match: "GET /articles/{id}", headers: { x-beta: "1" }"#,
        r#"match: "GET /articles/{id}", headers: { x-beta: "2" }"#,
        r#"match: "GET /articles/{id}", headers: { x-other: "1" }"#,
        r#"match: "GET /articles/{id}", headers: { x-beta: "1", x-other: "1" }"#,
        r#"match: "POST /articles/{id}""#,
        r#"match: "GET /Articles/{id}""#,
    ]);
}

#[test]
fn nothing_tells_these_apart() {
    let route = r#"match: "GET /a/{id}""#;
    refused(&[route, r#"match: "GET /a/{slug}""#], "duplicate route: GET /a/{slug} is routed on line 5");
    refused(&[route, r#"match: "GET|POST /a/{id}""#], "conflicting routes: GET /a/{id}");
    refused(&[r#"match: "GET|POST /a""#, r#"match: "POST /a""#], "unreachable route: POST /a");
    refused(&[r#"match: "* /a""#, r#"match: "* /a""#], "duplicate route: * /a");
    refused(&[r#"match: "* /{a...}""#, r#"match: "* /{b...}""#], "duplicate route");
    let host = [r#"match: "PUT /a", host: A.example.com"#, r#"match: "PUT /a", host: a.example.com"#];
    refused(&host, "duplicate route");
    let headers = [
        r#"match: "PUT /a", headers: { x-a: "1", x-b: "2" }"#,
        r#"match: "PUT /a", headers: { X-B: "2", X-A: "1" }"#,
    ];
    refused(&headers, "duplicate route");
}

#[test]
fn a_route_covered_by_two_others_is_unreachable() {
    let report =
        config(&[r#"match: "PUT /a""#, r#"match: "POST /a""#, r#"match: "PUT|POST /a""#]).unwrap_err();
    assert!(report.problems()[0].message.starts_with("unreachable route: POST|PUT /a"), "{report}");
}

#[test]
fn get_answers_head_unless_another_route_does() {
    let methods = |plan: &Plan| plan.routes.iter().map(|route| route.methods.clone()).collect::<Vec<_>>();
    let both = vec![Method::GET, Method::HEAD];
    assert_eq!(accepted(&[r#"match: "GET /a""#]).routes[0].methods, both);
    let plan = accepted(&[r#"match: "GET /a""#, r#"match: "HEAD /a""#, r#"match: "GET /b""#]);
    assert_eq!(methods(&plan), [vec![Method::GET], vec![Method::HEAD], both.clone()]);
    let plan = accepted(&[r#"match: "GET /a""#, r#"match: "* /a""#]);
    assert_eq!(methods(&plan), [both, Vec::new()]);
    refused(&[r#"match: "GET|HEAD /a""#, r#"match: "HEAD /a""#], "unreachable route: HEAD /a");
}

#[test]
fn a_path_uses_the_parameters_of_its_match_only() {
    accepted(&[r#"match: "GET /a/{id}/{rest...}", path: "/b/{id}/c/{rest...}""#]);
    for path in ["/{other}", "/{id...}", "/{rest}"] {
        let report =
            config(&[&format!(r#"match: "GET /a/{{id}}/{{rest...}}", path: "{path}""#)]).unwrap_err();
        assert!(report.problems()[0].message.starts_with("path uses {"), "{report}");
    }
}

#[test]
fn a_config_without_a_route_is_refused_beside_other_faults() {
    let text = "version: 1\nlisten: 127.0.0.1:0\nbanana: 1\n";
    let report = banyan_config::parse("x.yaml", text).unwrap_err();
    assert_eq!(report.problems().len(), 2, "{report}");
}
