//! Values of any shape, as JSON has them.

use serde_json::{Map, Value};

use crate::{
    report::{Complaint, Problems, Read, shown},
    yaml::{Content, Nature, Node},
};

/// Reads a value of any shape. What JSON cannot say, or not exactly, is refused: nothing may turn into something else on
/// its way to a client.
pub(super) fn read(node: &Node, label: &str, problems: &Problems) -> Read<Value> {
    match &node.content {
        Content::Sequence(nodes) => {
            let mut whole = Ok(());
            let values = nodes.iter().filter_map(|node| keep(read(node, label, problems), &mut whole));
            let values = values.collect::<Vec<_>>();
            whole.map(|()| Value::Array(values))
        }
        Content::Mapping(entries) => {
            let mut whole = Ok(());
            let mut values = Map::with_capacity(entries.len());
            for entry in entries {
                if let Some(value) = keep(read(&entry.value, label, problems), &mut whole) {
                    values.insert(entry.key.value.clone(), value);
                }
            }
            whole.map(|()| Value::Object(values))
        }
        Content::Scalar { text, plain } => scalar(text, *plain).map_err(|complaint| {
            let found = if text.is_empty() { "empty".to_owned() } else { shown(text) };
            let message = format!("a value of {label} is {found}: {}", complaint.message);
            problems.add(node.span, message, complaint.hint)
        }),
    }
}

/// The value if it is good; notes when one is not, and goes on, so that all of them are reported.
fn keep(value: Read<Value>, whole: &mut Read<()>) -> Option<Value> {
    value.map_err(|reported| *whole = Err(reported)).ok()
}

fn scalar(text: &str, plain: bool) -> Result<Value, Complaint> {
    match Nature::of(text, plain) {
        Nature::Null if text.is_empty() => Err(Complaint::new("nothing is written here")
            .hint("write null if that is what you mean, or \"\" for an empty text")),
        Nature::Null => Ok(Value::Null),
        Nature::Bool(value) => Ok(Value::Bool(value)),
        Nature::Number => number(text).ok_or_else(|| {
            Complaint::new("JSON has no such number, or readers of JSON do not keep it exactly")
                .hint(format!("write it as JSON does, or in quotes: \"{text}\""))
        }),
        Nature::Text => Ok(Value::String(text.to_owned())),
    }
}

/// A number as JSON writes it, if a whole one is kept whole.
fn number(text: &str) -> Option<Value> {
    let value = serde_json::from_str::<Value>(text).ok()?;
    let whole = text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    (value.is_number() && !(whole && value.is_f64())).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::yaml;

    fn parse(text: &str) -> Option<Value> {
        let problems = Problems::default();
        let node = yaml::read(text, &problems).ok()?;
        let value = read(&node, "json", &problems);
        assert_eq!(value.is_ok(), problems.is_empty(), "{text}");
        value.ok()
    }

    #[test]
    fn yaml_becomes_the_json_it_looks_like() {
        for (text, expected) in [
            ("[]", json!([])),
            ("{ b: 1, a: [ true, null, -0.5, x ] }", json!({ "b": 1, "a": [true, null, -0.5, "x"] })),
            ("{ id: \"007\", big: 18446744073709551615 }", json!({ "id": "007", "big": u64::MAX })),
            ("~", json!(null)),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_json_would_change_is_refused() {
        for text in ["0x1F", "0o17", ".inf", ".nan", "+1", "007", "1.", ".5", "18446744073709551616", "1e999"]
        {
            assert_eq!(parse(text), None, "{text}");
            assert_eq!(parse(&format!("{{ a: [ {text} ] }}")), None, "{text}");
            assert_eq!(parse(&format!("'{text}'")), Some(json!(text)), "{text}");
        }
        assert_eq!(parse("{ a: }"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[ -~]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-z]{1,4}", inner, 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// JSON is YAML, so what is written as JSON comes out as it was.
        #[test]
        fn json_stays_what_it_is(value in any_json()) {
            prop_assert_eq!(parse(&value.to_string()), Some(value));
        }
    }
}
