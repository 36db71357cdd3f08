//! Units and their histories.

use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    convert::{self, entry, integer, limit, nanoseconds},
    error::store_error,
    rows,
};
use crate::{Change, Entry, Record, StoreError, ledger};

const COLUMNS: &str = "unit, version, percent, held, at, by, why";

pub(super) fn all(connection: &Connection) -> Result<Vec<Record>, StoreError> {
    // SQLite takes the other columns from the row of max(): https://www.sqlite.org/lang_select.html#bareagg
    let sql =
        "SELECT unit, max(version), percent, held, at, by, why FROM history GROUP BY unit ORDER BY unit";
    let entries = rows(connection, sql, [], entry)?;
    Ok(entries.iter().filter_map(ledger::record).collect())
}

pub(super) fn change(connection: &Connection, change: &Change) -> Result<Record, StoreError> {
    let entry = ledger::changed(last(connection, &change.unit)?.as_ref(), change)?;
    append(connection, &entry)?;
    ledger::record(&entry).ok_or_else(|| StoreError::Failed("a change left no record".to_owned()))
}

pub(super) fn forget(
    connection: &Connection,
    unit: &str,
    by: &str,
    why: &str,
    at: SystemTime,
) -> Result<(), StoreError> {
    match ledger::forgotten(last(connection, unit)?.as_ref(), by, why, at) {
        Some(entry) => append(connection, &entry),
        None => Ok(()),
    }
}

pub(super) fn history(connection: &Connection, unit: &str, most: usize) -> Result<Vec<Entry>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM history WHERE unit = ?1 ORDER BY version DESC LIMIT ?2");
    rows(connection, &sql, params![unit, limit(most)], entry)
}

fn last(connection: &Connection, unit: &str) -> Result<Option<Entry>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM history WHERE unit = ?1 ORDER BY version DESC LIMIT 1");
    connection.query_row(&sql, [unit], entry).optional().map_err(store_error)
}

fn append(connection: &Connection, entry: &Entry) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO history ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    let (percent, held) = convert::step(entry.step);
    let (version, at) = (integer(entry.version), nanoseconds(entry.at));
    let values = params![entry.unit, version, percent, held, at, entry.by, entry.why];
    connection.execute(&sql, values).map_err(store_error).map(drop)
}
