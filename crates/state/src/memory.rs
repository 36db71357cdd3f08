//! A store that lasts as long as the process, for tests and the demo.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use crate::{Change, Entry, HotUrl, Record, Store, StoreError, hot, ledger};

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By unit, oldest first, never empty.
    history: BTreeMap<String, Vec<Entry>>,
    secrets: BTreeMap<String, [u8; 32]>,
    hot_urls: Vec<HotUrl>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn last(&self, unit: &str) -> Option<&Entry> {
        self.history.get(unit).and_then(|entries| entries.last())
    }

    fn append(&mut self, entry: Entry) {
        self.history.entry(entry.unit.clone()).or_default().push(entry);
    }
}

impl Store for Memory {
    fn units(&self) -> Result<Vec<Record>, StoreError> {
        let inner = self.lock();
        Ok(inner.history.values().filter_map(|entries| entries.last().and_then(ledger::record)).collect())
    }

    fn change(&self, change: &Change) -> Result<Record, StoreError> {
        let mut inner = self.lock();
        let entry = ledger::changed(inner.last(&change.unit), change)?;
        let record = ledger::record(&entry);
        inner.append(entry);
        record.ok_or_else(|| StoreError::Failed("a change left no record".to_owned()))
    }

    fn forget(&self, unit: &str, by: &str, why: &str, at: SystemTime) -> Result<(), StoreError> {
        let mut inner = self.lock();
        if let Some(entry) = ledger::forgotten(inner.last(unit), by, why, at) {
            inner.append(entry);
        }
        Ok(())
    }

    fn history(&self, unit: &str, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let inner = self.lock();
        Ok(inner.history.get(unit).into_iter().flatten().rev().take(limit).cloned().collect())
    }

    fn secret(&self, name: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        Ok(*self.lock().secrets.entry(name.to_owned()).or_insert(*fresh))
    }

    fn hot_urls(&self) -> Result<Vec<HotUrl>, StoreError> {
        Ok(self.lock().hot_urls.clone())
    }

    fn set_hot_urls(&self, urls: &[HotUrl]) -> Result<(), StoreError> {
        self.lock().hot_urls = hot::kept(urls).cloned().collect();
        Ok(())
    }
}
