//! Where the data of a unit is.

use banyan_rollout::{Authority, ReadSide, Sync, WriteSide};

use crate::{read::Fields, report::Read};

const LEGACY: &str = "legacy";
const REPLACEMENT: &str = "the replacement";

pub(super) fn read(fields: &Fields<'_>) -> Read<Authority> {
    let (read, write, sync) = (word(fields, "read"), word(fields, "write"), word(fields, "sync"));
    let authority = Authority { read: read?, write: write?, sync: sync? };
    match contradiction(authority) {
        None => Ok(authority),
        Some((message, hint)) => {
            let place = ["sync", "write", "read"].into_iter().filter_map(|key| fields.place(key)).max();
            Err(fields.problems().add(place.unwrap_or(fields.span()), message, Some(hint.to_owned())))
        }
    }
}

fn word<T: std::str::FromStr>(fields: &Fields<'_>, key: &'static str) -> Read<T> {
    let word = fields.placed::<&'static str>(key)?;
    word.value.parse().map_err(|_| {
        // The words of the tables and of the crate that they are for are the same; a test holds them together.
        fields.problems().add(word.span, format!("{key} is '{}', which has no meaning", word.value), None)
    })
}

/// What cannot be true of two systems that people use. Whoever reads must sooner or later find what was written; else a
/// page would never show what its form has sent, and no rollback could be judged by it.
fn contradiction(authority: Authority) -> Option<(String, &'static str)> {
    let Authority { read, write, sync } = authority;
    if write == WriteSide::Both && sync == Sync::Shared {
        let message =
            "'write: both' is about two sets of data, and with 'sync: shared' there is one".to_owned();
        return Some((message, "leave 'write' out where both sides have the same data"));
    }
    let told_legacy = matches!(sync, Sync::ToLegacy | Sync::Both | Sync::Shared);
    let told_replacement = matches!(sync, Sync::ToReplacement | Sync::Both | Sync::Shared);
    let reads_legacy = matches!(read, ReadSide::Legacy | ReadSide::Split);
    let reads_replacement = matches!(read, ReadSide::Replacement | ReadSide::Split);
    let missed = match write {
        WriteSide::Both => None,
        WriteSide::Legacy => (reads_replacement && !told_replacement).then_some((REPLACEMENT, LEGACY)),
        WriteSide::Replacement => (reads_legacy && !told_legacy).then_some((LEGACY, REPLACEMENT)),
        // Each subject finds its own writes, as long as it reads where it writes.
        WriteSide::Split => match read {
            ReadSide::Split => None,
            ReadSide::Legacy => (!told_legacy).then_some((LEGACY, REPLACEMENT)),
            ReadSide::Replacement => (!told_replacement).then_some((REPLACEMENT, LEGACY)),
        },
    };
    let (reader, writer) = missed?;
    let message = format!(
        "'read: {read}', 'write: {write}' and 'sync: {sync}' contradict each other: {reader}'s data is read and would never \
         have what is written in {writer}'s"
    );
    let hint = match reader {
        LEGACY => "say how legacy learns of it, such as 'sync: to_legacy', or read where is written",
        _ => "say how the replacement learns of it, such as 'sync: to_replacement', or read where is written",
    };
    Some((message, hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::{Kind, objects};

    #[test]
    fn the_tables_have_the_words_that_there_are() {
        let object = objects().into_iter().find(|object| object.id == "authority").unwrap();
        let words = |key: &str| {
            let Some((_, field)) = object.field(key) else { panic!("{key}") };
            let Kind::Choice(choices) = &field.kind else { panic!("{key}") };
            let mut words = choices.iter().map(|choice| choice.word).collect::<Vec<_>>();
            words.sort_unstable();
            words
        };
        let sorted = |mut words: Vec<&'static str>| {
            words.sort_unstable();
            words
        };
        assert_eq!(words("read"), sorted(ReadSide::ALL.iter().map(|word| word.name()).collect()));
        assert_eq!(words("write"), sorted(WriteSide::ALL.iter().map(|word| word.name()).collect()));
        assert_eq!(words("sync"), sorted(Sync::ALL.iter().map(|word| word.name()).collect()));
    }

    /// What reads finds what is written, told as a search: data moves along until nothing more does.
    fn finds_all(Authority { read, write, sync }: Authority) -> bool {
        let both = [false, true];
        both.into_iter().all(|on_replacement| {
            let side = |legacy: bool, replacement: bool| [legacy, replacement];
            let mut known = match write {
                WriteSide::Legacy => side(true, false),
                WriteSide::Replacement => side(false, true),
                WriteSide::Both => side(true, true),
                WriteSide::Split => side(!on_replacement, on_replacement),
            };
            if known[1] && matches!(sync, Sync::ToLegacy | Sync::Both | Sync::Shared) {
                known[0] = true;
            }
            if known[0] && matches!(sync, Sync::ToReplacement | Sync::Both | Sync::Shared) {
                known[1] = true;
            }
            match read {
                ReadSide::Legacy => known[0],
                ReadSide::Replacement => known[1],
                ReadSide::Split => known[usize::from(on_replacement)],
            }
        })
    }

    #[test]
    fn a_subject_that_never_finds_its_own_writes_is_a_contradiction_and_nothing_else_is() {
        for &read in ReadSide::ALL {
            for &write in WriteSide::ALL {
                for &sync in Sync::ALL {
                    let authority = Authority { read, write, sync };
                    let two_in_one = write == WriteSide::Both && sync == Sync::Shared;
                    let good = finds_all(authority) && !two_in_one;
                    assert_eq!(contradiction(authority).is_none(), good, "{authority:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_harmless_is_allowed() {
        // Nothing is written in the replacement's data, so that nothing is copied.
        let idle = Authority { read: ReadSide::Legacy, write: WriteSide::Legacy, sync: Sync::ToLegacy };
        assert_eq!(contradiction(idle), None);
        assert_eq!(contradiction(Authority::default()), None);
    }
}
