//! What an element says, as hashes.

use serde_json::value::RawValue;

use crate::{
    Rules,
    hash::hash,
    ids::{Pairing, Side},
    node::{Node, lookup},
    pattern::Segment,
    rules::Canonical,
};

/// Values of one element that are looked at.
const MAX_VALUES: usize = 512;

/// What an element says.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// Equal for elements that say the same, whatever the order of keys and of lists inside.
    pub(crate) whole: u64,
    /// Every value together with its path.
    pub(crate) values: Vec<u64>,
}

/// Reads elements by the rules for their place.
pub(crate) struct Reader<'w, 'i> {
    pub(crate) rules: &'w Rules,
    pub(crate) ids: &'w Pairing<'i>,
    /// The path of the list; as it was after every call.
    pub(crate) path: &'w mut Vec<Segment>,
}

impl Reader<'_, '_> {
    /// What an element says.
    pub(crate) fn content(&mut self, index: usize, element: &RawValue, side: Side) -> Content {
        let mut content = Content::default();
        self.path.push(Segment::Index(index));
        self.gather(element, side, 0, &mut content);
        self.path.pop();
        content
    }

    /// What identifies an element; `None` when it has nothing there.
    pub(crate) fn key(
        &mut self,
        index: usize,
        element: &RawValue,
        key: &[String],
        side: Side,
    ) -> Option<Canonical> {
        let raw = lookup(element, key)?;
        let depth = self.path.len();
        self.path.push(Segment::Index(index));
        self.path.extend(key.iter().cloned().map(Segment::Key));
        let known = match Node::read(raw) {
            Ok(Node::Object(_) | Node::Array(_)) => {
                let mut content = Content::default();
                self.gather(raw, side, 0, &mut content);
                Some(Canonical::Known(content.whole))
            }
            Ok(Node::Null) | Err(_) => None,
            Ok(leaf) => Some(self.rules.lens(self.path).canonical(&leaf.leaf(), side, self.ids)),
        };
        self.path.truncate(depth);
        known
    }

    /// Adds the values below the current path. `place` is the hash of the path from the element to here.
    fn gather(&mut self, raw: &RawValue, side: Side, place: u64, content: &mut Content) {
        if content.values.len() >= MAX_VALUES || self.rules.ignores(self.path) {
            return;
        }
        match Node::read(raw) {
            Ok(Node::Object(members)) if !members.is_empty() => {
                for (key, member) in members {
                    let place = hash((place, &key));
                    self.below(Segment::Key(key), member, side, place, content);
                }
            }
            Ok(Node::Array(elements)) if !elements.is_empty() => {
                for (index, element) in elements.into_iter().enumerate() {
                    self.below(Segment::Index(index), element, side, hash((place, "*")), content);
                }
            }
            Ok(leaf) => {
                let lens = self.rules.lens(self.path);
                if let Canonical::Known(value) = lens.canonical(&leaf.leaf(), side, self.ids) {
                    let value = hash((place, value));
                    content.values.push(value);
                    // A sum does not depend on the order in which it was made.
                    content.whole = content.whole.wrapping_add(value);
                }
            }
            // Cannot be: the whole document was read once already.
            Err(_) => {}
        }
    }

    fn below(&mut self, segment: Segment, raw: &RawValue, side: Side, place: u64, content: &mut Content) {
        self.path.push(segment);
        self.gather(raw, side, place, content);
        self.path.pop();
    }
}
