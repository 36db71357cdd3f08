//! Hashes of JSON that do not depend on how it was written.

use serde_json::{Map, Value};
use xxhash_rust::xxh64::Xxh64;

use crate::scalar::Number;

/// A hash of a value: the order of an object's fields does not count, and 1 is 1.0. XXH64 with the seed 0 over tagged,
/// length-prefixed pieces, so that no two values have the same bytes.
pub(crate) fn hash(value: &Value) -> u64 {
    let mut hash = Xxh64::new(0);
    feed(&mut hash, value);
    hash.digest()
}

/// One fingerprint of several, in their order: for an `ETag` over flags, units and a context.
#[must_use]
pub fn combine(fingerprints: impl IntoIterator<Item = u64>) -> u64 {
    let mut hash = Xxh64::new(0);
    for fingerprint in fingerprints {
        hash.update(&fingerprint.to_le_bytes());
    }
    hash.digest()
}

fn feed(hash: &mut Xxh64, value: &Value) {
    match value {
        Value::Null => hash.update(b"n"),
        Value::Bool(truth) => hash.update(if *truth { b"t" } else { b"f" }),
        Value::Number(number) => {
            hash.update(b"d");
            match Number::of(number) {
                Some(number) => hash.update(&number.bytes()),
                None => text(hash, &number.to_string()),
            }
        }
        Value::String(value) => {
            hash.update(b"s");
            text(hash, value);
        }
        Value::Array(elements) => {
            hash.update(b"a");
            length(hash, elements.len());
            elements.iter().for_each(|element| feed(hash, element));
        }
        Value::Object(map) => {
            hash.update(b"o");
            fields(hash, map);
        }
    }
}

fn fields(hash: &mut Xxh64, map: &Map<String, Value>) {
    length(hash, map.len());
    let mut fields = map.iter().collect::<Vec<_>>();
    fields.sort_unstable_by_key(|(name, _)| *name);
    for (name, value) in fields {
        text(hash, name);
        feed(hash, value);
    }
}

fn text(hash: &mut Xxh64, text: &str) {
    length(hash, text.len());
    hash.update(text.as_bytes());
}

fn length(hash: &mut Xxh64, length: usize) {
    hash.update(&(length as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_fields_does_not_count_and_that_of_elements_does() {
        assert_eq!(hash(&json!({ "a": 1, "b": [1, 2] })), hash(&json!({ "b": [1.0, 2], "a": 1 })));
        assert_ne!(hash(&json!([1, 2])), hash(&json!([2, 1])));
    }

    #[test]
    fn what_is_different_has_different_bytes() {
        let values = [
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(0.5),
            json!("0"),
            json!(""),
            json!([]),
            json!({}),
            json!([[]]),
            json!(["a", "b"]),
            json!(["ab"]),
            json!({ "a": "b" }),
            json!({ "ab": "" }),
        ];
        let hashes = values.iter().map(hash).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(hashes.len(), values.len());
    }

    #[test]
    fn the_order_of_fingerprints_counts() {
        assert_ne!(combine([1, 2]), combine([2, 1]));
    }
}
