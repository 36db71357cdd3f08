//! Segments that can match the same context.
//!
//! Whoever writes two segments on the same attribute means two groups. If one context can be in both, who gets what hangs
//! on their order, and that is a mistake unless somebody says that it is meant. So two segments that ask about a common
//! attribute are told apart by search: if a value can be named for every attribute so that all conditions of both hold,
//! they overlap, and the values are the proof. If none is found nothing is said. The search tries the ends of ranges, the
//! values of lists, prefixes and suffixes put together, and the first versions of ranges of versions, which finds a value
//! wherever the conditions are of one kind; so whatever is accused is guilty, and little goes free. Segments without a
//! common attribute are not compared: 'staff' and 'Germany' are different questions, and their order is the answer.

use semver::{Comparator, Op};

use crate::{Condition, Number, Scalar, Segment, Test, context::Attribute};

/// A pair of segments, and a context that both match.
pub(crate) struct Clash {
    pub(crate) first: usize,
    pub(crate) second: usize,
    /// Such as `country = "de"`.
    pub(crate) example: String,
}

/// Every pair that overlaps.
pub(crate) fn clashes(segments: &[Segment]) -> Vec<Clash> {
    let mut all = Vec::new();
    for (second, b) in segments.iter().enumerate() {
        for (first, a) in segments[..second].iter().enumerate() {
            if let Some(example) = common(&a.when, &b.when) {
                all.push(Clash { first, second, example });
            }
        }
    }
    all
}

/// A context that both match, if they share an attribute and one can be named.
fn common(a: &[Condition], b: &[Condition]) -> Option<String> {
    if !a.iter().any(|one| b.iter().any(|other| one.attribute == other.attribute)) {
        return None;
    }
    let mut conditions = a.iter().chain(b).collect::<Vec<_>>();
    conditions.sort_by(|one, other| one.attribute.cmp(&other.attribute));
    let mut example = Vec::new();
    for together in conditions.chunk_by(|one, other| one.attribute == other.attribute) {
        let shared = together.iter().any(|one| a.contains(one)) && together.iter().any(|one| b.contains(one));
        let witness = witness(together)?;
        if shared {
            example.push(shown(&together[0].attribute, witness.as_ref()));
        }
    }
    Some(example.join(", "))
}

/// A value of one attribute for which all of these conditions hold; the inner `None` is an attribute that is missing.
fn witness(conditions: &[&Condition]) -> Option<Option<Attribute>> {
    let accepted =
        |value: &Option<Attribute>| conditions.iter().all(|condition| condition.accepts(value.as_ref()));
    candidates(conditions).into_iter().find(accepted)
}

/// Values worth trying, the telling ones first.
fn candidates(conditions: &[&Condition]) -> Vec<Option<Attribute>> {
    let lists = conditions.iter().filter(|condition| !condition.not);
    let lists = lists
        .filter_map(|condition| if let Test::OneOf(values) = &condition.test { Some(values) } else { None });
    if let Some(shortest) = lists.min_by_key(|values| values.len()) {
        return shortest.iter().cloned().map(|scalar| Some(Attribute::Scalar(scalar))).collect();
    }
    let mut scalars = texts(conditions).into_iter().map(|text| Scalar::Text(text.into())).collect::<Vec<_>>();
    for condition in conditions {
        match &condition.test {
            Test::Range(range) => scalars.extend(numbers(range).map(Scalar::Number)),
            Test::Semver(versions) => {
                let versions = versions.comparators.iter().flat_map(bounds);
                scalars.extend(versions.map(|version| Scalar::Text(version.into())));
            }
            _ => {}
        }
    }
    scalars.extend([Scalar::Text("0.0.0".into()), Scalar::Boolean(true), Scalar::Boolean(false)]);
    scalars.extend(Number::of_float(0.0).map(Scalar::Number));
    scalars
        .into_iter()
        .map(|scalar| Some(Attribute::Scalar(scalar)))
        .chain([Some(Attribute::Other), None])
        .collect()
}

/// Every prefix with every suffix, with and without something between.
fn texts(conditions: &[&Condition]) -> Vec<String> {
    let (mut prefixes, mut suffixes) = (vec![""], vec![""]);
    for condition in conditions {
        match &condition.test {
            Test::Prefix(prefix) => prefixes.push(prefix),
            Test::Suffix(suffix) => suffixes.push(suffix),
            _ => {}
        }
    }
    // The longest first: of prefixes that fit together it contains the others.
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
    suffixes.sort_by_key(|suffix| std::cmp::Reverse(suffix.len()));
    let pairs = prefixes.iter().flat_map(|prefix| suffixes.iter().map(move |suffix| (prefix, suffix)));
    pairs.flat_map(|(prefix, suffix)| [format!("{prefix}{suffix}"), format!("{prefix}~{suffix}")]).collect()
}

/// Numbers on, between and beyond the limits of a range; beyond, for a condition may say `not`.
fn numbers(range: &crate::Range) -> impl Iterator<Item = Number> {
    let ends = range.from.into_iter().chain(range.to);
    let from = range.from.map(Number::as_f64);
    let to = range.to.map(Number::as_f64);
    let middle = from.zip(to).map(|(from, to)| f64::midpoint(from, to));
    let beside = [
        to.map(|to| to - 1.0),
        middle,
        from.map(|from| from + 1.0),
        to.map(f64::next_down),
        from.map(f64::next_up),
        from.map(|from| from - 1.0),
        to.map(|to| to + 1.0),
        from.map(f64::next_down),
        to.map(f64::next_up),
    ];
    ends.chain(beside.into_iter().flatten().filter_map(Number::of_float))
}

/// The versions at which one part of a range of versions begins or ends.
fn bounds(part: &Comparator) -> Vec<String> {
    let (major, minor, patch) = (part.major, part.minor.unwrap_or(0), part.patch.unwrap_or(0));
    let dash = if part.pre.is_empty() { "" } else { "-" };
    let mut all =
        vec![format!("{major}.{minor}.{patch}{dash}{}", part.pre), format!("{major}.{minor}.{patch}")];
    let after = |number: u64| number.saturating_add(1);
    all.push(format!("{major}.{minor}.{}", after(patch)));
    all.push(format!("{major}.{}.0", after(minor)));
    all.push(format!("{}.0.0", after(major)));
    if part.op == Op::Less || part.op == Op::LessEq {
        all.push("0.0.0".to_owned());
    }
    all
}

/// Such as `country = "de"`.
fn shown(attribute: &str, value: Option<&Attribute>) -> String {
    match value {
        None => format!("a context without {attribute}"),
        Some(Attribute::Other) => format!("a list under {attribute}"),
        Some(Attribute::Scalar(scalar)) => format!("{attribute} = {}", scalar.to_json()),
    }
}

#[cfg(test)]
mod tests;
