//! The tables against the readers, the examples and each other.

use std::{collections::BTreeSet, sync::LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{check, report::Problems, schema, source::Span, yaml};

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
            Kind::Object(object) | Kind::OffOrObject(object) | Kind::TextOrObject { object, .. },
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

/// What a config means, but for where it stands in the file.
fn meaning(config: &Value) -> Result<String, crate::Report> {
    let mut plan = crate::parse(FULL, &config.to_string())?;
    plan.hash.clear();
    plan.routes.iter_mut().for_each(|route| route.span = Span::default());
    Ok(format!("{plan:?}"))
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

fn formats() -> Vec<&'static Format> {
    fn of(kind: &'static Kind, found: &mut Vec<&'static Format>) {
        match kind {
            Kind::Text(format) => found.push(format),
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
