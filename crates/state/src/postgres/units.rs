//! Units and their histories.

use std::time::SystemTime;

use tokio_postgres::Row;

use super::{
    convert::{self, count, get, integer, limit, nanoseconds, points, text},
    session::Call,
};
use crate::{Change, Entry, Record, Step, StoreError, ledger};

pub(super) fn all(call: &Call<'_>) -> Result<Vec<Record>, StoreError> {
    let sql = "SELECT DISTINCT ON (unit) unit, version, percent, held, at, by, why FROM banyan.history
        ORDER BY unit, version DESC";
    let entries = entries(&call.rows(sql, &[])?)?;
    Ok(entries.iter().filter_map(ledger::record).collect())
}

/// Within a change, since it reads before it writes.
pub(super) fn change(call: &Call<'_>, change: &Change) -> Result<Record, StoreError> {
    let entry = ledger::changed(last(call, &change.unit)?.as_ref(), change)?;
    append(call, &entry)?;
    ledger::record(&entry).ok_or_else(|| StoreError::Failed("a change left no record".to_owned()))
}

/// Within a change.
pub(super) fn forget(
    call: &Call<'_>,
    unit: &str,
    by: &str,
    why: &str,
    at: SystemTime,
) -> Result<(), StoreError> {
    match ledger::forgotten(last(call, unit)?.as_ref(), by, why, at) {
        Some(entry) => append(call, &entry),
        None => Ok(()),
    }
}

pub(super) fn history(call: &Call<'_>, unit: &str, most: usize) -> Result<Vec<Entry>, StoreError> {
    let sql = "SELECT unit, version, percent, held, at, by, why FROM banyan.history WHERE unit = $1
        ORDER BY version DESC LIMIT $2";
    entries(&call.rows(sql, &[&unit, &limit(most)])?)
}

fn last(call: &Call<'_>, unit: &str) -> Result<Option<Entry>, StoreError> {
    Ok(history(call, unit, 1)?.pop())
}

fn append(call: &Call<'_>, entry: &Entry) -> Result<(), StoreError> {
    let (percent, held) = match entry.step {
        Step::Set { percent, held } => (Some(points(percent)), Some(held)),
        Step::Forget => (None, None),
    };
    let sql = "INSERT INTO banyan.history (unit, version, percent, held, at, by, why)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (version, at) = (integer(entry.version), nanoseconds(entry.at));
    call.run(sql, &[&entry.unit, &version, &percent, &held, &at, &text(&entry.by), &text(&entry.why)])
}

fn entries(rows: &[Row]) -> Result<Vec<Entry>, StoreError> {
    let entry = |row: &Row| {
        Ok(Entry {
            unit: get(row, 0)?,
            version: count(row, 1)?,
            step: convert::step(row, 2)?,
            at: convert::time(row, 4)?,
            by: get(row, 5)?,
            why: get(row, 6)?,
        })
    };
    rows.iter().map(entry).collect()
}
