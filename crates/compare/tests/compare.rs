//! Whole answers against each other: examples, then properties.

use std::collections::BTreeSet;

use banyan_compare::{
    Answer, Difference, DifferenceKind, MAX_DIFFERENCES, MAX_PATH_CHARS, Rules, compare, redact,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn json(body: &str) -> Answer<'_> {
    Answer { status: 200, content_type: Some("application/json"), body: body.as_bytes() }
}

fn text(body: &str) -> Answer<'_> {
    Answer { content_type: Some("text/plain"), ..json(body) }
}

fn rules(ignore: &[&str]) -> Rules {
    Rules::new(&ignore.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("valid patterns")
}

fn found(differences: &[Difference]) -> Vec<(&str, DifferenceKind)> {
    differences.iter().map(|one| (one.path.as_str(), one.kind)).collect()
}

fn bodies(control: &str, candidate: &str) -> Vec<(String, DifferenceKind)> {
    let differences = compare(&json(control), &json(candidate), &Rules::default());
    differences.into_iter().map(|one| (one.path, one.kind)).collect()
}

#[test]
fn equal_in_meaning_is_a_match() {
    for (control, candidate) in [
        (r#"{"a":1,"b":2}"#, r#"{ "b": 2.0, "a": 1 }"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#""\u00e9""#, r#""é""#),
        ("12345678901234567890123", "12345678901234567890123.0"),
        ("", ""),
    ] {
        assert_eq!(bodies(control, candidate), [], "{control} {candidate}");
    }
}

#[test]
fn differences_are_named_by_path_and_kind() {
    use DifferenceKind::{Extra, Length, Missing, Type, Value};
    for (control, candidate, path, kind) in [
        (r#"{"a":{"b":1}}"#, r#"{"a":{"b":2}}"#, "/a/b", Value),
        (r#"{"a":1}"#, r#"{"a":"1"}"#, "/a", Type),
        (r#"{"a":null}"#, r#"{}"#, "/a", Missing),
        (r#"{}"#, r#"{"a":null}"#, "/a", Extra),
        (r#"{"a":[1,2]}"#, r#"{"a":[1]}"#, "/a", Length),
        (r#"[{"id":1},{"id":2}]"#, r#"[{"id":1},{"id":3}]"#, "/*/id", Value),
        (r#"{"a/b":{"c~d":1}}"#, r#"{"a/b":{"c~d":2}}"#, "/a~1b/c~0d", Value),
        ("9007199254740993", "9007199254740992", "(body)", Value),
        ("true", "false", "(body)", Value),
        (r#"{"a":1}"#, "oops", "(body)", Type),
        (r#"{"a":1}"#, "", "(body)", Missing),
        ("", "x", "(body)", Extra),
    ] {
        assert_eq!(bodies(control, candidate), [(path.to_owned(), kind)], "{control} {candidate}");
    }
}

#[test]
fn texts_are_compared_byte_by_byte() {
    assert_eq!(compare(&text("a b"), &text("a b"), &Rules::default()), []);
    for (control, candidate) in [("a b", "a  b"), ("42", "forty-two")] {
        let differences = compare(&text(control), &text(candidate), &Rules::default());
        assert_eq!(found(&differences), [("(body)", DifferenceKind::Value)]);
        assert_eq!(redact(differences[0].control.as_ref()), format!("string({})", control.len()));
    }
}

#[test]
fn another_class_of_status_is_the_only_difference() {
    let broken = Answer { status: 500, content_type: Some("text/html"), body: b"<h1>" };
    let differences = compare(&json("{}"), &broken, &Rules::default());
    assert_eq!(found(&differences), [("(status)", DifferenceKind::Value)]);
    assert_eq!(differences[0].candidate, Some(json!(500)));
}

#[test]
fn within_a_class_everything_is_compared() {
    let created = Answer { status: 201, content_type: None, body: br#"{"a":2}"# };
    let differences = compare(&json(r#"{"a":1}"#), &created, &Rules::default());
    let expected = [
        ("(status)", DifferenceKind::Value),
        ("(content-type)", DifferenceKind::Missing),
        ("/a", DifferenceKind::Value),
    ];
    assert_eq!(found(&differences), expected);
}

#[test]
fn a_path_is_reported_once_per_pair() {
    let control = r#"[{"id":1},{"id":2},{"id":3}]"#;
    let candidate = r#"[{"id":4},{"id":5},{}]"#;
    assert_eq!(bodies(control, candidate), [("/*/id".to_owned(), DifferenceKind::Value)]);
}

#[test]
fn reports_are_bounded() {
    let object = |value: u32| {
        let members: Map<String, Value> = (0..1000).map(|key| (format!("k{key}"), json!(value))).collect();
        Value::Object(members).to_string()
    };
    assert_eq!(bodies(&object(1), &object(2)).len(), MAX_DIFFERENCES);
    let long = |value: u32| json!({ "k".repeat(10_000): value }).to_string();
    assert_eq!(bodies(&long(1), &long(2))[0].0.chars().count(), MAX_PATH_CHARS + 1);
}

#[test]
fn bodies_nested_too_deeply_are_not_json() {
    let deep = |leaf: &str| format!("{}{leaf}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(bodies(&deep("1"), &deep("2")), [("(body)".to_owned(), DifferenceKind::Value)]);
    assert_eq!(bodies("{}", &deep("1")), [("(body)".to_owned(), DifferenceKind::Type)]);
}

#[test]
fn ignored_paths_cover_what_lies_below() {
    let control = json(r#"{"at":1,"items":[{"id":1,"meta":{"at":{"s":1}}}]}"#);
    let candidate = json(r#"{"items":[{"id":1,"meta":{"at":{"s":2}}}]}"#);
    assert_eq!(compare(&control, &candidate, &rules(&["/**/at"])), []);
    let some = compare(&control, &candidate, &rules(&["/items/*/meta"]));
    assert_eq!(found(&some), [("/at", DifferenceKind::Missing)]);
    assert_eq!(compare(&control, &candidate, &rules(&[""])), []);
}

/// Any JSON value of moderate size.
/// Keys without `@`: addresses of mail are shown as `*`, as ids are.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter_map("finite", |number| serde_json::Number::from_f64(number).map(Value::Number)),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[^@\\n]{0,4}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Reported path of every leaf, with the pointer that reaches it.
fn leaves(value: &Value, path: &str, pointer: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                leaves(element, &format!("{path}/*"), &format!("{pointer}/{index}"), out);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(member, &format!("{path}/{key}"), &format!("{pointer}/{key}"), out);
            }
        }
        _ => out
            .push((if path.is_empty() { "(body)".to_owned() } else { path.to_owned() }, pointer.to_owned())),
    }
}

/// A leaf of the same type with another value, or of another type where there is no other value.
fn changed(leaf: &Value) -> Value {
    match leaf {
        Value::Bool(flag) => Value::from(!flag),
        Value::String(text) => Value::from(format!("{text}x")),
        Value::Number(number) if number.as_f64() == Some(7.0) => Value::from(8),
        Value::Number(_) => Value::from(7),
        _ => Value::from("was null"),
    }
}

proptest! {
    #[test]
    fn a_body_matches_itself(value in any_json()) {
        let (compact, pretty) = (value.to_string(), serde_json::to_string_pretty(&value).unwrap());
        prop_assert_eq!(compare(&json(&compact), &json(&pretty), &Rules::default()), []);
    }

    #[test]
    fn swapping_sides_finds_the_same_paths(left in any_json(), right in any_json()) {
        let (left, right) = (left.to_string(), right.to_string());
        let there = compare(&json(&left), &json(&right), &Rules::default());
        let back = compare(&json(&right), &json(&left), &Rules::default());
        let paths = |all: &[Difference]| all.iter().map(|one| one.path.clone()).collect::<BTreeSet<_>>();
        prop_assert_eq!(paths(&there), paths(&back));
    }

    #[test]
    fn one_changed_leaf_is_found_at_its_path_unless_ignored(value in any_json(), pick: prop::sample::Index) {
        let mut all = Vec::new();
        leaves(&value, "", "", &mut all);
        prop_assume!(!all.is_empty());
        let (path, pointer) = &all[pick.index(all.len())];
        let mut other = value.clone();
        let leaf = other.pointer_mut(pointer).unwrap();
        *leaf = changed(leaf);
        let (left, right) = (value.to_string(), other.to_string());
        let differences = compare(&json(&left), &json(&right), &Rules::default());
        prop_assert_eq!(differences.len(), 1);
        prop_assert_eq!(&differences[0].path, path);
        prop_assert_eq!(compare(&json(&left), &json(&right), &rules(&[pointer])), []);
    }

    #[test]
    fn any_bytes_are_compared(
        left in prop::collection::vec(any::<u8>(), 0..64),
        right in prop::collection::vec(any::<u8>(), 0..64),
        status in 100u16..600,
    ) {
        let answer = |body| Answer { status, content_type: Some("application/json"), body };
        let differences = compare(&answer(&left), &answer(&right), &Rules::default());
        prop_assert!(left != right || differences.is_empty());
    }

    #[test]
    fn almost_json_is_compared(left in r#"[\[\]{}",:0-9eE.\\u-]{0,40}"#, right in r#"[\[\]{}",:0-9eE.\\u-]{0,40}"#) {
        let there = compare(&json(&left), &json(&right), &Rules::default());
        prop_assert_eq!(there.len(), compare(&json(&right), &json(&left), &Rules::default()).len());
    }
}
