//! Secrets and hot URLs.

use rusqlite::{Connection, params};

use super::{
    convert::{blob, hot_url, integer},
    error::store_error,
    rows,
};
use crate::{HotUrl, StoreError, hot};

pub(super) fn secret(connection: &Connection, name: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
    let sql = "INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    connection.execute(sql, params![name, fresh]).map_err(store_error)?;
    let sql = "SELECT value FROM secrets WHERE name = ?1";
    connection.query_row(sql, [name], |row| row.get(0).and_then(blob)).map_err(store_error)
}

pub(super) fn hot_urls(connection: &Connection) -> Result<Vec<HotUrl>, StoreError> {
    rows(connection, "SELECT host, target, secure, count FROM hot_urls ORDER BY place", [], hot_url)
}

pub(super) fn set_hot_urls(connection: &Connection, urls: &[HotUrl]) -> Result<(), StoreError> {
    connection.execute("DELETE FROM hot_urls", []).map_err(store_error)?;
    let sql = "INSERT INTO hot_urls (place, host, target, secure, count) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = connection.prepare_cached(sql).map_err(store_error)?;
    for (place, HotUrl { url, count }) in (0i64..).zip(hot::kept(urls)) {
        let values = params![place, url.host, url.target, url.secure, integer(*count)];
        insert.execute(values).map_err(store_error)?;
    }
    Ok(())
}
