//! What holds for every definition and every context.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use banyan_flags::{Bucket, Context, Definition, FlagSet, Percent, Reason, UnitFlag};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn object(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn percent() -> impl Strategy<Value = Percent> {
    (0u16..=10_000).prop_map(|points| Percent::from_basis_points(points).unwrap())
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-c]{0,2}".prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(|number| json!(f64::from(number) / 4.0))
    ]
}

fn attribute() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "app", "app.version", "targetingKey"])
}

fn condition() -> impl Strategy<Value = Value> {
    let test = prop_oneof![
        scalar().prop_map(|value| ("equals", value)),
        prop::collection::vec(scalar(), 1..4).prop_map(|values| ("in", json!(values))),
        "[a-c]{1,2}".prop_map(|text| ("prefix", json!(text))),
        "[a-c]{1,2}".prop_map(|text| ("suffix", json!(text))),
        (0..3u8, 0..3u8).prop_map(|(major, minor)| ("semver", json!(format!(">={major}.{minor}, <3")))),
        (-3..3i8).prop_map(|from| ("range", json!({ "from": from, "to": f64::from(from) + 1.5 }))),
        (-3..3i8).prop_map(|to| ("range", json!({ "to": to }))),
        any::<bool>().prop_map(|wanted| ("exists", json!(wanted))),
    ];
    (attribute(), test, any::<Option<bool>>()).prop_map(|(attribute, (name, value), not)| {
        object([("attribute", Some(json!(attribute))), (name, Some(value)), ("not", not.map(Value::from))])
    })
}

/// `percent` for half of all, else a variant by name.
fn segments(variants: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let serve = prop_oneof![
        percent().prop_map(move |percent| {
            let rest = Percent::from_basis_points(10_000 - percent.basis_points()).unwrap().to_string();
            let first = json!({ "variant": variants[0], "percent": percent.to_string() });
            ("split", json!([first, { "variant": variants[1], "percent": rest }]))
        }),
        prop::sample::select(variants).prop_map(|name| ("variant", json!(name))),
    ];
    prop::collection::vec((prop::collection::vec(condition(), 1..3), serve), 0..4).prop_map(|all| {
        let all = all.into_iter().enumerate();
        all.map(|(n, (when, (way, serve)))| {
            object([("name", Some(json!(format!("s{n}")))), ("when", Some(json!(when))), (way, Some(serve))])
        })
        .collect()
    })
}

/// A definition that is right.
fn definition() -> impl Strategy<Value = Value> {
    let boolean = (prop::option::of(percent()), segments(&["on", "off"])).prop_map(|(percent, segments)| {
        (percent.map(|percent| ("percent", json!(percent.to_string()))), segments, None)
    });
    let texts = ((1u16..9_999), segments(&["x", "y"])).prop_map(|(points, segments)| {
        let part = |points: u16| Percent::from_basis_points(points).unwrap().to_string();
        let split = json!([{ "variant": "y", "percent": part(points) }, { "variant": "x", "percent": part(10_000 - points) }]);
        (Some(("split", split)), segments, Some(json!({ "x": "1", "y": "2" })))
    });
    let body = prop_oneof![boolean, texts];
    (
        body,
        any::<Option<bool>>(),
        prop::option::of("[a-z]{1,4}"),
        prop::option::of("[ -~]{0,9}"),
        prop::option::of(scalar()),
    )
        .prop_map(|((serve, segments, variants), enabled, salt, description, metadata)| {
            let (way, serve) = serve.map_or(("percent", None), |(way, value)| (way, Some(value)));
            object([
                ("key", Some(json!("flag"))),
                ("description", description.map(Value::from)),
                ("enabled", enabled.map(Value::from)),
                ("variants", variants),
                (way, serve),
                ("salt", salt.map(Value::from)),
                ("segments", Some(segments)),
                ("overlap", Some(json!("first"))),
                ("metadata", metadata.map(|value| json!({ "m": value }))),
            ])
        })
}

fn context() -> impl Strategy<Value = Value> {
    let value =
        prop_oneof![scalar(), "[0-3]\\.[0-3]".prop_map(Value::from), Just(json!([])), Just(json!(null))];
    let names = prop::sample::select(vec!["a", "b", "c"]);
    let attributes = prop::collection::btree_map(names, value, 0..4);
    (prop::option::of("[a-z]{0,8}"), prop::option::of("[0-3]\\.[0-3]\\.[0-3]"), attributes).prop_map(
        |(key, version, attributes)| {
            let mut map =
                attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>();
            map.extend(key.map(|key| ("targetingKey".to_owned(), json!(key))));
            map.extend(version.map(|version| ("app".to_owned(), json!({ "version": version }))));
            Value::Object(map)
        },
    )
}

/// Any JSON, with the names that mean something here more often than chance would have it.
fn any_json() -> impl Strategy<Value = Value> {
    let names = "key|enabled|variants|default|off|percent|split|salt|segments|overlap|prerequisites|metadata|name|when|variant|attribute|equals|in|prefix|suffix|semver|range|from|to|exists|not|flag|on|[a-z/~]{0,3}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(Value::from),
        "on|off|first|5%|100%|>=1|.{0,3}".prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// All places within a value.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(n, element)| places(element, &format!("{at}/{n}"), into));
        }
        Value::Object(map) => {
            map.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), into))
        }
        _ => {}
    }
}

/// A definition that is right but for one place.
fn damaged() -> impl Strategy<Value = Value> {
    (definition(), any::<prop::sample::Index>(), any_json()).prop_map(|(mut definition, place, other)| {
        let mut all = Vec::new();
        places(&definition, "", &mut all);
        if let Some(place) = definition.pointer_mut(place.get::<String>(&all)) {
            *place = other;
        }
        definition
    })
}

/// A definition that was refused has faults, and each points to something that is there.
fn reasons_are_given(json: &Value) -> Result<(), TestCaseError> {
    let Err(faults) = Definition::read_as("flag", json) else { return Ok(()) };
    prop_assert!(!faults.is_empty(), "{}", json);
    for fault in faults {
        prop_assert!(
            fault.pointer.is_empty() || json.pointer(&fault.pointer).is_some(),
            "{} {}",
            fault,
            json
        );
    }
    Ok(())
}

fn one(definition: &Value) -> FlagSet {
    FlagSet::new(vec![Definition::read(definition).unwrap()], &[]).unwrap()
}

proptest! {
    #[test]
    fn what_is_written_reads_as_the_same(json in definition()) {
        let definition = Definition::read(&json).unwrap();
        let written = definition.to_json();
        let again = Definition::read(&written).unwrap();
        prop_assert_eq!(&again, &definition, "{}", written);
        prop_assert_eq!(again.to_json(), written);
        prop_assert_eq!(again.fingerprint(), definition.fingerprint());
    }

    #[test]
    fn no_json_makes_the_reader_panic_and_a_refusal_has_a_reason(json in any_json(), damaged in damaged()) {
        reasons_are_given(&json)?;
        reasons_are_given(&damaged)?;
        if let Ok(context) = Context::from_json(&json) {
            prop_assert_eq!(context.fingerprint(), Context::from_json(&json).unwrap().fingerprint());
        }
    }

    #[test]
    fn what_is_damaged_and_taken_all_the_same_is_written_as_it_was_taken(json in damaged()) {
        if let Ok(definition) = Definition::read(&json) {
            prop_assert_eq!(Definition::read(&definition.to_json()), Ok(definition), "{}", json);
        }
    }

    #[test]
    fn an_evaluation_follows_from_definition_and_context(definition in definition(), context in context()) {
        let (set, again) = (one(&definition), one(&definition));
        let (here, there) = (Context::from_json(&context).unwrap(), Context::from_json(&context).unwrap());
        let said = set.evaluate("flag", &here);
        prop_assert_eq!(said, again.evaluate("flag", &there));
        prop_assert_eq!(Some(said), set.evaluate_all(&here).next());
        prop_assert_eq!(said.value.is_some(), said.error.is_none());
        prop_assert_eq!(said.reason == Reason::Error, said.error.is_some());
        prop_assert!(said.bucket.is_none() || said.reason == Reason::Split);
    }

    /// The order of attributes, and attributes that no condition names, change neither the answer nor the tag.
    #[test]
    fn equal_fingerprints_mean_equal_answers(definition in definition(), context in context()) {
        let set = one(&definition);
        let here = Context::from_json(&context).unwrap();
        let reversed = Value::Object(context.as_object().unwrap().clone().into_iter().rev().collect());
        let there = Context::from_json(&reversed).unwrap();
        prop_assert_eq!(here.fingerprint(), there.fingerprint());
        prop_assert_eq!(set.evaluate("flag", &here), set.evaluate("flag", &there));
    }

    #[test]
    fn whoever_is_in_stays_in(subject in ".{1,20}", a in percent(), b in percent(), in_segment in any::<bool>()) {
        let flag = |percent: Percent| {
            let percent = percent.to_string();
            if !in_segment {
                return json!({ "key": "flag", "percent": percent });
            }
            let when = json!([{ "attribute": "targetingKey", "exists": true }]);
            json!({ "key": "flag", "segments": [{ "name": "all", "when": when, "percent": percent }] })
        };
        let context = Context::for_subject(&subject);
        let inside = |percent: Percent| one(&flag(percent)).evaluate("flag", &context).as_bool().unwrap();
        prop_assert!(!inside(a.min(b)) || inside(a.max(b)));
        prop_assert_eq!(inside(a), a.contains(Bucket::of("flag", &subject)));
        prop_assert_eq!(inside(a), UnitFlag::new("u", "flag").evaluate(a, &context).as_bool().unwrap());
    }
}
