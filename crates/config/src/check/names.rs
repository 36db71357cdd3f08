//! Names that users choose, and looking them up.

use std::collections::HashMap;

use super::text::name::Name;
use crate::{
    read::FromText,
    report::{Problems, Read, quoted, shown},
    source::{Span, Spanned},
    suggest,
};

/// Every name of a section, also of entries that could not be read, so that one fault does not cause another.
pub(super) struct Names {
    what: &'static str,
    by_name: HashMap<String, usize>,
}

impl Names {
    /// Checks each name. `what` is what they name, such as 'an upstream'.
    pub(super) fn new<'a>(
        what: &'static str,
        names: impl Iterator<Item = &'a Spanned<String>>,
        problems: &Problems,
    ) -> (Self, Read<()>) {
        let (mut by_name, mut good) = (HashMap::new(), Ok(()));
        for (index, Spanned { value, span }) in names.enumerate() {
            if let Err(complaint) = Name::from_text(value) {
                let message = format!("the name of {what} is {}: {}", shown(value), complaint.message);
                good = Err(problems.add(*span, message, complaint.hint));
            }
            by_name.insert(value.clone(), index);
        }
        (Self { what, by_name }, good)
    }

    /// The index of a name.
    pub(super) fn find(&self, name: &Spanned<String>, problems: &Problems) -> Read<usize> {
        self.by_name.get(&name.value).copied().ok_or_else(|| self.unknown(name.span, &name.value, problems))
    }

    fn unknown(&self, span: Span, name: &str, problems: &Problems) -> crate::report::Reported {
        let message = format!("{} is not the name of {}", quoted(name), self.what);
        if problems.is_full() {
            return problems.add(span, message, None);
        }
        let mut known = self.by_name.keys().map(String::as_str).collect::<Vec<_>>();
        known.sort_unstable();
        let hint = suggest::hint(name, known.iter().copied());
        problems.add(span, message, hint)
    }
}
