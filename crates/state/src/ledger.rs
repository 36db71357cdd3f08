//! The rules of a unit's history, the same for every store: what follows on an entry, and what it says now.

use std::time::SystemTime;

use crate::{Change, Entry, Record, Step, StoreError};

/// Where the unit stands when `last` is its latest entry; `None` when the config decides.
pub(crate) fn record(last: &Entry) -> Option<Record> {
    let Step::Set { percent, held } = last.step else { return None };
    Some(Record {
        unit: last.unit.clone(),
        percent,
        held,
        version: last.version,
        at: last.at,
        by: last.by.clone(),
        why: last.why.clone(),
    })
}

/// The entry that a change adds after `last`.
///
/// # Errors
/// [`StoreError::Conflict`] when the change was decided on another version than the unit is at.
pub(crate) fn changed(last: Option<&Entry>, change: &Change) -> Result<Entry, StoreError> {
    let found = last.and_then(record).map_or(0, |record| record.version);
    if found != change.expected_version {
        return Err(StoreError::Conflict {
            unit: change.unit.clone(),
            expected: change.expected_version,
            found,
        });
    }
    Ok(Entry {
        unit: change.unit.clone(),
        version: next_version(last),
        step: Step::Set { percent: change.percent, held: change.held },
        at: change.at,
        by: change.by.clone(),
        why: change.why.clone(),
    })
}

/// The entry that forgetting adds after `last`; `None` when there is nothing to forget.
pub(crate) fn forgotten(last: Option<&Entry>, by: &str, why: &str, at: SystemTime) -> Option<Entry> {
    let record = last.and_then(record)?;
    Some(Entry {
        unit: record.unit,
        version: next_version(last),
        step: Step::Forget,
        at,
        by: by.to_owned(),
        why: why.to_owned(),
    })
}

/// Versions are never used twice, so that a late `If-Match` cannot hit a younger record.
fn next_version(last: Option<&Entry>) -> u64 {
    last.map_or(1, |last| last.version + 1)
}
