//! Maps of header fields.

use http::{HeaderName, HeaderValue};

use super::text::header::{AnswerField, ConditionName, FieldValue};
use crate::{
    read::{Fields, FromText},
    report::{Complaint, Problems, Read, shown},
    source::Spanned,
};

type Headers = Vec<(HeaderName, HeaderValue)>;

/// Conditions on a request, sorted by name.
pub(super) fn conditions(fields: &Fields<'_>) -> Read<Headers> {
    read(fields, "a header condition", "condition", |ConditionName(name)| name)
}

/// Fields of an answer, sorted by name.
pub(super) fn of_answer(fields: &Fields<'_>) -> Read<Headers> {
    read(fields, "a header field", "field", |AnswerField(name)| name)
}

fn read<N: FromText>(
    fields: &Fields<'_>,
    label: &str,
    what: &str,
    name_of: impl Fn(N) -> HeaderName,
) -> Read<Headers> {
    let mut headers = Headers::new();
    let problems = fields.problems();
    let (entries, mut whole) = fields.named_texts("headers");
    for named in entries {
        let name = text::<N>(&named.name, label, problems).map(&name_of);
        let label = format!("the value of {}", shown(&named.name.value));
        let value = text::<FieldValue>(&named.value, &label, problems);
        match (name, value) {
            (Ok(name), Ok(FieldValue(value))) => {
                if headers.iter().any(|(known, _)| *known == name) {
                    let message = format!("the {what} on '{name}' stands twice");
                    let hint = "header field names are the same in upper and lower case".to_owned();
                    whole = Err(problems.add(named.name.span, message, Some(hint)));
                } else {
                    headers.push((name, value));
                }
            }
            (Err(reported), _) | (_, Err(reported)) => whole = Err(reported),
        }
    }
    headers.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
    whole.map(|()| headers)
}

fn text<T: FromText>(text: &Spanned<String>, label: &str, problems: &Problems) -> Read<T> {
    T::from_text(&text.value).map_err(|Complaint { message, hint }| {
        problems.add(text.span, format!("{label} is {}: {message}", shown(&text.value)), hint)
    })
}
