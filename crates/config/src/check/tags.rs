//! The tags of a route.

use crate::{pattern::Pattern, plan::TagTemplate, read::Fields, report::Read, source::Spanned, suggest};

/// The tags under a key of a route or of one of its sections. `pattern` is what the route matches, if that could be read.
pub(super) fn all(
    fields: &Fields<'_>,
    key: &'static str,
    pattern: Option<&Pattern>,
) -> Read<Vec<TagTemplate>> {
    let (found, mut whole) = fields.texts::<TagTemplate>(key);
    let mut tags = Vec::<Spanned<TagTemplate>>::with_capacity(found.len());
    for tag in found {
        match known(&tag, key, pattern, fields).and_then(|()| distinct(&tag, &tags, fields)) {
            Ok(()) => tags.push(tag),
            Err(reported) => whole = Err(reported),
        }
    }
    if let Some(tag) = tags.get(TagTemplate::MAX_COUNT) {
        let message = format!("{key} has more than {} entries", TagTemplate::MAX_COUNT);
        let hint = "every kept answer carries its tags: use fewer that say more".to_owned();
        whole = Err(fields.problems().add(tag.span, message, Some(hint)));
    }
    whole.map(|()| tags.into_iter().map(|tag| tag.value).collect())
}

/// Refuses a parameter that the match does not have.
fn known(
    tag: &Spanned<TagTemplate>,
    key: &'static str,
    pattern: Option<&Pattern>,
    fields: &Fields<'_>,
) -> Read<()> {
    let Some(pattern) = pattern else { return Ok(()) };
    let unknown = |name: &&str| !pattern.params().any(|known| known == *name);
    let Some(name) = tag.value.params().find(unknown) else { return Ok(()) };
    let params = pattern.params().collect::<Vec<_>>();
    let none = || format!("'{pattern}' has no parameters");
    let hint = suggest::hint(name, params.iter().copied()).unwrap_or_else(none);
    let message = format!("{key} uses {{{name}}}, which match does not have");
    Err(fields.problems().add(tag.span, message, Some(hint)))
}

fn distinct(tag: &Spanned<TagTemplate>, before: &[Spanned<TagTemplate>], fields: &Fields<'_>) -> Read<()> {
    let Some(first) = before.iter().find(|known| known.value == tag.value) else { return Ok(()) };
    let hint = Some("remove one of them".to_owned());
    let related = (first.span, "first defined here");
    Err(fields.problems().add_related(tag.span, "the tag stands twice", hint, related))
}
