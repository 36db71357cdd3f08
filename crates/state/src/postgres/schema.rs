//! Bringing the tables to the current schema.
//!
//! Nodes start at the same time, so they take turns: an advisory lock is held while steps are taken. A node that finds
//! nothing to do takes no lock and needs no right to make tables.

use super::{convert::get, session::Call};
use crate::StoreError;

/// Steps from an empty database to the current schema; `banyan.versions` has a row for each one taken. Steps that were
/// ever released never change: add another.
const STEPS: &[&str] = &[include_str!("schema.sql")];

/// "Bany" and "migr": the advisory lock of those who change tables.
const LOCK: i64 = 0x4261_6E79_6D69_6772;

/// Why there is no current schema.
pub(super) enum Fault {
    /// There is one of a newer version.
    Newer { found: i64, known: i64 },
    /// The server refused.
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Takes the missing steps, all or none.
pub(super) fn migrate(call: &Call<'_>) -> Result<(), Fault> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    match taken(call)? {
        found if found > known => return Err(Fault::Newer { found, known }),
        found if found == known => return Ok(()),
        _ => {}
    }
    let found = call.quietly(|call| {
        call.run("SELECT pg_advisory_xact_lock($1)", &[&LOCK])?;
        // Somebody else may have been here while this waited.
        let taken = taken(call)?;
        if taken == 0 {
            call.batch(
                "CREATE SCHEMA IF NOT EXISTS banyan;
                 CREATE TABLE IF NOT EXISTS banyan.versions (
                     version bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT now()
                 )",
            )?;
        }
        for (version, step) in (1i64..).zip(STEPS).filter(|(version, _)| *version > taken) {
            call.batch(step)?;
            call.run("INSERT INTO banyan.versions (version) VALUES ($1)", &[&version])?;
        }
        Ok(taken)
    })?;
    if found > known { Err(Fault::Newer { found, known }) } else { Ok(()) }
}

/// The number of steps already taken. Asks the catalogue's tables and not `to_regclass`, which may still answer from the
/// session's cache what was so before it waited for the lock.
fn taken(call: &Call<'_>) -> Result<i64, StoreError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables
        WHERE schemaname = 'banyan' AND tablename = 'versions')";
    let there = call.row(sql, &[])?;
    if !get::<bool>(&there, 0)? {
        return Ok(0);
    }
    get(&call.row("SELECT coalesce(max(version), 0) FROM banyan.versions", &[])?, 0)
}
