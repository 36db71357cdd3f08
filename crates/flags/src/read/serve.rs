//! Who gets which variant: `percent`, `split` or `variant`.

use serde_json::Value;

use super::{MAX_NAME, fields::Fields, variants::Variants};
use crate::{
    Percent, Serve, Share, Split,
    fault::{Faults, Pointer},
    kind::named,
    split::total,
};

/// More entries than this are no split that anybody could read.
const MAX_SHARES: usize = 64;

/// The one of `ways` that was chosen. `None`: none of them, or it is wrong.
pub(super) fn read(
    fields: &Fields<'_>,
    ways: &[&str],
    variants: &Variants,
    faults: &mut Faults,
) -> Option<Serve> {
    let mut given = ways.iter().copied().filter(|way| fields.has(way));
    let way = given.next()?;
    if let Some(other) = given.next() {
        faults.advise(
            &fields.at(other),
            format!("{way} and {other} contradict each other"),
            "keep one of them",
        );
        return None;
    }
    match way {
        "percent" => percentage(fields, variants, faults),
        "split" => split(fields, variants, faults),
        _ => {
            let name = fields.needed_text(way, MAX_NAME, faults)?;
            variants.find(name, &fields.at(way), faults).map(Serve::Variant)
        }
    }
}

fn percentage(fields: &Fields<'_>, variants: &Variants, faults: &mut Faults) -> Option<Serve> {
    let (value, at) = fields.get("percent")?;
    let percent = percent(value, &at, faults);
    if let Some((inside, outside)) = variants.sides() {
        return Some(Serve::Percent { percent: percent?, inside, outside });
    }
    if !variants.broken() {
        let what = "percent is for flags with one true and one false variant";
        faults.advise(
            &at,
            what,
            "split: [ { variant: NAME, percent: 5% }, { variant: OTHER, percent: 95% } ]",
        );
    }
    None
}

fn split(fields: &Fields<'_>, variants: &Variants, faults: &mut Faults) -> Option<Serve> {
    let (value, at) = fields.get("split")?;
    if value.is_object() {
        // An object's fields have no order that survives every writer of JSON, and the order decides who gets what.
        let hint = "write [ { variant: NAME, percent: 30% }, ... ]";
        faults.advise(&at, "a split is a list, since its order decides who gets what", hint);
        return None;
    }
    let entries = fields.list("split", MAX_SHARES, faults);
    let count = entries.len();
    let shares =
        entries.into_iter().filter_map(|(value, at)| share(value, &at, variants, faults)).collect::<Vec<_>>();
    if shares.len() < count || !value.is_array() {
        return None;
    }
    let sum = total(&shares);
    let split = Split::new(shares);
    if split.is_none() {
        let what = format!("the shares add up to {}.{:02}%", sum / 100, sum % 100);
        faults.advise(
            &at,
            what,
            "they have to add up to exactly 100%; the last one is what the others leave",
        );
    }
    split.map(Serve::Split)
}

fn share(value: &Value, at: &Pointer, variants: &Variants, faults: &mut Faults) -> Option<Share> {
    let entry = Fields::open(value, at, "an entry of a split", &["variant", "percent"], faults)?;
    let name = entry.needed_text("variant", MAX_NAME, faults);
    let variant = name.and_then(|name| variants.find(name, &entry.at("variant"), faults));
    let percent = match entry.get("percent") {
        Some((value, at)) => percent(value, &at, faults),
        None => {
            faults.say(at, "percent is missing");
            None
        }
    };
    Some(Share { variant: variant?, percent: percent? })
}

fn percent(value: &Value, at: &Pointer, faults: &mut Faults) -> Option<Percent> {
    match value {
        Value::String(text) => match text.parse() {
            Ok(percent) => Some(percent),
            Err(error) => {
                faults.advise(
                    at,
                    format!("'{}' is no percentage", super::fields::cut(text)),
                    format!("{error}"),
                );
                None
            }
        },
        Value::Number(number) => {
            faults.advise(at, format!("{number} has no percent sign"), format!("write {number}% as a text"));
            None
        }
        other => {
            faults.advise(at, format!("a percentage is a text, not {}", named(other)), "such as 5% or 0.25%");
            None
        }
    }
}
