//! The store on the disk: one SQLite file.
//!
//! Invariants of what is stored:
//! - `history` is the only truth. It is append-only (triggers refuse anything else); where a unit stands is its row
//!   with the highest version, and that row is either a share with its hold or, both NULL, a handing back to the
//!   config.
//! - The versions of a unit are 1, 2, 3 ... without a gap and never used twice.
//! - An acknowledged change is on the disk: write-ahead log with `synchronous=FULL`, one transaction per change.
//! - A secret, once written, never changes.
//! - `hot_urls` is exchanged as a whole in one transaction, and bounded; `place` is the order, from 0 without a gap.
//! - `application_id` says that the file is ours, `user_version` which schema it has; nothing is written to a file
//!   before both are known to be right.
//! - One process at a time owns the file, by a lock on `<path>.lock` that it holds for life.
mod convert;
mod error;
mod lock;
mod open;

use std::{
    fs::File,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

pub use self::error::OpenError;
use self::{
    convert::{blob, entry, integer},
    error::store_error,
};
use crate::{Change, Entry, HotUrl, Record, Store, StoreError, hot, ledger};

/// The embedded store.
#[derive(Debug)]
pub struct Sqlite {
    connection: Mutex<Connection>,
    /// Its lock ends when it is dropped, after the connection (fields drop in order).
    _owned: File,
}

const COLUMNS: &str = "unit, version, percent, held, at, by, why";

impl Sqlite {
    /// Opens the store at `path`, made with mode 0600 if there is none, and owns it until dropped.
    ///
    /// # Errors
    /// When another process owns it, when the file is not a store of ours or of a newer version, or when the disk
    /// refuses. Nothing that was there is overwritten then.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let owned = lock::own(path)?;
        let connection = open::open(path)?;
        Ok(Self { connection: Mutex::new(connection), _owned: owned })
    }

    /// A panic elsewhere cannot leave a transaction open (it rolls back when dropped), so a poisoned lock is sound.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `write` as one transaction that is on the disk when this returns `Ok`, and never was otherwise.
    fn write<T>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
        let written = write(&transaction)?;
        transaction.commit().map_err(store_error)?;
        Ok(written)
    }
}

impl Store for Sqlite {
    fn units(&self) -> Result<Vec<Record>, StoreError> {
        // SQLite takes the other columns from the row of max(): https://www.sqlite.org/lang_select.html#bareagg
        let sql =
            "SELECT unit, max(version), percent, held, at, by, why FROM history GROUP BY unit ORDER BY unit";
        let entries = query(&self.lock(), sql, [])?;
        Ok(entries.iter().filter_map(ledger::record).collect())
    }

    fn change(&self, change: &Change) -> Result<Record, StoreError> {
        self.write(|transaction| {
            let entry = ledger::changed(last(transaction, &change.unit)?.as_ref(), change)?;
            append(transaction, &entry)?;
            ledger::record(&entry).ok_or_else(|| StoreError::Failed("a change left no record".to_owned()))
        })
    }

    fn forget(&self, unit: &str, by: &str, why: &str, at: SystemTime) -> Result<(), StoreError> {
        self.write(|transaction| match ledger::forgotten(last(transaction, unit)?.as_ref(), by, why, at) {
            Some(entry) => append(transaction, &entry),
            None => Ok(()),
        })
    }

    fn history(&self, unit: &str, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM history WHERE unit = ?1 ORDER BY version DESC LIMIT ?2");
        query(&self.lock(), &sql, params![unit, i64::try_from(limit).unwrap_or(i64::MAX)])
    }

    fn secret(&self, name: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        self.write(|transaction| {
            let sql = "INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            transaction.execute(sql, params![name, fresh]).map_err(store_error)?;
            let sql = "SELECT value FROM secrets WHERE name = ?1";
            transaction.query_row(sql, [name], |row| row.get(0).and_then(blob)).map_err(store_error)
        })
    }

    fn hot_urls(&self) -> Result<Vec<HotUrl>, StoreError> {
        let connection = self.lock();
        let sql = "SELECT host, target, secure, count FROM hot_urls ORDER BY place";
        let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
        let rows = statement.query_map([], convert::hot_url).map_err(store_error)?;
        rows.collect::<Result<_, _>>().map_err(store_error)
    }

    fn set_hot_urls(&self, urls: &[HotUrl]) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM hot_urls", []).map_err(store_error)?;
            let sql = "INSERT INTO hot_urls (place, host, target, secure, count) VALUES (?1, ?2, ?3, ?4, ?5)";
            let mut insert = transaction.prepare_cached(sql).map_err(store_error)?;
            for (place, HotUrl { url, count }) in (0i64..).zip(hot::kept(urls)) {
                let values = params![place, url.host, url.target, url.secure, integer(*count)];
                insert.execute(values).map_err(store_error)?;
            }
            Ok(())
        })
    }
}

fn last(connection: &Connection, unit: &str) -> Result<Option<Entry>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM history WHERE unit = ?1 ORDER BY version DESC LIMIT 1");
    connection.query_row(&sql, [unit], entry).optional().map_err(store_error)
}

fn append(connection: &Connection, entry: &Entry) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO history ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    let (percent, held) = convert::step(entry.step);
    let values = params![
        entry.unit,
        integer(entry.version),
        percent,
        held,
        convert::nanoseconds(entry.at),
        entry.by,
        entry.why
    ];
    connection.execute(&sql, values).map_err(store_error).map(drop)
}

fn query(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let rows = statement.query_map(values, entry).map_err(store_error)?;
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
