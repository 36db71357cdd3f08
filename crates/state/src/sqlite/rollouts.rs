//! Rollouts, their histories, and the steps they take.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    alerts,
    convert::{count, integer, limit, nanoseconds, percent, time},
    error::store_error,
    leadership, rows, units,
};
use crate::{Record, RolloutEntry, RolloutRecord, RolloutStep, StoreError, ledger};

pub(super) fn all(connection: &Connection) -> Result<Vec<RolloutRecord>, StoreError> {
    let sql = "SELECT unit, state, version, at, by, why FROM rollouts ORDER BY unit";
    rows(connection, sql, [], record)
}

pub(super) fn step(
    connection: &Connection,
    step: &RolloutStep,
) -> Result<(RolloutRecord, Option<Record>), StoreError> {
    let sql = "SELECT unit, state, version, at, by, why FROM rollouts WHERE unit = ?1";
    let last = connection.query_row(sql, [&step.unit], record).optional().map_err(store_error)?;
    let made = ledger::stepped(last.as_ref(), leadership::newest(connection)?, step)?;
    let unit = step.percent.as_ref().map(|change| units::change(connection, change)).transpose()?;
    let sql = "INSERT INTO rollouts (unit, state, version, at, by, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (unit) DO UPDATE SET state = excluded.state, version = excluded.version, at = excluded.at,
            by = excluded.by, why = excluded.why";
    let (version, at) = (integer(made.version), nanoseconds(made.at));
    let values = params![made.unit, made.state, version, at, made.by, made.why];
    connection.execute(sql, values).map_err(store_error)?;
    if let Some(entry) = ledger::rollout_entry(&made, step) {
        append(connection, &entry)?;
    }
    alerts::add(connection, &step.unit, &step.alerts, step.at)?;
    Ok((made, unit))
}

pub(super) fn history(
    connection: &Connection,
    unit: &str,
    most: usize,
) -> Result<Vec<RolloutEntry>, StoreError> {
    let sql = "SELECT unit, version, state, what, percent, at, by, why FROM rollout_history
        WHERE unit = ?1 ORDER BY version DESC LIMIT ?2";
    let entry = |row: &Row<'_>| {
        Ok(RolloutEntry {
            unit: row.get(0)?,
            version: count(row, 1)?,
            state: row.get(2)?,
            what: row.get(3)?,
            percent: percent(row, 4)?,
            at: time(row.get(5)?),
            by: row.get(6)?,
            why: row.get(7)?,
        })
    };
    rows(connection, sql, params![unit, limit(most)], entry)
}

fn append(connection: &Connection, entry: &RolloutEntry) -> Result<(), StoreError> {
    let sql = "INSERT INTO rollout_history (unit, version, state, what, percent, at, by, why)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let (version, at) = (integer(entry.version), nanoseconds(entry.at));
    let percent = entry.percent.map(banyan_flags::Percent::basis_points);
    let values = params![entry.unit, version, entry.state, entry.what, percent, at, entry.by, entry.why];
    connection.execute(sql, values).map_err(store_error).map(drop)
}

fn record(row: &Row<'_>) -> rusqlite::Result<RolloutRecord> {
    Ok(RolloutRecord {
        unit: row.get(0)?,
        state: row.get(1)?,
        version: count(row, 2)?,
        at: time(row.get(3)?),
        by: row.get(4)?,
        why: row.get(5)?,
    })
}
