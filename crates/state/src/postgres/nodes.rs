//! Nodes, when they were last heard of, and what they have seen.

use std::time::Duration;

use tokio_postgres::Row;

use super::{
    convert::{count, get, integer, limit, moment, nanoseconds, time},
    session::Call,
};
use crate::{Beat, MAX_NODES, NodeRecord, StoreError};

pub(super) fn beat(call: &Call<'_>, beat: &Beat) -> Result<(), StoreError> {
    let sql = "INSERT INTO banyan.nodes
            (node, address, started_at, config_hash, program, generation, cut_off_since, seen)
        VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())
        ON CONFLICT (node) DO UPDATE SET address = excluded.address, started_at = excluded.started_at,
            config_hash = excluded.config_hash, program = excluded.program, generation = excluded.generation,
            cut_off_since = excluded.cut_off_since, seen = excluded.seen";
    let (started_at, generation) = (nanoseconds(beat.started_at), integer(beat.generation));
    let cut_off = beat.cut_off_since.map(nanoseconds);
    call.run(
        sql,
        &[&beat.node, &beat.address, &started_at, &beat.config_hash, &beat.program, &generation, &cut_off],
    )?;
    let sql = "DELETE FROM banyan.nodes WHERE node IN
        (SELECT node FROM banyan.nodes ORDER BY seen DESC OFFSET $1)";
    call.run(sql, &[&limit(MAX_NODES)])
}

pub(super) fn all(call: &Call<'_>) -> Result<Vec<NodeRecord>, StoreError> {
    let sql = "SELECT node, address, started_at, config_hash, program, generation, cut_off_since,
            (extract(epoch FROM clock_timestamp() - seen) * 1000000)::bigint,
            EXISTS (SELECT FROM banyan.leadership WHERE leadership.node = nodes.node)
        FROM banyan.nodes ORDER BY node";
    let node = |row: &Row| {
        let beat = Beat {
            node: get(row, 0)?,
            address: get(row, 1)?,
            started_at: time(row, 2)?,
            config_hash: get(row, 3)?,
            program: get(row, 4)?,
            generation: count(row, 5)?,
            cut_off_since: get::<Option<i64>>(row, 6)?.map(moment),
        };
        // Below zero after the server's clock was set back.
        let microseconds = u64::try_from(get::<i64>(row, 7)?).unwrap_or(0);
        Ok(NodeRecord { beat, last_seen: Duration::from_micros(microseconds), leads: get(row, 8)? })
    };
    call.rows(sql, &[])?.iter().map(node).collect()
}

pub(super) fn forget(call: &Call<'_>, node: &str) -> Result<(), StoreError> {
    call.run("DELETE FROM banyan.nodes WHERE node = $1", &[&node])
}

/// Statements of their own: a row that a late node slips in between them is of another epoch than anybody asks for, and the
/// next evidence drops it.
pub(super) fn put_evidence(
    call: &Call<'_>,
    node: &str,
    unit: &str,
    epoch: u64,
    body: &[u8],
) -> Result<(), StoreError> {
    let epoch = integer(epoch);
    call.run("DELETE FROM banyan.evidence WHERE unit = $1 AND epoch < $2", &[&unit, &epoch])?;
    let sql = "INSERT INTO banyan.evidence (unit, node, epoch, body)
        SELECT $1, $2, $3, $4
            WHERE NOT EXISTS (SELECT 1 FROM banyan.evidence WHERE unit = $1 AND epoch > $3)
        ON CONFLICT (unit, node) DO UPDATE SET epoch = excluded.epoch, body = excluded.body
            WHERE evidence.epoch <= excluded.epoch";
    call.run(sql, &[&unit, &node, &epoch, &body])
}

pub(super) fn evidence(
    call: &Call<'_>,
    unit: &str,
    epoch: u64,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let sql = "SELECT node, body FROM banyan.evidence WHERE unit = $1 AND epoch = $2 ORDER BY node";
    let one = |row: &Row| Ok((get(row, 0)?, get(row, 1)?));
    call.rows(sql, &[&unit, &integer(epoch)])?.iter().map(one).collect()
}
