//! Rules over several keys that more than one section has.

use std::time::Duration;

use crate::{
    language::duration_text,
    read::Fields,
    report::{Problems, Read},
    source::Spanned,
};

/// Two durations of which the first may not be the longer one.
pub(super) fn ordered(
    fields: &Fields<'_>,
    short: &'static str,
    long: &'static str,
) -> (Read<Duration>, Read<Duration>) {
    let (a, b) = (fields.placed::<Duration>(short), fields.placed::<Duration>(long));
    if let (Ok(a), Ok(b)) = (&a, &b)
        && a.value > b.value
    {
        let text = duration_text;
        let message = format!("'{short}' ({}) is longer than '{long}' ({})", text(a.value), text(b.value));
        let hint = format!("lower '{short}' or raise '{long}'");
        // The one that was written: a default stands at the start of the section.
        fields.problems().add(a.span.max(b.span), message, Some(hint));
    }
    (a.map(|a| a.value), b.map(|b| b.value))
}

/// Keys of which none may stand beside `key`. `hint` says how to choose.
pub(super) fn alone(fields: &Fields<'_>, key: &'static str, others: &[&'static str], hint: &str) -> Read<()> {
    let Some(place) = fields.place(key) else { return Ok(()) };
    let mut good = Ok(());
    for (other, span) in others.iter().filter_map(|other| Some((other, fields.place(other)?))) {
        let message = format!("'{other}' stands beside '{key}', and only one of them can hold");
        let related = (place, "the other one");
        good = Err(fields.problems().add_related(span, message, Some(hint.to_owned()), related));
    }
    good
}

/// Reports a key that says nothing without another one.
pub(super) fn needs(fields: &Fields<'_>, key: &'static str, other: &'static str, what: &str) {
    let Some(span) = fields.place(key) else { return };
    // A value that was refused is missing too, but not for the reader.
    if fields.is_absent(other) {
        let hint = format!("write '{other}' too: {what}");
        fields.problems().add(span, format!("'{key}' says nothing without '{other}'"), Some(hint));
    }
}

/// The entries of a list in which nothing may stand twice. `hint` says which of two to keep.
pub(super) fn distinct<T: PartialEq>(
    found: Vec<Spanned<T>>,
    message: &str,
    hint: &str,
    problems: &Problems,
) -> Read<Vec<T>> {
    let (mut known, mut whole) = (Vec::<Spanned<T>>::with_capacity(found.len()), Ok(()));
    for entry in found {
        match known.iter().find(|known| known.value == entry.value) {
            None => known.push(entry),
            Some(first) => {
                let related = (first.span, "first defined here");
                whole = Err(problems.add_related(entry.span, message, Some(hint.to_owned()), related));
            }
        }
    }
    whole.map(|()| known.into_iter().map(|entry| entry.value).collect())
}
