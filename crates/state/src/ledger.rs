//! The rules of versions and histories, the same for every store: what follows on an entry, and what it says now.

use std::time::SystemTime;

use crate::{
    Change, Entry, FlagChange, FlagRecord, Kept, Record, RolloutEntry, RolloutRecord, RolloutStep, Step,
    StoreError,
};

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
    agree(Kept::Unit, &change.unit, change.expected_version, found)?;
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

/// Where a flag stands after a change, when it stood at `last`.
///
/// # Errors
/// [`StoreError::Retired`] when the key was retired, whatever the version; [`StoreError::Conflict`] when the change was
/// decided on another version than the flag is at.
pub(crate) fn flagged(last: Option<&FlagRecord>, change: &FlagChange) -> Result<FlagRecord, StoreError> {
    if last.is_some_and(|last| last.definition.is_none()) {
        return Err(StoreError::Retired { key: change.key.clone() });
    }
    let found = last.map_or(0, |last| last.version);
    agree(Kept::Flag, &change.key, change.expected_version, found)?;
    Ok(FlagRecord {
        key: change.key.clone(),
        definition: change.definition.clone(),
        version: found + 1,
        at: change.at,
        by: change.by.clone(),
        why: change.why.clone(),
    })
}

/// Where a rollout stands after a step, when it stood at `last` and the newest term is `newest` (0: none yet).
///
/// # Errors
/// [`StoreError::Fenced`] when the step is of an older term, [`StoreError::Conflict`] when it was decided on another
/// version than the rollout is at, [`StoreError::Failed`] when it would change another unit.
pub(crate) fn stepped(
    last: Option<&RolloutRecord>,
    newest: u64,
    step: &RolloutStep,
) -> Result<RolloutRecord, StoreError> {
    if let Some(term) = step.term.map(crate::Term::number).filter(|term| *term < newest) {
        return Err(StoreError::Fenced { term, newest });
    }
    if let Some(change) = step.percent.as_ref().filter(|change| change.unit != step.unit) {
        let (unit, other) = (&step.unit, &change.unit);
        return Err(StoreError::Failed(format!("a step of '{unit}' would change the share of '{other}'")));
    }
    let found = last.map_or(0, |last| last.version);
    agree(Kept::Rollout, &step.unit, step.expected_version, found)?;
    Ok(RolloutRecord {
        unit: step.unit.clone(),
        state: step.state.clone(),
        version: found + 1,
        at: step.at,
        by: step.by.clone(),
        why: step.why.clone(),
    })
}

/// The line of history that a step leaves, if it leaves one.
pub(crate) fn rollout_entry(record: &RolloutRecord, step: &RolloutStep) -> Option<RolloutEntry> {
    (!step.what.is_empty()).then(|| RolloutEntry {
        unit: record.unit.clone(),
        version: record.version,
        state: record.state.clone(),
        what: step.what.clone(),
        percent: step.percent.as_ref().map(|change| change.percent),
        at: record.at,
        by: record.by.clone(),
        why: record.why.clone(),
    })
}

/// Refuses a change that was decided on another version than the newest.
fn agree(of: Kept, name: &str, expected: u64, found: u64) -> Result<(), StoreError> {
    if expected == found {
        return Ok(());
    }
    Err(StoreError::Conflict { of, name: name.to_owned(), expected, found })
}

/// Versions are never used twice, so that a late `If-Match` cannot hit a younger record.
fn next_version(last: Option<&Entry>) -> u64 {
    last.map_or(1, |last| last.version + 1)
}
