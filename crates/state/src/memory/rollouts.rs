//! Rollouts and their histories, in memory.

use std::collections::BTreeMap;

use crate::{RolloutEntry, RolloutRecord, RolloutStep, ledger};

/// By unit: where it stands, and its lines of history, oldest first.
#[derive(Debug, Default)]
pub(super) struct Rollouts(BTreeMap<String, (RolloutRecord, Vec<RolloutEntry>)>);

impl Rollouts {
    pub(super) fn all(&self) -> Vec<RolloutRecord> {
        self.0.values().map(|(record, _)| record.clone()).collect()
    }

    pub(super) fn get(&self, unit: &str) -> Option<&RolloutRecord> {
        self.0.get(unit).map(|(record, _)| record)
    }

    pub(super) fn append(&mut self, record: &RolloutRecord, step: &RolloutStep) {
        let (stands, entries) =
            self.0.entry(record.unit.clone()).or_insert_with(|| (record.clone(), Vec::new()));
        *stands = record.clone();
        entries.extend(ledger::rollout_entry(record, step));
    }

    pub(super) fn history(&self, unit: &str, limit: usize) -> Vec<RolloutEntry> {
        let entries = self.0.get(unit).map(|(_, entries)| entries.as_slice()).unwrap_or_default();
        entries.iter().rev().take(limit).cloned().collect()
    }
}
