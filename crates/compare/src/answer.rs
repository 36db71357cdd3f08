//! Two whole answers: status first, then content type, then body.

use serde_json::Value;

use crate::{
    Difference, DifferenceKind, Rules,
    difference::{BODY, CONTENT_TYPE, Differences, STATUS},
    media,
    node::Document,
    walk,
};

/// An answer as far as it is compared.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Status code.
    pub status: u16,
    /// `Content-Type` field, if there is one.
    pub content_type: Option<&'a str>,
    /// The whole body, content codings removed.
    pub body: &'a [u8],
}

/// Where `candidate` differs from `control`; nothing means they match.
///
/// - Status codes of different classes are the only difference reported: an error page has nothing to do with the
///   body it stands for.
/// - Content types are compared by essence and charset ([RFC 9110 section 8.3.1]); no charset counts as UTF-8.
/// - Two bodies that both parse as JSON are compared by path. Numbers are equal by exact decimal value, key order is
///   free, the last of duplicated keys wins. Nesting beyond serde_json's limit (128) does not count as JSON.
/// - One JSON body against something else is a difference of type; anything else is compared byte by byte.
///
/// [RFC 9110 section 8.3.1]: https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1
#[must_use]
pub fn compare(control: &Answer<'_>, candidate: &Answer<'_>, rules: &Rules) -> Vec<Difference> {
    let mut differences = Differences::default();
    if control.status != candidate.status {
        let [left, right] = [control, candidate].map(|answer| Some(Value::from(answer.status)));
        differences.add(STATUS.to_owned(), DifferenceKind::Value, left, right);
        if control.status / 100 != candidate.status / 100 {
            return differences.into_vec();
        }
    }
    compare_content_types(control, candidate, &mut differences);
    compare_bodies(control, candidate, rules, &mut differences);
    differences.into_vec()
}

fn compare_content_types(control: &Answer<'_>, candidate: &Answer<'_>, differences: &mut Differences) {
    let kind = match (control.content_type, candidate.content_type) {
        (None, None) => return,
        (Some(_), None) => DifferenceKind::Missing,
        (None, Some(_)) => DifferenceKind::Extra,
        (Some(left), Some(right)) if media::same(left, right) => return,
        (Some(_), Some(_)) => DifferenceKind::Value,
    };
    let [left, right] = [control, candidate].map(|answer| answer.content_type.map(Value::from));
    differences.add(CONTENT_TYPE.to_owned(), kind, left, right);
}

fn compare_bodies(
    control: &Answer<'_>,
    candidate: &Answer<'_>,
    rules: &Rules,
    differences: &mut Differences,
) {
    // Equal bytes are equal whatever they mean; this is also the usual case and needs no parsing.
    if control.body == candidate.body || rules.ignores_all() {
        return;
    }
    let kind = match (Document::parse(control.body), Document::parse(candidate.body)) {
        (Some(left), Some(right)) => return walk::compare(&left, &right, rules, differences),
        _ if candidate.body.is_empty() => DifferenceKind::Missing,
        _ if control.body.is_empty() => DifferenceKind::Extra,
        (Some(_), None) if declares_json(control) => DifferenceKind::Type,
        (None, Some(_)) if declares_json(candidate) => DifferenceKind::Type,
        // A text that happens to parse, such as `42`, is still a text when nobody calls it JSON.
        _ => DifferenceKind::Value,
    };
    let [left, right] = [control, candidate].map(text);
    differences.add(BODY.to_owned(), kind, left, right);
}

fn declares_json(answer: &Answer<'_>) -> bool {
    answer.content_type.is_some_and(media::is_json)
}

fn text(answer: &Answer<'_>) -> Option<Value> {
    (!answer.body.is_empty()).then(|| Value::from(String::from_utf8_lossy(answer.body)))
}
