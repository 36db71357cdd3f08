//! The published vectors: what any implementation of this model has to say.
//!
//! `vectors.json` was computed with another implementation, in another language. It may gain cases; a case may never
//! change, since that would move live users.

use banyan_flags::{Context, Definition, Evaluation, FlagSet};
use serde_json::{Map, Value, json};

fn said(evaluation: &Evaluation<'_>) -> Value {
    if let Some(code) = evaluation.error_code() {
        return json!({ "errorCode": code.as_str() });
    }
    let mut said = Map::new();
    said.insert("value".into(), evaluation.value.cloned().unwrap_or_default());
    said.insert("variant".into(), json!(evaluation.variant));
    said.insert("reason".into(), json!(evaluation.reason.as_str()));
    let further = [
        ("segment", evaluation.segment.map(Value::from)),
        ("bucket", evaluation.bucket.map(|bucket| Value::from(bucket.index()))),
        ("unmet", evaluation.unmet.map(Value::from)),
    ];
    said.extend(further.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(said)
}

#[test]
fn published_vectors_hold() {
    let vectors: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let flags = vectors["flags"].as_object().unwrap().iter();
    let flags = flags.map(|(key, flag)| Definition::read_as(key, flag).unwrap()).collect();
    let set = FlagSet::new(flags, &[]).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() > 50);
    for case in cases {
        let context = Context::from_json(&case["context"]).unwrap();
        let evaluation = set.evaluate(case["flag"].as_str().unwrap(), &context);
        assert_eq!(said(&evaluation), case["expect"], "{case}");
    }
}
