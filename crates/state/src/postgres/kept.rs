//! Secrets and hot URLs.

use super::{
    convert::{count, get, integer},
    session::Call,
};
use crate::{CacheUrl, HotUrl, StoreError, hot};

pub(super) fn secret(call: &Call<'_>, name: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
    let sql = "INSERT INTO banyan.secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    call.run(sql, &[&name, &fresh.as_slice()])?;
    let row = call.row("SELECT value FROM banyan.secrets WHERE name = $1", &[&name])?;
    let value: &[u8] = get(&row, 0)?;
    let found = value.len();
    value.try_into().map_err(|_| StoreError::Failed(format!("a secret has 32 bytes, this one {found}")))
}

pub(super) fn hot_urls(call: &Call<'_>) -> Result<Vec<HotUrl>, StoreError> {
    let rows = call.rows("SELECT host, target, secure, count FROM banyan.hot_urls ORDER BY place", &[])?;
    let hot = |row: &tokio_postgres::Row| {
        let url = CacheUrl { host: get(row, 0)?, target: get(row, 1)?, secure: get(row, 2)? };
        Ok(HotUrl { url, count: count(row, 3)? })
    };
    rows.iter().map(hot).collect()
}

/// Within a transaction. Two nodes that do this at once come one after the other, and the later one's stay.
pub(super) fn set_hot_urls(call: &Call<'_>, urls: &[HotUrl]) -> Result<(), StoreError> {
    call.batch("LOCK TABLE banyan.hot_urls IN SHARE ROW EXCLUSIVE MODE; DELETE FROM banyan.hot_urls")?;
    let kept: Vec<_> = hot::kept(urls).collect();
    let hosts: Vec<_> = kept.iter().map(|hot| hot.url.host.as_str()).collect();
    let targets: Vec<_> = kept.iter().map(|hot| hot.url.target.as_str()).collect();
    let secure: Vec<_> = kept.iter().map(|hot| hot.url.secure).collect();
    let counts: Vec<_> = kept.iter().map(|hot| integer(hot.count)).collect();
    let sql = "INSERT INTO banyan.hot_urls (host, target, secure, count, place)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bool[], $4::bigint[]) WITH ORDINALITY";
    call.run(sql, &[&hosts, &targets, &secure, &counts])
}
