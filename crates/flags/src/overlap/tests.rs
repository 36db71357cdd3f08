use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Context, read::condition_for_tests as condition};

fn overlap(a: &Value, b: &Value) -> Option<String> {
    let read = |conditions: &Value| conditions.as_array().unwrap().iter().map(condition).collect::<Vec<_>>();
    common(&read(a), &read(b))
}

/// Conditions on the attribute `a`.
fn on(mut test: Value) -> Value {
    test["attribute"] = json!("a");
    test
}

#[test]
fn values_in_common_are_found() {
    for (a, b) in [
        (json!({ "equals": "x" }), json!({ "equals": "x" })),
        (json!({ "in": ["x", "y"] }), json!({ "in": ["y", "z"] })),
        (json!({ "equals": "xyz" }), json!({ "prefix": "xy" })),
        (json!({ "in": ["q", "xyz"] }), json!({ "suffix": "yz" })),
        (json!({ "prefix": "xy" }), json!({ "prefix": "x" })),
        (json!({ "suffix": "@a.org" }), json!({ "suffix": "org" })),
        (json!({ "prefix": "test-" }), json!({ "suffix": "@a.org" })),
        (json!({ "range": { "from": 18, "to": 30 } }), json!({ "range": { "from": 29 } })),
        (json!({ "range": { "to": 30 } }), json!({ "range": { "to": 18 } })),
        (json!({ "range": { "from": 0.25, "to": 0.5 } }), json!({ "range": { "from": 0.49 } })),
        (json!({ "equals": 18 }), json!({ "range": { "from": 18, "to": 30 } })),
        (json!({ "semver": ">=1.2.0, <2" }), json!({ "semver": "^1.9" })),
        (json!({ "semver": "<1" }), json!({ "semver": "<0.5" })),
        (json!({ "semver": ">1.2.3" }), json!({ "semver": "<=1.2.4" })),
        (json!({ "semver": "*" }), json!({ "semver": "=3.1.4" })),
        (json!({ "semver": ">1" }), json!({ "semver": ">2.5" })),
        (json!({ "equals": "2.1" }), json!({ "semver": ">=2" })),
        (json!({ "exists": true }), json!({ "equals": "x" })),
        (json!({ "exists": false }), json!({ "exists": false })),
        (json!({ "equals": "x", "not": true }), json!({ "equals": "y", "not": true })),
        (json!({ "equals": "x", "not": true }), json!({ "prefix": "x" })),
        (
            json!({ "range": { "from": 18, "to": 30 }, "not": true }),
            json!({ "range": { "from": 29, "to": 40 } }),
        ),
        (json!({ "equals": 18, "not": true }), json!({ "range": { "from": 18, "to": 18.5 } })),
    ] {
        assert!(overlap(&json!([on(a.clone())]), &json!([on(b.clone())])).is_some(), "{a} {b}");
        assert!(overlap(&json!([on(b.clone())]), &json!([on(a.clone())])).is_some(), "{b} {a}");
    }
}

#[test]
fn what_is_separate_is_not_accused() {
    for (a, b) in [
        (json!({ "equals": "x" }), json!({ "equals": "y" })),
        (json!({ "equals": 1 }), json!({ "equals": "1" })),
        (json!({ "in": ["x", "y"] }), json!({ "in": ["z"] })),
        (json!({ "equals": "x" }), json!({ "prefix": "y" })),
        (json!({ "prefix": "xa" }), json!({ "prefix": "xb" })),
        (json!({ "suffix": "a.org" }), json!({ "suffix": "b.org" })),
        (json!({ "range": { "from": 18, "to": 30 } }), json!({ "range": { "from": 30 } })),
        (json!({ "semver": "<2" }), json!({ "semver": ">=2" })),
        (json!({ "semver": "~1.2" }), json!({ "semver": "~1.3" })),
        (json!({ "exists": false }), json!({ "equals": "x" })),
        (json!({ "equals": "x" }), json!({ "equals": "x", "not": true })),
        (json!({ "prefix": "x" }), json!({ "prefix": "x", "not": true })),
        (json!({ "range": { "from": 18 } }), json!({ "range": { "from": 18 }, "not": true })),
        (json!({ "equals": "x" }), json!({ "range": { "from": 0 } })),
    ] {
        assert_eq!(overlap(&json!([on(a.clone())]), &json!([on(b.clone())])), None, "{a} {b}");
    }
}

#[test]
fn another_condition_can_keep_segments_apart() {
    let a = json!([{ "attribute": "country", "in": ["de", "at"] }, { "attribute": "plan", "equals": "pro" }]);
    let b = json!([{ "attribute": "country", "equals": "de" }, { "attribute": "plan", "equals": "free" }]);
    assert_eq!(overlap(&a, &b), None);
    let c =
        json!([{ "attribute": "country", "equals": "de" }, { "attribute": "age", "range": { "from": 18 } }]);
    assert_eq!(overlap(&a, &c).as_deref(), Some("country = \"de\""));
}

#[test]
fn different_questions_are_not_compared() {
    let a = json!([{ "attribute": "email", "suffix": "@example.org" }]);
    let b = json!([{ "attribute": "country", "equals": "de" }]);
    assert_eq!(overlap(&a, &b), None);
}

/// Any condition on the attribute `a`, over values close enough to meet.
fn any_condition() -> impl Strategy<Value = Value> {
    let text = "[xy]{1,2}";
    let test = prop_oneof![
        text.prop_map(|text| json!({ "equals": text })),
        prop::collection::vec(text, 1..4).prop_map(|texts| json!({ "in": texts })),
        text.prop_map(|text| json!({ "prefix": text })),
        text.prop_map(|text| json!({ "suffix": text })),
        (0..4u8, 1..4u8).prop_map(|(from, length)| json!({ "range": { "from": from, "to": from + length } })),
        (0..3u8, 0..3u8)
            .prop_map(|(major, minor)| json!({ "semver": format!(">={major}.{minor}, <{}", major + 1) })),
        any::<bool>().prop_map(|wanted| json!({ "exists": wanted })),
        (0..4u8).prop_map(|number| json!({ "equals": number })),
    ];
    (test, any::<bool>()).prop_map(|(mut test, not)| {
        test["not"] = json!(not);
        on(test)
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[xy]{1,3}".prop_map(Value::from),
        (0..8u8).prop_map(|half| json!(f64::from(half) / 2.0)),
        (0..3u8, 0..3u8).prop_map(|(major, minor)| json!(format!("{major}.{minor}.1"))),
        Just(json!(null)),
        Just(json!([])),
    ]
}

proptest! {
    /// If a value happens to match both, the search finds that they overlap.
    #[test]
    fn what_both_match_is_found(a in any_condition(), b in any_condition(), value in any_value()) {
        let context = Context::from_json(&json!({ "a": value })).unwrap();
        if condition(&a).holds(&context) && condition(&b).holds(&context) {
            prop_assert!(overlap(&json!([a]), &json!([b])).is_some(), "{} {} {}", a, b, value);
        }
    }
}
