//! Flags and their histories.

use tokio_postgres::Row;

use super::{
    convert::{count, get, integer, limit, nanoseconds, text, time},
    session::Call,
};
use crate::{FlagChange, FlagEntry, FlagRecord, StoreError, ledger};

pub(super) fn all(call: &Call<'_>) -> Result<Vec<FlagRecord>, StoreError> {
    let sql = "SELECT DISTINCT ON (key) key, definition, version, at, by, why FROM banyan.flag_history
        ORDER BY key, version DESC";
    call.rows(sql, &[])?.iter().map(record).collect()
}

/// Within a change, since it reads before it writes.
pub(super) fn change(call: &Call<'_>, change: &FlagChange) -> Result<FlagRecord, StoreError> {
    let sql = "SELECT key, definition, version, at, by, why FROM banyan.flag_history WHERE key = $1
        ORDER BY version DESC LIMIT 1";
    let last = call.maybe_row(sql, &[&change.key])?;
    let last = last.as_ref().map(record).transpose()?;
    let made = ledger::flagged(last.as_ref(), change)?;
    let sql = "INSERT INTO banyan.flag_history (key, version, definition, at, by, why)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let (version, at) = (integer(made.version), nanoseconds(made.at));
    let (by, why) = (text(&made.by), text(&made.why));
    call.run(sql, &[&made.key, &version, &made.definition, &at, &by, &why])?;
    Ok(made)
}

pub(super) fn history(call: &Call<'_>, key: &str, most: usize) -> Result<Vec<FlagEntry>, StoreError> {
    let sql = "SELECT key, version, lag(definition) OVER (ORDER BY version), definition, at, by, why
        FROM banyan.flag_history WHERE key = $1 ORDER BY version DESC LIMIT $2";
    let entry = |row: &Row| {
        Ok(FlagEntry {
            key: get(row, 0)?,
            version: count(row, 1)?,
            from: get(row, 2)?,
            to: get(row, 3)?,
            at: time(row, 4)?,
            by: get(row, 5)?,
            why: get(row, 6)?,
        })
    };
    call.rows(sql, &[&key, &limit(most)])?.iter().map(entry).collect()
}

fn record(row: &Row) -> Result<FlagRecord, StoreError> {
    Ok(FlagRecord {
        key: get(row, 0)?,
        definition: get(row, 1)?,
        version: count(row, 2)?,
        at: time(row, 3)?,
        by: get(row, 4)?,
        why: get(row, 5)?,
    })
}
