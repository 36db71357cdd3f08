//! Segments: groups that rules choose.

use serde_json::Value;

use super::{
    MAX_NAME, condition,
    fields::{Fields, cut},
    serve,
    variants::Variants,
};
use crate::{
    Overlap, Segment,
    fault::{Faults, Pointer},
    overlap,
};

/// More segments than this cannot be kept apart by anybody.
const MAX_SEGMENTS: usize = 32;
/// The most conditions of one segment.
const MAX_CONDITIONS: usize = 16;

const KNOWN: &[&str] = &["name", "when", "percent", "split", "variant"];
const WAYS: &[&str] = &["percent", "split", "variant"];

/// All segments that are right; of wrong ones it was said what is wrong.
pub(super) fn read(
    fields: &Fields<'_>,
    variants: &Variants,
    overlap: Overlap,
    faults: &mut Faults,
) -> Vec<Segment> {
    let entries = fields.list("segments", MAX_SEGMENTS, faults);
    // With their places in the list: those of wrong segments leave gaps.
    let mut all: Vec<(Segment, Pointer)> = Vec::new();
    for (value, at) in entries {
        let Some(segment) = segment(value, &at, variants, faults) else { continue };
        if all.iter().any(|(other, _)| other.name == segment.name) {
            let what = format!("there is a segment '{}' already", cut(&segment.name));
            faults.advise(
                &at.field("name"),
                what,
                "evaluations name the segment that decided: give each its own name",
            );
        }
        all.push((segment, at));
    }
    let (segments, places): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    if overlap == Overlap::Refuse {
        for clash in overlap::clashes(&segments) {
            let (first, second) = (&segments[clash.first].name, &segments[clash.second].name);
            let what = format!("segments '{first}' and '{second}' overlap: both match {}", clash.example);
            let hint = format!(
                "exclude one from the other with a condition with not: true; or say overlap: first on the flag, so that \
                 '{first}' decides because it stands before '{second}'"
            );
            faults.advise(&places[clash.second], what, hint);
        }
    }
    segments
}

fn segment(value: &Value, at: &Pointer, variants: &Variants, faults: &mut Faults) -> Option<Segment> {
    let fields = Fields::open(value, at, "a segment", KNOWN, faults)?;
    let name = fields.needed_text("name", MAX_NAME, faults);
    let entries = fields.list("when", MAX_CONDITIONS, faults);
    let count = entries.len();
    let when =
        entries.into_iter().filter_map(|(value, at)| condition::read(value, &at, faults)).collect::<Vec<_>>();
    let empty = fields.get("when").is_none_or(|(value, _)| value.as_array().is_some_and(Vec::is_empty));
    if empty {
        faults.advise(
            at,
            "the segment has no conditions",
            "when: [ { attribute: country, in: [ de, at ] } ]",
        );
    }
    let serve = serve::read(&fields, WAYS, variants, faults);
    if !WAYS.iter().any(|way| fields.has(way)) {
        faults.advise(
            at,
            "the segment does not say what its members get",
            "variant: NAME, percent: 5% or split: [ ... ]",
        );
    }
    let whole = count > 0 && when.len() == count;
    Some(Segment { name: name?.into(), when: whole.then_some(when)?, serve: serve? })
}
