//! The tables against the readers, the examples and each other.

use std::{collections::BTreeSet, sync::LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{check, fingerprint, report::Problems, schema, yaml};

/// Every occurrence of a key: object, key, and where it stands as a JSON Pointer.
type Occurrence = (&'static str, &'static str, String);

static WHOLE: Kind = Kind::Object(&ROOT);

/// Where the full example is, since it names a file beside it.
const FULL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/full.yaml");

fn full() -> Value {
    let text = include_str!("../../../../examples/full.yaml");
    let problems = Problems::default();
    let node = yaml::read(text, &problems).unwrap_or_else(|_| panic!("{problems:?}"));
    schema::to_json(&node)
}

fn walk(kind: &'static Kind, value: &Value, at: &str, found: &mut Vec<Occurrence>) {
    match (kind, value) {
        (
            Kind::Object(object)
            | Kind::OffOrObject(object)
            | Kind::TextOrObject { object, .. }
            | Kind::TextOr { object, .. }
            | Kind::Foreign(object),
            Value::Object(entries),
        ) => {
            for (key, value) in entries {
                let (_, field) =
                    object.field(key).unwrap_or_else(|| panic!("{at}/{key} is not in the tables"));
                let at = format!("{at}/{key}");
                found.push((object.id, field.key, at.clone()));
                walk(&field.kind, value, &at, found);
            }
        }
        (Kind::List { of, .. } | Kind::OneOrMany(of), Value::Array(items)) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| walk(of, item, &format!("{at}/{index}"), found));
        }
        (Kind::Map { of, .. }, Value::Object(entries)) => {
            entries.iter().for_each(|(key, value)| walk(of, value, &format!("{at}/{key}"), found));
        }
        _ => {}
    }
}

fn occurrences() -> Vec<Occurrence> {
    let mut found = Vec::new();
    walk(&WHOLE, &full(), "", &mut found);
    found
}

/// What a config means, but for how it is written and where what stands in the file.
fn meaning(config: &Value) -> Result<String, crate::Report> {
    let mut plan = crate::parse(FULL, &config.to_string())?;
    plan.hash.clear();
    plan.fingerprint.clear();
    Ok(without_places(&format!("{plan:?}")))
}

fn without_places(text: &str) -> String {
    let mut parts = text.split("Span { ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.filter_map(|part| part.split_once(" }")).fold(first, |text, (_, rest)| text + rest)
}

#[test]
fn the_full_example_has_every_key() {
    let used = occurrences().into_iter().map(|(object, key, _)| (object, key)).collect::<BTreeSet<_>>();
    let known =
        objects().into_iter().flat_map(|object| object.fields.iter().map(|field| (object.id, field.key)));
    assert_eq!(used, known.collect());
}

#[test]
fn no_key_is_read_and_ignored() {
    let whole = meaning(&full()).unwrap_or_else(|report| panic!("{report}"));
    for (object, key, at) in occurrences() {
        let mut config = full();
        let (parent, _) = at.rsplit_once('/').unwrap();
        config.pointer_mut(parent).and_then(Value::as_object_mut).unwrap().remove(key);
        // An error is an effect too: the key was needed.
        let without = meaning(&config);
        assert!(without.is_err() || without.is_ok_and(|without| without != whole), "{object}.{key} ({at})");
    }
}

#[test]
fn every_optional_key_may_be_left_out() {
    for (object, key, at) in occurrences() {
        let required =
            objects().into_iter().find(|known| known.id == object).and_then(|known| known.field(key));
        if matches!(required, Some((_, Field { absence: Absence::Refused, .. }))) {
            continue;
        }
        let mut config = full();
        let (parent, _) = at.rsplit_once('/').unwrap();
        config.pointer_mut(parent).and_then(Value::as_object_mut).unwrap().remove(key);
        // What others refer to may be missed by them; the key itself may not.
        let missed = meaning(&config).err().map(|report| report.to_string()).unwrap_or_default();
        assert!(!missed.contains(&format!("needs '{key}'")), "{at}: {missed}");
        assert!(!missed.contains("please report"), "{at}: {missed}");
    }
}

#[test]
fn the_tables_are_consistent() {
    for object in objects() {
        let keys = object.fields.iter().map(|field| field.key).collect::<BTreeSet<_>>();
        assert_eq!(keys.len(), object.fields.len(), "{}: a key twice", object.id);
        assert!(
            object.misplaced.iter().all(|(key, _)| !keys.contains(key)),
            "{}: misplaced and known",
            object.id
        );
        for field in object.fields {
            assert!(field.doc.ends_with('.'), "{}.{}: write full sentences", object.id, field.key);
        }
    }
}

/// The keys that the reader of flags knows at a place, which it tells whoever writes one that is far from all of them.
fn known_to_flags(at: &str, definition: &Value) -> BTreeSet<String> {
    let faults = banyan_flags::Definition::read_as("a", definition).unwrap_err();
    let pointer = format!("{at}/qqqqqqqqqqqqqqqqqqqq");
    let fault = faults.iter().find(|fault| fault.pointer == pointer).unwrap_or_else(|| panic!("{faults:?}"));
    let known = fault.hint.as_deref().and_then(|hint| hint.strip_prefix("known here: "));
    known.unwrap_or_else(|| panic!("{fault:?}")).split(", ").map(str::to_owned).collect()
}

#[test]
fn the_tables_of_a_flag_have_the_keys_that_its_reader_knows() {
    let odd = json!({ "qqqqqqqqqqqqqqqqqqqq": 1 });
    for (id, at, definition) in [
        ("flag", "", odd.clone()),
        ("share", "/split/0", json!({ "split": [odd] })),
        ("segment", "/segments/0", json!({ "segments": [odd] })),
        ("condition", "/segments/0/when/0", json!({ "segments": [{ "when": [odd] }] })),
        (
            "range",
            "/segments/0/when/0/range",
            json!({ "segments": [{ "when": [{ "attribute": "a", "range": odd }] }] }),
        ),
        ("prerequisite", "/prerequisites/0", json!({ "prerequisites": [odd] })),
    ] {
        let object = objects().into_iter().find(|object| object.id == id).unwrap_or_else(|| panic!("{id}"));
        let mut keys = object.fields.iter().map(|field| field.key.to_owned()).collect::<BTreeSet<_>>();
        if id == "flag" {
            // In a config it stands in front.
            keys.insert("key".to_owned());
        }
        assert_eq!(keys, known_to_flags(at, &definition), "{id}");
    }
}

#[test]
fn what_concerns_one_node_is_a_part_of_the_language() {
    for key in fingerprint::OF_A_NODE {
        assert!(ROOT.field(key).is_some(), "{key}");
    }
}

/// The fingerprint of the full example with this in the place of what stands there.
fn fingerprint_with(at: &str, value: Value) -> String {
    let mut config = full();
    *config.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = value;
    crate::parse(FULL, &config.to_string()).unwrap_or_else(|report| panic!("{at}: {report}")).fingerprint
}

#[test]
fn nodes_that_treat_requests_alike_have_one_fingerprint() {
    let own = crate::load(std::path::Path::new(FULL)).unwrap_or_else(|report| panic!("{report}")).fingerprint;
    assert_eq!(own.len(), fingerprint::DIGITS);
    // The same in JSON, in one line and without comments.
    assert_eq!(fingerprint_with("/version", json!(1)), own);
    for (at, value) in [
        ("/node", json!("gw-2")),
        ("/listen/0", json!("0.0.0.0:8090")),
        ("/admin/listen", json!("10.0.0.6:9911")),
        ("/state/password_file", json!("/elsewhere")),
        ("/ofrep/token_file", json!("/elsewhere")),
        ("/workers", json!(8)),
        ("/log/level", json!("debug")),
        // Another way to say the same.
        ("/units/articles/rollout/hold", json!("300s")),
        ("/units/articles/side_header", json!(false)),
        ("/flags/search-engine/metadata", json!({ "team": "search" })),
    ] {
        assert_eq!(fingerprint_with(at, value), own, "{at}");
    }
}

#[test]
fn whatever_decides_about_a_request_is_in_the_fingerprint() {
    let own = crate::load(std::path::Path::new(FULL)).unwrap_or_else(|report| panic!("{report}")).fingerprint;
    for (at, value) in [
        ("/units/articles/salt", json!("other")),
        ("/units/articles/percent", json!("6%")),
        ("/units/articles/rollout/hold", json!("6m")),
        ("/units/articles/rollout/roll_back/alpha", json!(0.0002)),
        ("/units/articles/shadow/rules/1/tolerance", json!(0.02)),
        ("/units/articles/authority/sync", json!("to_legacy")),
        ("/flags/new-editor/percent", json!("6%")),
        ("/retired_flags/0", json!("older-editor")),
        ("/upstreams/legacy/timeout", json!("6s")),
        ("/cache/wait", json!("3s")),
    ] {
        assert_ne!(fingerprint_with(at, value), own, "{at}");
    }
}

fn formats() -> Vec<&'static Format> {
    fn of(kind: &'static Kind, found: &mut Vec<&'static Format>) {
        match kind {
            Kind::Text(format) | Kind::TextOr { text: format, .. } => found.push(format),
            Kind::List { of: kind, .. } | Kind::OneOrMany(kind) | Kind::Because { of: kind, .. } => {
                of(kind, found);
            }
            Kind::Map { key, of: kind } => {
                found.push(key);
                of(kind, found);
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    objects().iter().flat_map(|object| object.fields).for_each(|field| of(&field.kind, &mut found));
    found
}

/// Every format and its pattern as the schema has it.
static PATTERNS: LazyLock<Vec<(&'static Format, jsonschema::Validator)>> = LazyLock::new(|| {
    let compile = |pattern: &str| jsonschema::draft202012::new(&json!({ "pattern": pattern }));
    let compile = |format: &'static Format| {
        (format, compile(format.pattern).expect("a pattern is a regular expression"))
    };
    formats().into_iter().map(compile).collect()
});

#[test]
fn every_example_of_a_format_is_read_and_valid() {
    for (format, pattern) in PATTERNS.iter() {
        for example in format.examples {
            assert!(check::reads(format, example), "{}: {example} is not read", format.name);
            assert!(pattern.is_valid(&json!(example)), "{}: {example} is not valid", format.name);
        }
    }
}

proptest! {
    /// The schema may be looser than the reader, never stricter: an editor must not underline what works.
    #[test]
    fn what_is_read_is_valid(
        texts in prop::collection::vec(
            "[a-z*~/.:%{}-]{0,12}|p[0-9.]{1,5}|[0-9]{1,3}(ms|s|m|h)(\\.\\.[0-9]{1,3}(ms|s|m|h))?|[a-z*]{1,4}/[a-z+.; =]{1,9}|/[a-z~01*]{0,8}|[A-Z]{3,6} /[a-z{}.]{0,8}|https?://[a-z.:0-9\\[\\]]{1,12}/?|[0-9a-f.:]{2,9}(/[0-9]{1,2})?|(jwt|header|cookie|query):.{1,6}|rediss?://([a-z%0-9]{0,3}:[a-z%0-9]{1,5}@)?[a-z.:0-9\\[\\]]{1,9}(/[0-9]{0,2})?|[a-z:]{0,4}\\{[a-z]{1,3}\\}.{0,4}|.{0,12}",
            64,
        )
    ) {
        for (format, pattern) in PATTERNS.iter() {
            for text in &texts {
                prop_assert!(
                    !check::reads(format, text) || pattern.is_valid(&json!(text)),
                    "{}: {text:?} is read, but not valid", format.name
                );
            }
        }
    }
}
