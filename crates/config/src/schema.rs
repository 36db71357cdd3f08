//! The JSON Schema for editors, made from the tables.

use serde_json::{Map, Value, json};

use crate::{
    language::{self, Absence, Field, Format, Kind, Object},
    report::Problems,
    yaml::{self, Content, Nature, Node},
};

/// The JSON Schema of the config (draft 2020-12), for editors. Whatever [`crate::parse`] accepts is valid by it.
#[must_use]
pub fn json_schema() -> Value {
    let definitions =
        language::objects().into_iter().skip(1).map(|inner| (inner.id.to_owned(), object(inner)));
    let definitions = definitions.collect::<Map<_, _>>();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Banyan config",
    });
    merge(&mut schema, object(&language::ROOT));
    merge(&mut schema, json!({ "$defs": definitions }));
    schema
}

fn object(object: &Object) -> Value {
    let required = object.fields.iter().filter(|field| matches!(field.absence, Absence::Refused));
    let required = required.map(|field| field.key).collect::<Vec<_>>();
    let properties = object.fields.iter().map(|inner| (inner.key.to_owned(), field(inner)));
    json!({
        "description": object.doc,
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
        "required": required,
        "additionalProperties": false,
    })
}

fn field(field: &Field) -> Value {
    let mut schema = kind(&field.kind);
    merge(&mut schema, json!({ "description": field.doc }));
    if let Absence::Default(yaml) = field.absence
        && let Some(value) = default(yaml)
    {
        merge(&mut schema, json!({ "default": value }));
    }
    schema
}

fn kind(of: &Kind) -> Value {
    match of {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Duration { .. } => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" }),
        Kind::Size { min, max } => json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            { "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)?$" },
        ] }),
        Kind::Percent | Kind::Share { .. } => {
            json!({ "type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$" })
        }
        Kind::Decimal { min, max } => {
            json!({ "type": "number", "minimum": f64::from(*min) / 100.0, "maximum": f64::from(*max) / 100.0 })
        }
        Kind::Number { max } if *max < f64::MAX => {
            json!({ "type": "number", "exclusiveMinimum": 0, "maximum": max })
        }
        Kind::Number { .. } => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Kind::Because { of, .. } => kind(of),
        Kind::Json => json!({}),
        Kind::Text(format) => text(format),
        Kind::Choice(choices) => {
            let words =
                choices.iter().map(|choice| json!({ "const": choice.word, "description": choice.doc }));
            json!({ "oneOf": words.collect::<Vec<_>>() })
        }
        Kind::List { of, min } => json!({ "type": "array", "items": kind(of), "minItems": min }),
        Kind::OneOrMany(of) => json!({ "anyOf": [
            kind(of),
            { "type": "array", "items": kind(of), "minItems": 1 },
        ] }),
        Kind::Map { key, of } => json!({
            "type": "object",
            "propertyNames": { "pattern": key.pattern },
            "additionalProperties": kind(of),
        }),
        Kind::Object(object) | Kind::Foreign(object) => reference(object),
        // Editors that go by YAML 1.1 take the word for a boolean.
        Kind::OffOrObject(object) => json!({ "anyOf": [{ "enum": ["off", false] }, reference(object)] }),
        Kind::TextOrObject { short, object } => {
            let text = object.field(short).map(|(_, field)| kind(&field.kind));
            json!({ "anyOf": [text, reference(object)] })
        }
        Kind::TextOr { text: format, object } => json!({ "anyOf": [text(format), reference(object)] }),
    }
}

fn text(format: &Format) -> Value {
    json!({ "type": "string", "pattern": format.pattern, "examples": format.examples })
}

fn reference(object: &Object) -> Value {
    json!({ "$ref": format!("#/$defs/{}", object.id) })
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn default(yaml: &str) -> Option<Value> {
    yaml::read(yaml, &Problems::default()).ok().map(|node| to_json(&node))
}

/// A node as the core schema of YAML 1.2 sees it; numbers that JSON has not become null.
pub(crate) fn to_json(node: &Node) -> Value {
    match &node.content {
        Content::Sequence(nodes) => nodes.iter().map(to_json).collect(),
        Content::Mapping(entries) => Value::Object(
            entries.iter().map(|entry| (entry.key.value.clone(), to_json(&entry.value))).collect(),
        ),
        Content::Scalar { text, plain } => match Nature::of(text, *plain) {
            Nature::Null => Value::Null,
            Nature::Bool(value) => Value::Bool(value),
            Nature::Number => serde_json::from_str(text).unwrap_or(Value::Null),
            Nature::Text => Value::String(text.clone()),
        },
    }
}
