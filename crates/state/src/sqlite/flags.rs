//! Flags and their histories.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    convert::{count, integer, limit, nanoseconds, time},
    error::store_error,
    rows,
};
use crate::{FlagChange, FlagEntry, FlagRecord, StoreError, ledger};

pub(super) fn all(connection: &Connection) -> Result<Vec<FlagRecord>, StoreError> {
    // SQLite takes the other columns from the row of max(): https://www.sqlite.org/lang_select.html#bareagg
    let sql = "SELECT key, definition, max(version), at, by, why FROM flag_history GROUP BY key ORDER BY key";
    rows(connection, sql, [], record)
}

pub(super) fn change(connection: &Connection, change: &FlagChange) -> Result<FlagRecord, StoreError> {
    let sql = "SELECT key, definition, version, at, by, why FROM flag_history WHERE key = ?1
        ORDER BY version DESC LIMIT 1";
    let last = connection.query_row(sql, [&change.key], record).optional().map_err(store_error)?;
    let made = ledger::flagged(last.as_ref(), change)?;
    let sql = "INSERT INTO flag_history (key, version, definition, at, by, why)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (version, at) = (integer(made.version), nanoseconds(made.at));
    let values = params![made.key, version, made.definition, at, made.by, made.why];
    connection.execute(sql, values).map_err(store_error)?;
    Ok(made)
}

pub(super) fn history(connection: &Connection, key: &str, most: usize) -> Result<Vec<FlagEntry>, StoreError> {
    let sql = "SELECT key, version, lag(definition) OVER (ORDER BY version), definition, at, by, why
        FROM flag_history WHERE key = ?1 ORDER BY version DESC LIMIT ?2";
    let entry = |row: &Row<'_>| {
        Ok(FlagEntry {
            key: row.get(0)?,
            version: count(row, 1)?,
            from: row.get(2)?,
            to: row.get(3)?,
            at: time(row.get(4)?),
            by: row.get(5)?,
            why: row.get(6)?,
        })
    };
    rows(connection, sql, params![key, limit(most)], entry)
}

fn record(row: &Row<'_>) -> rusqlite::Result<FlagRecord> {
    Ok(FlagRecord {
        key: row.get(0)?,
        definition: row.get(1)?,
        version: count(row, 2)?,
        at: time(row.get(3)?),
        by: row.get(4)?,
        why: row.get(5)?,
    })
}
