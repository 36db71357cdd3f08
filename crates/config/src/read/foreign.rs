//! Maps that another crate reads: as JSON, with the place of everything in it.

use super::json;
use crate::{
    language::{Kind, Object},
    report::{Problems, Read},
    source::Span,
    yaml::{Content, Nature, Node},
};

/// A map that is read by the crate that it is for, so that a file and an API cannot understand it differently.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    /// What stands there.
    pub(crate) json: serde_json::Value,
    shape: &'static Kind,
    node: Node,
}

impl Foreign {
    /// Reads a node of this kind. What JSON cannot say is refused.
    pub(super) fn read(shape: &'static Kind, node: &Node, label: &str, problems: &Problems) -> Read<Self> {
        let json = json::read(node, label, problems);
        // Reported, and as good as no key to whoever reads it, so that the rest is looked at too.
        no_nulls(shape, node, problems);
        Ok(Self { json: json?, shape, node: node.clone() })
    }

    /// Where the value of a JSON Pointer (RFC 6901) stands. Of what is not there, what it would be in; of a key that
    /// nobody knows, the key.
    pub(crate) fn place(&self, pointer: &str) -> Span {
        let (mut at, mut node, mut kind) = (self.node.span, &self.node, Some(self.shape));
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            match &node.content {
                Content::Sequence(nodes) => {
                    let Some(item) = step.parse().ok().and_then(|index: usize| nodes.get(index)) else {
                        break;
                    };
                    (at, node, kind) = (item.span, item, kind.and_then(entry));
                }
                Content::Mapping(entries) => {
                    let Some(entry) = entries.iter().find(|entry| entry.key.value == step) else { break };
                    let inner = kind.map(|kind| under(kind, &step));
                    if matches!(inner, Some(Under::Unknown)) {
                        return entry.key.span;
                    }
                    (at, node) = (entry.value.span, &entry.value);
                    kind = inner.and_then(Under::kind);
                }
                Content::Scalar { .. } => break,
            }
        }
        at
    }
}

/// Reports keys without a value, as everywhere in a config, though to those who read JSON it may be the same as no key.
fn no_nulls(kind: &'static Kind, node: &Node, problems: &Problems) {
    match &node.content {
        Content::Sequence(nodes) => {
            if let Some(of) = entry(kind) {
                nodes.iter().for_each(|node| no_nulls(of, node, problems));
            }
        }
        Content::Mapping(entries) => {
            for inner in entries {
                if let Under::This(kind) = under(kind, &inner.key.value) {
                    no_nulls(kind, &inner.value, problems);
                }
            }
        }
        // Where nothing at all is written, that was said by those who read JSON.
        Content::Scalar { text, plain } if Nature::of(text, *plain) == Nature::Null && !text.is_empty() => {
            let hint = format!("remove the key, or give it {}", kind.describe());
            problems.add(node.span, "this key has no value", Some(hint));
        }
        Content::Scalar { .. } => {}
    }
}

/// What stands under a key.
enum Under {
    This(&'static Kind),
    /// There is no such key.
    Unknown,
    /// The tables do not go so deep.
    Anything,
}

impl Under {
    fn kind(self) -> Option<&'static Kind> {
        match self {
            Self::This(kind) => Some(kind),
            Self::Unknown | Self::Anything => None,
        }
    }
}

fn under(kind: &'static Kind, key: &str) -> Under {
    let of_object = |object: &'static Object| match object.field(key) {
        Some((_, field)) => Under::This(&field.kind),
        None => Under::Unknown,
    };
    match kind {
        Kind::Map { of, .. } => Under::This(of),
        _ => kind.object().map_or(Under::Anything, of_object),
    }
}

fn entry(kind: &'static Kind) -> Option<&'static Kind> {
    match kind {
        Kind::List { of, .. } | Kind::OneOrMany(of) => Some(of),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        language::{Absence, Field, formats},
        yaml,
    };

    static INNER: Object = Object {
        id: "inner",
        name: "an inner",
        doc: "",
        misplaced: &[],
        fields: &[Field { key: "a", kind: Kind::Json, absence: Absence::Refused, doc: "A." }],
    };
    static OUTER: Object = Object {
        id: "outer",
        name: "an outer",
        doc: "",
        misplaced: &[],
        fields: &[
            Field {
                key: "list",
                kind: Kind::List { of: &Kind::Object(&INNER), min: 0 },
                absence: Absence::Refused,
                doc: "L.",
            },
            Field {
                key: "map",
                kind: Kind::Map { key: &formats::NAME, of: &Kind::Percent },
                absence: Absence::Refused,
                doc: "M.",
            },
        ],
    };
    static SHAPE: Kind = Kind::Foreign(&OUTER);

    #[test]
    fn a_pointer_leads_to_where_its_value_stands() {
        let text = "list: [ { a: { b/c: 1 } }, { z: 2 } ]\nmap: { x: 5% }\nother: 1\n";
        let problems = Problems::default();
        let node = yaml::read(text, &problems).unwrap_or_else(|_| panic!("{problems:?}"));
        let foreign =
            Foreign::read(&SHAPE, &node, "a thing", &problems).unwrap_or_else(|_| panic!("{problems:?}"));
        for (pointer, line, column) in [
            ("", 1, 1),
            ("/list", 1, 7),
            ("/list/0/a", 1, 14),
            ("/list/0/a/b~1c", 1, 21),
            ("/list/1/z", 1, 30),
            ("/list/1/a", 1, 28),
            ("/list/7", 1, 7),
            ("/map/x", 2, 11),
            ("/map/x/y", 2, 11),
            ("/other", 3, 1),
            ("/nothing/at/all", 1, 1),
        ] {
            assert_eq!(foreign.place(pointer), Span { line, column }, "{pointer}");
        }
    }
}
