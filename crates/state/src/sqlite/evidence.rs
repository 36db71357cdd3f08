//! What each node has seen of a rollout.

use rusqlite::{Connection, Row, params};

use super::{convert::integer, error::store_error, rows};
use crate::StoreError;

pub(super) fn put(
    connection: &Connection,
    node: &str,
    unit: &str,
    epoch: u64,
    body: &[u8],
) -> Result<(), StoreError> {
    let epoch = integer(epoch);
    let sql = "DELETE FROM evidence WHERE unit = ?1 AND epoch < ?2";
    connection.execute(sql, params![unit, epoch]).map_err(store_error)?;
    let sql = "INSERT INTO evidence (unit, node, epoch, body)
        SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM evidence WHERE unit = ?1 AND epoch > ?3)
        ON CONFLICT (unit, node) DO UPDATE SET epoch = excluded.epoch, body = excluded.body";
    connection.execute(sql, params![unit, node, epoch, body]).map_err(store_error).map(drop)
}

pub(super) fn of(
    connection: &Connection,
    unit: &str,
    epoch: u64,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let sql = "SELECT node, body FROM evidence WHERE unit = ?1 AND epoch = ?2 ORDER BY node";
    rows(connection, sql, params![unit, integer(epoch)], |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?)))
}
