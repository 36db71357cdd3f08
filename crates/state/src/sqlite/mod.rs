//! The store on the disk: one SQLite file.
//!
//! Invariants of what is stored:
//! - `history` is the only truth about units. It is append-only (triggers refuse anything else); where a unit stands is its
//!   row with the highest version, and that row is either a share with its hold or, both NULL, a handing back to the
//!   config.
//! - The versions of a unit are 1, 2, 3 ... without a gap and never used twice.
//! - `flag_history` is the same for flags; a row without definition retires the key, and none follows it.
//! - `rollouts` says where each rollout stands. `rollout_history` is append-only, and what it says of a version was once in
//!   `rollouts`.
//! - An acknowledged change is on the disk: write-ahead log with `synchronous=FULL`, one transaction per change.
//! - Rows of `evidence` of one unit have one epoch, and those of `alerts` are bounded.
//! - A secret, once written, never changes.
//! - `hot_urls` is exchanged as a whole in one transaction, and bounded; `place` is the order, from 0 without a gap.
//! - `application_id` says that the file is ours, `user_version` which schema it has; nothing is written to a file
//!   before both are known to be right.
//! - One process at a time owns the file, by a lock on `<path>.lock` that it holds for life. So who has beaten lately, and
//!   how many changes there were, is kept by the process and not in the file.
mod alerts;
mod convert;
mod error;
mod evidence;
mod flags;
mod kept;
mod leadership;
mod lock;
mod open;
mod place;
mod rollouts;
mod units;

use std::{
    fs::File,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use self::{error::store_error, leadership::Leader, place::Place};
use crate::{
    AlertRecord, Beat, Change, Entry, FlagChange, FlagEntry, FlagRecord, HotUrl, NodeRecord, OpenError,
    Record, RolloutEntry, RolloutRecord, RolloutStep, Store, StoreError, Term, Watch, node::Nodes,
    watch::Bell,
};

/// The embedded store.
#[derive(Debug)]
pub struct Sqlite {
    connection: Mutex<Connection>,
    nodes: Mutex<Nodes>,
    leader: Mutex<Leader>,
    bell: Arc<Bell>,
    place: Place,
    /// Its lock ends when it is dropped, after the connection (fields drop in order).
    _owned: File,
}

impl Sqlite {
    /// Opens the store at `path`, made with mode 0600 if there is none, and owns it until dropped.
    ///
    /// # Errors
    /// When another process owns it, when the file is not a store of ours or of a newer version, or when the disk
    /// refuses. Nothing that was there is overwritten then.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let owned = lock::own(path)?;
        let connection = open::open(path)?;
        let place = Place::of(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        Ok(Self {
            connection: Mutex::new(connection),
            nodes: Mutex::default(),
            leader: Mutex::default(),
            bell: Arc::default(),
            place,
            _owned: owned,
        })
    }

    /// A panic elsewhere cannot leave a transaction open (it rolls back when dropped), so a poisoned lock is sound.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nodes_lock(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `write` as one transaction that is on the disk when this returns `Ok`, and never was otherwise.
    fn write<T>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        self.place.check()?;
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
        let written = write(&transaction)?;
        transaction.commit().map_err(store_error)?;
        Ok(written)
    }

    /// The same, and wakes those who wait.
    fn change_with<T>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let written = self.write(write)?;
        self.bell.ring();
        Ok(written)
    }
}

impl Store for Sqlite {
    fn units(&self) -> Result<Vec<Record>, StoreError> {
        units::all(&self.lock())
    }

    fn change(&self, change: &Change) -> Result<Record, StoreError> {
        self.change_with(|transaction| units::change(transaction, change))
    }

    fn forget(&self, unit: &str, by: &str, why: &str, at: SystemTime) -> Result<(), StoreError> {
        self.change_with(|transaction| units::forget(transaction, unit, by, why, at))
    }

    fn history(&self, unit: &str, limit: usize) -> Result<Vec<Entry>, StoreError> {
        units::history(&self.lock(), unit, limit)
    }

    fn flags(&self) -> Result<Vec<FlagRecord>, StoreError> {
        flags::all(&self.lock())
    }

    fn change_flag(&self, change: &FlagChange) -> Result<FlagRecord, StoreError> {
        self.change_with(|transaction| flags::change(transaction, change))
    }

    fn flag_history(&self, key: &str, limit: usize) -> Result<Vec<FlagEntry>, StoreError> {
        flags::history(&self.lock(), key, limit)
    }

    fn rollouts(&self) -> Result<Vec<RolloutRecord>, StoreError> {
        rollouts::all(&self.lock())
    }

    fn step_rollout(&self, step: &RolloutStep) -> Result<(RolloutRecord, Option<Record>), StoreError> {
        self.change_with(|transaction| rollouts::step(transaction, step))
    }

    fn rollout_history(&self, unit: &str, limit: usize) -> Result<Vec<RolloutEntry>, StoreError> {
        rollouts::history(&self.lock(), unit, limit)
    }

    fn alerts_due(&self, now: SystemTime, limit: usize) -> Result<Vec<AlertRecord>, StoreError> {
        alerts::due(&self.lock(), now, limit)
    }

    fn alert_sent(&self, id: u64) -> Result<(), StoreError> {
        self.write(|transaction| alerts::sent(transaction, id))
    }

    fn alert_failed(&self, id: u64, next_at: SystemTime, why: &str) -> Result<(), StoreError> {
        self.write(|transaction| alerts::failed(transaction, id, next_at, why))
    }

    fn beat(&self, beat: &Beat) -> Result<(), StoreError> {
        self.nodes_lock().beat(beat, Instant::now());
        Ok(())
    }

    fn nodes(&self) -> Result<Vec<NodeRecord>, StoreError> {
        let leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(self.nodes_lock().all(Instant::now(), leader.as_ref().map(|(node, _)| node.as_str())))
    }

    fn forget_node(&self, node: &str) -> Result<(), StoreError> {
        self.nodes_lock().forget(node);
        Ok(())
    }

    fn put_evidence(&self, node: &str, unit: &str, epoch: u64, body: &[u8]) -> Result<(), StoreError> {
        crate::evidence::check(body)?;
        self.write(|transaction| evidence::put(transaction, node, unit, epoch, body))
    }

    fn evidence(&self, unit: &str, epoch: u64) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        evidence::of(&self.lock(), unit, epoch)
    }

    fn lead(&self, node: &str) -> Result<Option<Term>, StoreError> {
        let mut leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        leadership::lead(&self.lock(), &mut leader, node).map(Some)
    }

    fn watch(&self) -> Box<dyn Watch> {
        Box::new(self.bell.listener())
    }

    fn secret(&self, name: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        self.write(|transaction| kept::secret(transaction, name, fresh))
    }

    fn hot_urls(&self) -> Result<Vec<HotUrl>, StoreError> {
        kept::hot_urls(&self.lock())
    }

    fn set_hot_urls(&self, urls: &[HotUrl]) -> Result<(), StoreError> {
        self.write(|transaction| kept::set_hot_urls(transaction, urls))
    }
}

/// Everything that a query gives.
fn rows<T>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let rows = statement.query_map(values, read).map_err(store_error)?;
    rows.collect::<Result<_, _>>().map_err(store_error)
}

#[cfg(test)]
mod tests {
    use banyan_flags::Percent;

    use super::*;
    use crate::CacheUrl;

    /// SQLite reports a database that may not grow exactly like a disk without room.
    #[test]
    fn a_full_disk_refuses_the_change_and_keeps_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("banyan.db")).unwrap();
        let pages: i64 = store.lock().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        store.lock().pragma_update(None, "max_page_count", pages).unwrap();
        let mut change = Change {
            unit: "articles".to_owned(),
            percent: Percent::FULL,
            held: false,
            expected_version: 0,
            at: SystemTime::UNIX_EPOCH,
            by: "test".to_owned(),
            why: "x".repeat(100_000),
        };
        assert!(matches!(store.change(&change), Err(StoreError::Full)));
        assert_eq!(store.units().unwrap(), []);
        change.why.clear();
        assert_eq!(store.change(&change).unwrap().version, 1);
    }

    #[test]
    fn hot_urls_that_do_not_fit_leave_those_that_were_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("banyan.db")).unwrap();
        let urls = |count: u64| -> Vec<HotUrl> {
            let url =
                |number| CacheUrl { host: "a".repeat(1000), target: format!("/{number}"), secure: false };
            (0..count).map(|number| HotUrl { url: url(number), count: 1 }).collect()
        };
        store.set_hot_urls(&urls(2)).unwrap();
        let pages: i64 = store.lock().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        store.lock().pragma_update(None, "max_page_count", pages).unwrap();
        assert!(matches!(store.set_hot_urls(&urls(1000)), Err(StoreError::Full)));
        assert_eq!(store.hot_urls().unwrap(), urls(2));
    }

    #[test]
    fn history_cannot_be_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("banyan.db")).unwrap();
        store
            .lock()
            .execute("INSERT INTO history VALUES ('articles', 1, 500, 0, 0, 'test', '')", [])
            .unwrap();
        for sql in ["UPDATE history SET percent = 0", "DELETE FROM history"] {
            assert!(store.lock().execute(sql, []).is_err(), "{sql}");
        }
        let beyond = "INSERT INTO history VALUES ('articles', 2, 10001, 0, 0, 'test', '')";
        assert!(store.lock().execute(beyond, []).is_err());
        assert_eq!(store.history("articles", 9).unwrap().len(), 1);
    }
}
