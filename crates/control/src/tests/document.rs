//! The document against the routes.

use std::collections::HashSet;

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::Value;

use super::bench::{Bench, request, send};

#[tokio::test]
async fn every_documented_route_is_there_and_protected_as_documented() {
    let bench = Bench::new();
    let document =
        send(&bench.router, request(Method::GET, "/openapi.json").body(Body::empty()).unwrap()).await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{name}", "articles").replace("{key}", "new-editor");
            let answer = send(&bench.router, request(method, &path).body(Body::empty()).unwrap()).await;
            let expected =
                if operation.get("security").is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
            assert_eq!(answer.status, expected, "{path}");
            assert!(
                operation["responses"].get(expected.as_str()).is_some(),
                "{path} does not document {expected}"
            );
            operations += 1;
        }
    }
    assert_eq!(operations, 48, "a new route needs a line here: is it protected as it should be?");
    assert!(document["paths"].as_object().unwrap().keys().filter(|path| path.starts_with("/v1/")).all(
        |path| {
            document["paths"][path]
                .as_object()
                .unwrap()
                .values()
                .all(|operation| operation.get("security").is_some())
        }
    ));
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let bench = Bench::new();
    let document = bench.get("/openapi.json").await;
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 20);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn operations_are_named_once_and_responses_described_as_the_standard_requires() {
    let document = Bench::new().get("/openapi.json").await;
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
    let mut responses = 0;
    let mut ids = HashSet::new();
    for (method, operation) in operations {
        assert!(ids.insert(operation["operationId"].to_string()), "{method} {}", operation["operationId"]);
        for (status, response) in operation["responses"].as_object().unwrap() {
            let description = response["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty() && description != "See the body.", "{method} {status}");
            responses += 1;
        }
    }
    assert!(responses > 40, "{responses}");
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, references)),
        _ => {}
    }
}
