//! Flags, which `banyan_flags` reads: what it finds wrong is put where it stands in the file.

use std::collections::HashMap;

use banyan_flags::{Definition, Fault, FlagSet, SetFault};

use super::{rules::distinct, text::flag_key::FlagKey};
use crate::{
    read::{Fields, Foreign, Named},
    report::Read,
    source::{Span, Spanned},
};

/// Every flag, and what was read of it for all of them together.
#[derive(Debug)]
pub(super) struct Flags {
    pub(super) definitions: Vec<Definition>,
    pub(super) retired: Vec<String>,
    /// A hash of the flags; those that mean the same have the same.
    pub(super) fingerprint: u64,
}

/// A flag as it stands in the file.
struct Written {
    key: Span,
    body: Foreign,
}

impl Written {
    /// Where a fault stands. What is wrong with the flag as a whole is shown at its key.
    fn place(&self, fault: &Fault) -> Span {
        if fault.pointer.is_empty() { self.key } else { self.body.place(&fault.pointer) }
    }
}

pub(super) fn read(root: &Fields<'_>) -> Read<Flags> {
    let (entries, mut whole) = root.named_values::<Foreign>("flags");
    let (keys, all_keys) = root.texts::<FlagKey>("retired_flags");
    let places = keys.iter().map(|key| (key.value.0.clone(), key.span)).collect::<HashMap<_, _>>();
    let hint = "remove it: once is enough";
    let keys = distinct(keys, "the key stands twice", hint, root.problems());
    let (mut definitions, mut written) = (Vec::with_capacity(entries.len()), HashMap::new());
    for Named { name, value } in entries {
        let flag = Written { key: name.span, body: value.value };
        match definition(&name, &flag, root) {
            Ok(definition) => definitions.push(definition),
            Err(reported) => whole = Err(reported),
        }
        written.insert(name.value, flag);
    }
    let retired = all_keys.and(keys)?.into_iter().map(|FlagKey(key)| key).collect::<Vec<_>>();
    // With a flag missing, those that need it would be blamed.
    whole?;
    let set = FlagSet::new(definitions.clone(), &retired);
    let set = set.map_err(|faults| {
        faults
            .iter()
            .fold(None, |_, fault| Some(among(fault, &written, &places, root)))
            .unwrap_or_else(|| root.problems().add(root.span(), "the flags do not fit together", None))
    })?;
    Ok(Flags { definitions, retired, fingerprint: set.fingerprint() })
}

fn definition(name: &Spanned<String>, flag: &Written, root: &Fields<'_>) -> Read<Definition> {
    let problems = root.problems();
    let mut whole = Ok(());
    let mut json = flag.body.json.clone();
    if json.as_object_mut().and_then(|object| object.remove("key")).is_some() {
        let hint = Some("remove it: the key of a flag stands in front of it".to_owned());
        let message = format!("flag '{}' has no key 'key'", name.value);
        whole = Err(problems.add(flag.body.place("/key"), message, hint));
    }
    let definition = Definition::read_as(&name.value, &json).map_err(|faults| {
        let mut reported = None;
        for fault in faults {
            let message = format!("flag '{}': {}", name.value, fault.what);
            reported = Some(problems.add(flag.place(&fault), message, fault.hint));
        }
        let unknown = || problems.add(name.span, format!("flag '{}' cannot be read", name.value), None);
        reported.unwrap_or_else(unknown)
    });
    whole.and(definition)
}

/// Reports what is wrong with a flag in view of the others.
fn among(
    found: &SetFault,
    written: &HashMap<String, Written>,
    retired: &HashMap<String, Span>,
    root: &Fields<'_>,
) -> crate::report::Reported {
    let SetFault { flag, fault } = found;
    let message = format!("flag '{flag}': {}", fault.what);
    let span = written.get(flag).map_or(root.span(), |written| written.place(fault));
    match retired.get(flag).filter(|_| fault.pointer.is_empty()) {
        Some(first) => {
            root.problems().add_related(span, message, fault.hint.clone(), (*first, "it was retired here"))
        }
        None => root.problems().add(span, message, fault.hint.clone()),
    }
}
