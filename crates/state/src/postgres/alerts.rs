//! Alerts that wait.

use std::time::SystemTime;

use tokio_postgres::Row;

use super::{
    convert::{count, get, integer, limit, nanoseconds, text, time},
    session::Call,
};
use crate::{Alert, AlertRecord, MAX_ALERTS, StoreError};

/// Within a change.
pub(super) fn add(call: &Call<'_>, unit: &str, alerts: &[Alert], at: SystemTime) -> Result<(), StoreError> {
    if alerts.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = alerts.iter().map(|alert| text(&alert.key)).collect();
    let targets: Vec<_> = alerts.iter().map(|alert| text(&alert.target)).collect();
    let bodies: Vec<_> = alerts.iter().map(|alert| text(&alert.body)).collect();
    let sql = "INSERT INTO banyan.alerts (unit, next_at, key, target, body)
        SELECT $1, $2, key, target, body
            FROM unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS alert (key, target, body, place)
            ORDER BY place
        ON CONFLICT DO NOTHING";
    call.run(sql, &[&unit, &nanoseconds(at), &keys, &targets, &bodies])?;
    let sql = "DELETE FROM banyan.alerts WHERE id IN
        (SELECT id FROM banyan.alerts ORDER BY sent, id DESC OFFSET $1)";
    call.run(sql, &[&limit(MAX_ALERTS)])
}

pub(super) fn due(call: &Call<'_>, now: SystemTime, most: usize) -> Result<Vec<AlertRecord>, StoreError> {
    let sql = "SELECT id, unit, key, body, target, tries, next_at, failure FROM banyan.alerts
        WHERE NOT sent AND (next_at <= $1 OR tries = 0) ORDER BY next_at, id LIMIT $2";
    let alert = |row: &Row| {
        Ok(AlertRecord {
            id: count(row, 0)?,
            unit: get(row, 1)?,
            key: get(row, 2)?,
            body: get(row, 3)?,
            target: get(row, 4)?,
            tries: u32::try_from(count(row, 5)?).unwrap_or(u32::MAX),
            next_at: time(row, 6)?,
            failure: get(row, 7)?,
        })
    };
    call.rows(sql, &[&nanoseconds(now), &limit(most)])?.iter().map(alert).collect()
}

pub(super) fn sent(call: &Call<'_>, id: u64) -> Result<(), StoreError> {
    call.run("UPDATE banyan.alerts SET sent = true WHERE id = $1", &[&integer(id)])
}

pub(super) fn failed(call: &Call<'_>, id: u64, next_at: SystemTime, why: &str) -> Result<(), StoreError> {
    let sql = "UPDATE banyan.alerts SET tries = tries + 1, next_at = $2, failure = $3 WHERE id = $1";
    call.run(sql, &[&integer(id), &nanoseconds(next_at), &text(why)])
}
