//! Units and their histories, in memory.

use std::{collections::BTreeMap, time::SystemTime};

use crate::{Change, Entry, Record, StoreError, ledger};

/// By unit, oldest first, never empty.
#[derive(Debug, Default)]
pub(super) struct Units(BTreeMap<String, Vec<Entry>>);

impl Units {
    pub(super) fn all(&self) -> Vec<Record> {
        self.0.values().filter_map(|entries| entries.last().and_then(ledger::record)).collect()
    }

    pub(super) fn change(&mut self, change: &Change) -> Result<Record, StoreError> {
        let entry = ledger::changed(self.last(&change.unit), change)?;
        let record = ledger::record(&entry);
        self.append(entry);
        record.ok_or_else(|| StoreError::Failed("a change left no record".to_owned()))
    }

    pub(super) fn forget(&mut self, unit: &str, by: &str, why: &str, at: SystemTime) {
        if let Some(entry) = ledger::forgotten(self.last(unit), by, why, at) {
            self.append(entry);
        }
    }

    pub(super) fn history(&self, unit: &str, limit: usize) -> Vec<Entry> {
        self.0.get(unit).into_iter().flatten().rev().take(limit).cloned().collect()
    }

    fn last(&self, unit: &str) -> Option<&Entry> {
        self.0.get(unit).and_then(|entries| entries.last())
    }

    fn append(&mut self, entry: Entry) {
        self.0.entry(entry.unit.clone()).or_default().push(entry);
    }
}
