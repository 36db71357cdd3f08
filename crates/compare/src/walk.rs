//! Two JSON documents, path by path.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use crate::{
    DifferenceKind, Rules,
    align::{Alignment, Budget, Reader},
    difference::{BODY, Differences, MAX_PATH_CHARS},
    ids::Pairing,
    node::{Document, Node, value},
    pattern::Segment,
};

/// Adds where two documents differ.
pub(crate) fn compare(
    control: &Document<'_>,
    candidate: &Document<'_>,
    rules: &Rules,
    ids: &mut Pairing<'_>,
    found: &mut Differences,
) {
    let through = rules.has_ids() && ids.is_across();
    let mut walk = Walk { rules, ids, path: Vec::new(), budget: Budget::default(), through, found };
    walk.values(control.root(), candidate.root());
}

/// The place reached, and what was found so far.
struct Walk<'r, 'i> {
    rules: &'r Rules,
    ids: &'r mut Pairing<'i>,
    path: Vec<Segment>,
    budget: Budget,
    /// Whether equal text is looked through too: an id that is the same on both sides may be the wrong one.
    through: bool,
    found: &'r mut Differences,
}

impl Walk<'_, '_> {
    /// Two values at the current path. Recursion ends at the depth a [`Document`] may have.
    fn values(&mut self, control: &RawValue, candidate: &RawValue) {
        let settled = !self.through && control.get() == candidate.get();
        if settled || self.found.is_full() || self.rules.ignores(&self.path) {
            return;
        }
        let kind = match (Node::read(control), Node::read(candidate)) {
            (Ok(Node::Object(left)), Ok(Node::Object(right))) => return self.objects(&left, &right),
            (Ok(Node::Array(left)), Ok(Node::Array(right))) => {
                return self.arrays(&left, &right, [control, candidate]);
            }
            (Ok(left), Ok(right)) => self.rules.lens(&self.path).judge(&left.leaf(), &right.leaf(), self.ids),
            // Cannot be: both were read once already.
            _ => Some(DifferenceKind::Value),
        };
        if let Some(kind) = kind {
            self.add(kind, Some(control), Some(candidate));
        }
    }

    fn objects(&mut self, control: &BTreeMap<String, &RawValue>, candidate: &BTreeMap<String, &RawValue>) {
        let keys: BTreeSet<&String> = control.keys().chain(candidate.keys()).collect();
        for key in keys {
            let (left, right) = (control.get(key).copied(), candidate.get(key).copied());
            if !self.through && left.map(RawValue::get) == right.map(RawValue::get) {
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

    /// Two lists: elements that belong together are compared, and what the lists say beyond that is reported.
    fn arrays(&mut self, control: &[&RawValue], candidate: &[&RawValue], whole: [&RawValue; 2]) {
        if self.rules.lens(&self.path).only_types() {
            return self.pairs((0..control.len()).zip(0..candidate.len()), control, candidate);
        }
        let key = self.rules.set_by(&self.path);
        let mut reader = Reader { rules: self.rules, ids: &*self.ids, path: &mut self.path };
        let aligned = Alignment::of(control, candidate, key, &mut reader, &mut self.budget);
        self.pairs(aligned.pairs.iter().copied(), control, candidate);
        if key.is_some() {
            return self.unpaired(&aligned, control, candidate);
        }
        if control.len() != candidate.len() {
            self.add(DifferenceKind::Length, Some(whole[0]), Some(whole[1]));
        }
        if aligned.reordered {
            self.add(DifferenceKind::Order, Some(whole[0]), Some(whole[1]));
        }
    }

    fn pairs(
        &mut self,
        pairs: impl Iterator<Item = (usize, usize)>,
        control: &[&RawValue],
        candidate: &[&RawValue],
    ) {
        for (left, right) in pairs {
            self.path.push(Segment::Index(left));
            self.values(control[left], candidate[right]);
            self.path.pop();
        }
    }

    /// Elements of a set that the other side does not have.
    fn unpaired(&mut self, aligned: &Alignment, control: &[&RawValue], candidate: &[&RawValue]) {
        for &index in &aligned.only_control {
            self.path.push(Segment::Index(index));
            self.one_sided(DifferenceKind::Missing, Some(control[index]), None);
            self.path.pop();
        }
        for &index in &aligned.only_candidate {
            self.path.push(Segment::Index(index));
            self.one_sided(DifferenceKind::Extra, None, Some(candidate[index]));
            self.path.pop();
        }
    }

    fn one_sided(&mut self, kind: DifferenceKind, control: Option<&RawValue>, candidate: Option<&RawValue>) {
        if !self.rules.ignores(&self.path) {
            self.add(kind, control, candidate);
        }
    }

    fn add(&mut self, kind: DifferenceKind, control: Option<&RawValue>, candidate: Option<&RawValue>) {
        self.found.add(report(&self.path), kind, || [control.and_then(value), candidate.and_then(value)]);
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
