use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{ErrorCode, Kind, Reason};

fn read(flags: &Value) -> Vec<Definition> {
    let flags = flags.as_object().unwrap().iter();
    flags.map(|(key, value)| Definition::read_as(key, value).unwrap()).collect()
}

fn set(flags: &Value) -> FlagSet {
    FlagSet::new(read(flags), &[]).unwrap()
}

#[track_caller]
fn refuses(flags: &Value, retired: &[&str], expected: &[(&str, &str, &str)]) {
    let retired = retired.iter().map(ToString::to_string).collect::<Vec<_>>();
    let faults = FlagSet::new(read(flags), &retired).unwrap_err();
    let found =
        faults.iter().map(|one| (&*one.flag, &*one.fault.pointer, &*one.fault.what)).collect::<Vec<_>>();
    let alike = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(is, should)| is.0 == should.0 && is.1 == should.1 && is.2.contains(should.2));
    assert!(alike, "{found:#?}\ninstead of\n{expected:#?}");
}

fn needs(flags: &[&str]) -> Value {
    let needed = flags.iter().map(|flag| json!({ "flag": flag, "variant": "on" })).collect::<Value>();
    json!({ "prerequisites": needed, "default": "on" })
}

fn context(value: &Value) -> Context {
    Context::from_json(value).unwrap()
}

#[test]
fn every_reason_is_given_where_it_belongs() {
    let set = set(&json!({
        "static": { "default": "on" },
        "disabled": { "default": "on", "enabled": false },
        "targeted": { "segments": [
            { "name": "staff", "when": [{ "attribute": "email", "suffix": "@example.org" }], "variant": "on" },
            { "name": "german", "when": [{ "attribute": "country", "equals": "de" }], "percent": "100%" },
        ] },
        "split": { "percent": "100%" },
        "needs": { "prerequisites": [{ "flag": "static", "variant": "on" }], "default": "on" },
        "unmet": { "prerequisites": [{ "flag": "disabled", "variant": "on" }], "default": "on" },
    }));
    let said = |key: &'static str, attributes: Value| {
        let context = context(&attributes);
        let said = set.evaluate(key, &context);
        (said.reason, said.as_bool().unwrap(), said.segment.map(str::to_owned), said.unmet.map(str::to_owned))
    };
    let staff = json!({ "email": "a@example.org", "country": "de" });
    assert_eq!(said("static", json!({})), (Reason::Static, true, None, None));
    assert_eq!(said("disabled", json!({})), (Reason::Disabled, false, None, None));
    assert_eq!(said("targeted", staff), (Reason::TargetingMatch, true, Some("staff".into()), None));
    assert_eq!(
        said("targeted", json!({ "country": "de" })),
        (Reason::Split, true, Some("german".into()), None)
    );
    assert_eq!(said("targeted", json!({})), (Reason::Default, false, None, None));
    assert_eq!(said("split", json!({})), (Reason::Split, true, None, None));
    assert_eq!(said("needs", json!({})), (Reason::Default, true, None, None));
    assert_eq!(said("unmet", json!({})), (Reason::Disabled, false, None, Some("disabled".into())));
}

#[test]
fn a_percentage_needs_a_targeting_key_and_says_which_way_it_is_missing() {
    let set = set(&json!({
        "some": { "percent": "5%" }, "none": { "percent": "0%" }, "all": { "percent": "100%" },
        "above": { "prerequisites": [{ "flag": "some", "variant": "on" }] },
        "segment": { "segments": [{ "name": "s", "when": [{ "attribute": "a", "exists": true }], "percent": "5%" }] },
    }));
    for (attributes, error) in [
        (json!({}), EvaluationError::TargetingKeyMissing),
        (json!({ "targetingKey": "" }), EvaluationError::TargetingKeyEmpty),
    ] {
        let context = context(&attributes);
        for key in ["some", "above"] {
            let said = set.evaluate(key, &context);
            assert_eq!(
                (said.error, said.value, said.variant, said.reason),
                (Some(error), None, None, Reason::Error),
                "{key}"
            );
            assert_eq!(said.error_code(), Some(ErrorCode::TargetingKeyMissing));
        }
        for key in ["none", "all", "segment"] {
            assert_eq!(set.evaluate(key, &context).error, None, "{key}");
        }
    }
    assert!(set.evaluate("segment", &context(&json!({ "a": 1 }))).error.is_some());
}

#[test]
fn unknown_keys_and_wrong_types_are_errors() {
    let set =
        set(&json!({ "text": { "variants": { "a": "x" }, "default": "a", "metadata": { "team": "t" } } }));
    let nobody = Context::default();
    let unknown = set.evaluate("nothing", &nobody);
    assert_eq!((unknown.key, unknown.error_code()), ("nothing", Some(ErrorCode::FlagNotFound)));
    let text = set.evaluate("text", &nobody);
    assert_eq!(text.as_str(), Ok("x"));
    assert_eq!(text.expect(Kind::String), text);
    let mismatch = EvaluationError::TypeMismatch { wanted: Kind::Boolean, actual: Kind::String };
    assert_eq!(text.as_bool(), Err(mismatch));
    let refused = text.expect(Kind::Boolean);
    assert_eq!((refused.error_code(), refused.value), (Some(ErrorCode::TypeMismatch), None));
    assert_eq!(refused.metadata, [("team".to_owned(), json!("t"))]);
    assert_eq!(unknown.as_bool(), Err(EvaluationError::FlagNotFound));
}

#[test]
fn all_flags_are_evaluated_in_the_order_of_their_keys() {
    let set = set(&json!({ "b": {}, "a": { "percent": "5%" }, "c": { "default": "on" } }));
    let nobody = Context::default();
    let all = set.evaluate_all(&nobody).map(|said| (said.key, said.as_bool().ok())).collect::<Vec<_>>();
    assert_eq!(all, [("a", None), ("b", Some(false)), ("c", Some(true))]);
    assert_eq!(set.definitions().map(Definition::key).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!((set.len(), set.get("b").is_some(), set.get("d").is_some()), (3, true, false));
}

#[test]
fn a_flag_has_to_fit_the_others() {
    refuses(&json!({ "old": {} }), &["old"], &[("old", "", "was retired")]);
    refuses(&json!({ "a": needs(&["b"]), "bb": {} }), &[], &[("a", "/prerequisites/0/flag", "no flag 'b'")]);
    let variant = json!({ "a": { "prerequisites": [{ "flag": "b", "variant": "yes" }] }, "b": {} });
    refuses(&variant, &[], &[("a", "/prerequisites/0/variant", "'b' has no variant 'yes'")]);
    refuses(&json!({ "a": needs(&["a"]) }), &[], &[("a", "/prerequisites/0/flag", "circle of 1: a -> a")]);
    let twice = [read(&json!({ "a": {} })), read(&json!({ "a": {} }))].concat();
    assert_eq!(FlagSet::new(twice, &[]).unwrap_err()[0].fault.what, "there are two flags 'a'");
}

#[test]
fn a_circle_is_told_once_and_whoever_leads_into_it_is_not_accused() {
    let flags = json!({ "a": needs(&["c"]), "b": needs(&["free", "c"]), "c": needs(&["d"]), "d": needs(&["b"]), "free": {} });
    refuses(&flags, &[], &[("b", "/prerequisites/1/flag", "circle of 3: b -> c -> d -> b")]);
    let two = json!({ "a": needs(&["b"]), "b": needs(&["a"]), "x": needs(&["y"]), "y": needs(&["x"]) });
    refuses(
        &two,
        &[],
        &[("a", "/prerequisites/0/flag", "a -> b -> a"), ("x", "/prerequisites/0/flag", "x -> y -> x")],
    );
}

#[test]
fn prerequisites_that_lead_too_far_are_refused_where_they_begin_to() {
    let chain = |length: usize| {
        let flag = |n: usize| {
            (format!("f{n:03}"), if n == 0 { json!({}) } else { needs(&[&format!("f{:03}", n - 1)]) })
        };
        Value::Object((0..length).map(flag).collect())
    };
    assert!(FlagSet::new(read(&chain(64)), &[]).is_ok());
    refuses(&chain(70), &[], &[("f064", "/prerequisites", "65 evaluations")]);
    // Two prerequisites each, the same two below: 2^n paths.
    let mut flags = json!({ "a0": {}, "b0": {} });
    for n in 1..40 {
        let below = [format!("a{}", n - 1), format!("b{}", n - 1)];
        let below = [below[0].as_str(), below[1].as_str()];
        flags[format!("a{n}")] = needs(&below);
        flags[format!("b{n}")] = needs(&below);
    }
    let faults = FlagSet::new(read(&flags), &[]).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn a_fingerprint_follows_what_is_said_and_not_how() {
    let print = |flags: Value| set(&flags).fingerprint();
    let one = print(
        json!({ "a": { "percent": "5%" }, "b": { "variants": { "x": { "p": 1, "q": 2 }, "y": {} }, "default": "x" } }),
    );
    let same = json!({ "b": { "default": "x", "variants": { "y": {}, "x": { "q": 2, "p": 1.0 } }, "enabled": true }, "a": { "percent": "5.00%", "default": "off", "salt": "a" } });
    assert_eq!(one, print(same));
    assert_ne!(
        one,
        print(
            json!({ "a": { "percent": "6%" }, "b": { "variants": { "x": { "p": 1, "q": 2 }, "y": {} }, "default": "x" } })
        )
    );
    assert_eq!(print(json!({})), FlagSet::default().fingerprint());
    // It may be part of tags that clients keep: it may never change for the same definitions.
    assert_eq!(print(json!({ "a": { "percent": "5%" } })), 10_913_617_745_230_842_298);
}

proptest! {
    #[test]
    fn circles_of_any_length_are_found(length in 1usize..600, tail in 0usize..20, free in 0usize..20) {
        let mut flags = serde_json::Map::new();
        for n in 0..length {
            flags.insert(format!("c{n}"), needs(&[&format!("c{}", (n + 1) % length)]));
        }
        for n in 0..tail {
            let next = if n == 0 { "c0".to_owned() } else { format!("t{}", n - 1) };
            flags.insert(format!("t{n}"), needs(&[&next]));
        }
        for n in 0..free {
            flags.insert(format!("f{n}"), json!({}));
        }
        let faults = FlagSet::new(read(&Value::Object(flags)), &[]).unwrap_err();
        prop_assert_eq!(faults.len(), 1, "{:?}", faults);
        prop_assert!(faults[0].fault.what.contains(&format!("circle of {length}:")), "{}", faults[0]);
    }

    #[test]
    fn without_a_circle_none_is_found(edges in prop::collection::vec((1usize..12, 0usize..12), 0..14)) {
        let mut flags = (0..12).map(|n| (format!("f{n}"), Vec::new())).collect::<std::collections::BTreeMap<String, Vec<String>>>();
        for (from, to) in edges {
            // From a higher to a lower number only.
            let below = format!("f{}", to % from);
            let needed = flags.get_mut(&format!("f{from}")).unwrap();
            if !needed.contains(&below) {
                needed.push(below);
            }
        }
        let flags = flags.iter().map(|(key, needed)| (key.clone(), needs(&needed.iter().map(String::as_str).collect::<Vec<_>>())));
        let checked = FlagSet::new(read(&Value::Object(flags.collect())), &[]);
        let circle = checked.err().into_iter().flatten().find(|one| one.fault.what.contains("circle"));
        prop_assert!(circle.is_none(), "{:?}", circle);
    }
}

#[test]
fn what_cannot_be_a_prerequisite_is_told_why() {
    let flags = json!({ "a": needs(&["gone", "unit.articles", "never"]) });
    refuses(
        &flags,
        &["gone"],
        &[
            ("a", "/prerequisites/0/flag", "the flag 'gone' was retired"),
            ("a", "/prerequisites/1/flag", "'unit.articles' is where a unit stands"),
            ("a", "/prerequisites/2/flag", "there is no flag 'never'"),
        ],
    );
}
