//! What the store's records of flags mean.

use std::collections::BTreeMap;

use banyan_flags::{Definition, Fault};
use banyan_state::FlagRecord;
use serde_json::Value;

/// What a record's text is when the config decides again: JSON's null, which is no definition. A store only knows texts
/// and retirement.
pub(super) const BY_CONFIG: &str = "null";

/// Run-time records by key.
pub(super) type Records = BTreeMap<String, Known>;

/// A record, and what it means.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) record: FlagRecord,
    pub(super) says: Says,
}

/// What a record says about its flag.
#[derive(Clone, Debug)]
pub(super) enum Says {
    /// It is this.
    Defined(Definition),
    /// It is what the config says.
    ByConfig,
    /// It is gone for ever.
    Retired,
    /// Something that this version cannot read, as a newer one may have written.
    Unreadable(Vec<Fault>),
}

impl Known {
    /// Reads a record.
    pub(super) fn of(record: FlagRecord) -> Self {
        let says = match record.definition.as_deref() {
            None => Says::Retired,
            Some(BY_CONFIG) => Says::ByConfig,
            Some(text) => match read(&record.key, text) {
                Ok(definition) => Says::Defined(definition),
                Err(faults) => Says::Unreadable(faults),
            },
        };
        Self { record, says }
    }
}

fn read(key: &str, text: &str) -> Result<Definition, Vec<Fault>> {
    let fault =
        |error: serde_json::Error| Fault { pointer: String::new(), what: error.to_string(), hint: None };
    let value: Value = serde_json::from_str(text).map_err(|error| vec![fault(error)])?;
    Definition::read_as(key, &value)
}

/// A definition of the history; `None` for what is none, such as the mark that the config decides.
pub(crate) fn definition_of(key: &str, text: Option<&str>) -> Option<Definition> {
    read(key, text.filter(|text| *text != BY_CONFIG)?).ok()
}
