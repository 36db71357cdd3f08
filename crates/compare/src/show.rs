//! What of a differing value may be shown.

use serde_json::Value;

/// Characters of a value that [`shown`] gives.
pub const MAX_SHOWN_CHARS: usize = 200;

const ABSENT: &str = "absent";

/// A value's type and size, never any of its content: `string(12)` in characters, `number`, `boolean`, `null`,
/// `array(3)`, `object(4)`, `absent`. Answers hold people's data, and samples are kept and shown to others.
#[must_use]
pub fn redact(value: Option<&Value>) -> String {
    match value {
        None => ABSENT.to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(_)) => "boolean".to_owned(),
        Some(Value::Number(_)) => "number".to_owned(),
        Some(Value::String(text)) => format!("string({})", text.chars().count()),
        Some(Value::Array(elements)) => format!("array({})", elements.len()),
        Some(Value::Object(members)) => format!("object({})", members.len()),
    }
}

/// A value as JSON text, cut after [`MAX_SHOWN_CHARS`] with `…`; for units whose owner allows content in samples.
#[must_use]
pub fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return ABSENT.to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn redacts_to_type_and_size() {
        for (value, expected) in [
            (json!(null), "null"),
            (json!(true), "boolean"),
            (json!(17), "number"),
            (json!("søren"), "string(5)"),
            (json!([1, 2, 3]), "array(3)"),
            (json!({"secret": 1}), "object(1)"),
        ] {
            assert_eq!(redact(Some(&value)), expected);
        }
        assert_eq!(redact(None), "absent");
    }

    #[test]
    fn shows_a_bounded_text() {
        assert_eq!(shown(Some(&json!({"a": [1]}))), r#"{"a":[1]}"#);
        assert_eq!(shown(Some(&json!("ø".repeat(500)))).chars().count(), MAX_SHOWN_CHARS + 1);
        assert_eq!(shown(None), "absent");
    }
}
