//! Rules over several keys that more than one section has.

use std::time::Duration;

use crate::{language::duration_text, read::Fields, report::Read};

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
