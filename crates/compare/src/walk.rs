//! Two JSON documents, path by path.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use crate::{
    DifferenceKind, Rules,
    difference::{BODY, Differences, MAX_PATH_CHARS},
    node::{Document, Node, value},
    number,
    pattern::Segment,
};

/// Adds where two documents differ.
pub(crate) fn compare(
    control: &Document<'_>,
    candidate: &Document<'_>,
    rules: &Rules,
    found: &mut Differences,
) {
    Walk { rules, path: Vec::new(), found }.values(control.root(), candidate.root());
}

/// The place reached, and what was found so far.
struct Walk<'r> {
    rules: &'r Rules,
    path: Vec<Segment>,
    found: &'r mut Differences,
}

impl Walk<'_> {
    /// Two values at the current path. Recursion ends at the depth a [`Document`] may have.
    fn values(&mut self, control: &RawValue, candidate: &RawValue) {
        if control.get() == candidate.get() || self.found.is_full() || self.rules.ignores(&self.path) {
            return;
        }
        let kind = match (Node::read(control), Node::read(candidate)) {
            (Ok(Node::Object(left)), Ok(Node::Object(right))) => return self.objects(&left, &right),
            (Ok(Node::Array(left)), Ok(Node::Array(right))) => {
                self.elements(&left, &right);
                if left.len() == right.len() {
                    return;
                }
                DifferenceKind::Length
            }
            (Ok(Node::Number(left)), Ok(Node::Number(right))) if number::equal(left, right) => return,
            (Ok(Node::String(left)), Ok(Node::String(right))) if left == right => return,
            (Ok(left), Ok(right)) if std::mem::discriminant(&left) != std::mem::discriminant(&right) => {
                DifferenceKind::Type
            }
            _ => DifferenceKind::Value,
        };
        self.add(kind, Some(control), Some(candidate));
    }

    fn objects(&mut self, control: &BTreeMap<String, &RawValue>, candidate: &BTreeMap<String, &RawValue>) {
        let keys: BTreeSet<&String> = control.keys().chain(candidate.keys()).collect();
        for key in keys {
            let (left, right) = (control.get(key).copied(), candidate.get(key).copied());
            if left.map(RawValue::get) == right.map(RawValue::get) {
                continue;
            }
            self.path.push(Segment::Key(key.clone()));
            match (left, right) {
                (Some(left), Some(right)) => self.values(left, right),
                (Some(_), None) => self.one_sided(DifferenceKind::Missing, left, right),
                (None, _) => self.one_sided(DifferenceKind::Extra, left, right),
            }
            self.path.pop();
        }
    }

    /// Elements that both arrays have, by position.
    fn elements(&mut self, control: &[&RawValue], candidate: &[&RawValue]) {
        for (index, (left, right)) in control.iter().zip(candidate).enumerate() {
            self.path.push(Segment::Index(index));
            self.values(left, right);
            self.path.pop();
        }
    }

    fn one_sided(&mut self, kind: DifferenceKind, control: Option<&RawValue>, candidate: Option<&RawValue>) {
        if !self.rules.ignores(&self.path) {
            self.add(kind, control, candidate);
        }
    }

    fn add(&mut self, kind: DifferenceKind, control: Option<&RawValue>, candidate: Option<&RawValue>) {
        self.found.add(report(&self.path), kind, control.and_then(value), candidate.and_then(value));
    }
}

/// A path as it is reported: indexes as `*`, bounded in length.
fn report(path: &[Segment]) -> String {
    if path.is_empty() {
        return BODY.to_owned();
    }
    let text: String = path.iter().map(|segment| format!("/{segment}")).collect();
    match text.char_indices().nth(MAX_PATH_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
