use proptest::prelude::*;
use serde_json::json;

use super::*;

fn context(value: Value) -> Context {
    Context::from_json(&value).unwrap()
}

fn refused(value: Value) -> ContextError {
    Context::from_json(&value).unwrap_err()
}

#[test]
fn a_missing_an_empty_and_a_wrong_targeting_key_are_three_things() {
    assert_eq!(context(json!({})).targeting_key(), None);
    assert_eq!(context(json!({ "targetingKey": null })).targeting_key(), None);
    assert_eq!(context(json!({ "targetingKey": "" })).targeting_key(), Some(""));
    for (value, what) in [
        (json!(42), "a number"),
        (json!(true), "a boolean"),
        (json!(["a"]), "a list"),
        (json!({}), "an object"),
    ] {
        let error = refused(json!({ "targetingKey": value }));
        assert_eq!(
            (error.code(), error),
            (ErrorCode::InvalidContext, ContextError::TargetingKeyNotText(what))
        );
    }
}

#[test]
fn the_targeting_key_is_an_attribute_too() {
    let found = context(json!({ "targetingKey": "u" }));
    assert_eq!(found.attribute("targetingKey"), Some(&Attribute::Scalar(Scalar::Text("u".into()))));
    assert_eq!(found, Context::for_subject("u"));
    assert_eq!(found, Context::from_pairs(Some("u"), [("a", Value::Null)]).unwrap());
}

#[test]
fn nested_attributes_and_dotted_names_are_the_same() {
    let nested = context(json!({ "app": { "version": "1", "os": { "name": "x" } } }));
    for path in ["app", "app.version", "app.os", "app.os.name"] {
        assert!(nested.attribute(path).is_some(), "{path}");
    }
    for path in ["", "version", "app.", "app.os.name.x", "ap"] {
        assert!(nested.attribute(path).is_none(), "{path}");
    }
    let dotted = context(json!({ "app.version": "1" }));
    assert_eq!(dotted.attribute("app.version"), nested.attribute("app.version"));
    assert_eq!(
        refused(json!({ "app": { "version": "1" }, "app.version": "1" })),
        ContextError::Ambiguous("app.version".into())
    );
}

#[test]
fn what_is_no_object_is_no_context() {
    for (value, what) in
        [(json!([]), "a list"), (json!(null), "nothing"), (json!("x"), "a text"), (json!(1), "a number")]
    {
        assert_eq!(refused(value), ContextError::NotAnObject(what));
    }
    let error = Context::parse(b"{").unwrap_err();
    assert_eq!(error.code(), ErrorCode::ParseError);
}

#[test]
fn json_that_is_too_much_is_not_called_no_json() {
    let deep = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    for levels in [MAX_CONTEXT_DEPTH + 1, 127, 128, 5_000] {
        assert_eq!(Context::parse(deep(levels).as_bytes()), Err(ContextError::TooDeep), "{levels}");
    }
    assert_eq!(Context::parse(br#"{"a": [[[[[[[[[["#).unwrap_err().code(), ErrorCode::ParseError);
    for number in ["1e400", "-1e400"] {
        let error = Context::parse(format!("{{\"a\": {number}}}").as_bytes()).unwrap_err();
        assert!(matches!(error, ContextError::NumberOutOfRange(_)), "{error}");
        assert_eq!(error.code(), ErrorCode::InvalidContext);
    }
    let tiny = Context::parse(br#"{"a": 1e-400}"#).unwrap();
    assert!(tiny.attribute("a").is_some(), "what is nearly nothing is nothing");
}

#[test]
fn a_large_context_is_refused_before_it_is_read() {
    // Not JSON at all: had it been read, the error would be another.
    let text = vec![b'x'; MAX_CONTEXT_BYTES + 1];
    assert_eq!(Context::parse(&text), Err(ContextError::TooLarge));
    assert!(matches!(Context::parse(&text[1..]), Err(ContextError::NotJson(_))));
    let megabyte = json!({ "a": "x".repeat(1 << 20) });
    assert_eq!(refused(megabyte), ContextError::TooLarge);
    let many = json!({ "list": vec![0; 40_000] });
    assert_eq!(refused(many), ContextError::TooLarge);
}

#[test]
fn the_largest_context_passes_and_one_byte_more_does_not() {
    // {"a":"..."} has eight bytes around the text.
    let of = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
    assert!(Context::parse(of(MAX_CONTEXT_BYTES).as_bytes()).is_ok());
    assert_eq!(Context::parse(of(MAX_CONTEXT_BYTES + 1).as_bytes()), Err(ContextError::TooLarge));
}

#[test]
fn attributes_and_depth_are_limited() {
    let many = |count: usize| Context::from_pairs(None, (0..count).map(|n| (format!("a{n}"), json!(n))));
    assert_eq!(many(MAX_ATTRIBUTES).map(|context| context.len()), Ok(MAX_ATTRIBUTES));
    assert_eq!(many(MAX_ATTRIBUTES + 1), Err(ContextError::TooManyAttributes));
    let deep = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
    assert!(Context::from_json(&deep(MAX_CONTEXT_DEPTH)).is_ok());
    assert_eq!(refused(deep(MAX_CONTEXT_DEPTH + 1)), ContextError::TooDeep);
    let list = (0..200).fold(json!(0), |inner, _| json!([inner]));
    assert_eq!(refused(json!({ "a": list })), ContextError::TooDeep);
}

#[test]
fn names_too_long_for_a_condition_are_left_out() {
    let context =
        context(json!({ "x".repeat(MAX_ATTRIBUTE_PATH): 1, "y".repeat(MAX_ATTRIBUTE_PATH + 1): { "z": 1 } }));
    assert_eq!(context.len(), 1);
}

#[test]
fn the_fingerprint_sees_what_an_evaluation_can_see_and_nothing_else() {
    let print = |value: Value| context(value).fingerprint();
    let one = print(json!({ "targetingKey": "u", "a": 1, "b": { "c": "x" } }));
    assert_eq!(one, print(json!({ "b": { "c": "x", "d": null }, "a": 1.0, "targetingKey": "u" })));
    assert_eq!(print(json!({ "list": [1] })), print(json!({ "list": [2, 3] })));
    for other in [
        json!({ "targetingKey": "v", "a": 1, "b": { "c": "x" } }),
        json!({ "targetingKey": "u", "a": 2, "b": { "c": "x" } }),
        json!({ "targetingKey": "u", "a": "1", "b": { "c": "x" } }),
        json!({ "targetingKey": "u", "a": 1, "b": { "c": "y" } }),
        json!({ "targetingKey": "u", "a": 1, "b": [] }),
        json!({ "targetingKey": "u", "a": 1 }),
        json!({}),
    ] {
        assert_ne!(print(other.clone()), one, "{other}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _unused = Context::parse(&text);
    }

    #[test]
    fn the_order_of_attributes_does_not_count(pairs in prop::collection::btree_map("[a-c]{1,3}", any::<i32>(), 0..8)) {
        let forward = Context::from_pairs(Some("u"), pairs.iter().map(|(k, v)| (k.clone(), json!(v)))).unwrap();
        let backward = Context::from_pairs(Some("u"), pairs.iter().rev().map(|(k, v)| (k.clone(), json!(v)))).unwrap();
        prop_assert_eq!(forward.fingerprint(), backward.fingerprint());
        prop_assert_eq!(forward, backward);
    }
}
