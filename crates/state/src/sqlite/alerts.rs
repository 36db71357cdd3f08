//! Alerts that wait.

use std::time::SystemTime;

use rusqlite::{Connection, Row, params};

use super::{
    convert::{count, integer, limit, nanoseconds, time},
    error::store_error,
    rows,
};
use crate::{Alert, AlertRecord, MAX_ALERTS, StoreError};

pub(super) fn add(
    connection: &Connection,
    unit: &str,
    alerts: &[Alert],
    at: SystemTime,
) -> Result<(), StoreError> {
    if alerts.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO alerts (unit, key, target, body, next_at) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT DO NOTHING";
    for Alert { key, target, body } in alerts {
        let values = params![unit, key, target, body, nanoseconds(at)];
        connection.execute(sql, values).map_err(store_error)?;
    }
    let sql =
        "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts ORDER BY sent, id DESC LIMIT -1 OFFSET ?1)";
    connection.execute(sql, [limit(MAX_ALERTS)]).map_err(store_error).map(drop)
}

pub(super) fn due(
    connection: &Connection,
    now: SystemTime,
    most: usize,
) -> Result<Vec<AlertRecord>, StoreError> {
    let sql = "SELECT id, unit, key, body, target, tries, next_at, failure FROM alerts
        WHERE sent = 0 AND (next_at <= ?1 OR tries = 0) ORDER BY next_at, id LIMIT ?2";
    let alert = |row: &Row<'_>| {
        Ok(AlertRecord {
            id: count(row, 0)?,
            unit: row.get(1)?,
            key: row.get(2)?,
            body: row.get(3)?,
            target: row.get(4)?,
            tries: u32::try_from(count(row, 5)?).unwrap_or(u32::MAX),
            next_at: time(row.get(6)?),
            failure: row.get(7)?,
        })
    };
    rows(connection, sql, params![nanoseconds(now), limit(most)], alert)
}

pub(super) fn sent(connection: &Connection, id: u64) -> Result<(), StoreError> {
    let sql = "UPDATE alerts SET sent = 1 WHERE id = ?1";
    connection.execute(sql, [integer(id)]).map_err(store_error).map(drop)
}

pub(super) fn failed(
    connection: &Connection,
    id: u64,
    next_at: SystemTime,
    why: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE alerts SET tries = tries + 1, next_at = ?2, failure = ?3 WHERE id = ?1";
    let values = params![integer(id), nanoseconds(next_at), why];
    connection.execute(sql, values).map_err(store_error).map(drop)
}
