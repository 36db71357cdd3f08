//! In which term this process drives. It is always this one: nobody else has the file.

use rusqlite::{Connection, OptionalExtension};

use super::{convert::count, error::store_error};
use crate::{StoreError, Term};

/// Who leads here, if anybody has asked to.
pub(super) type Leader = Option<(String, Term)>;

/// Begins a term, unless `node` has begun the newest one.
pub(super) fn lead(connection: &Connection, leader: &mut Leader, node: &str) -> Result<Term, StoreError> {
    if let Some((holder, term)) = leader
        && holder == node
    {
        return Ok(*term);
    }
    let sql =
        "INSERT INTO leadership (one, term) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET term = term + 1
        RETURNING term";
    let number = connection.query_row(sql, [], |row| count(row, 0)).map_err(store_error)?;
    let term = Term::new(number).ok_or_else(|| StoreError::Failed("terms count from 1".to_owned()))?;
    *leader = Some((node.to_owned(), term));
    Ok(term)
}

/// The number of the newest term; 0 if none has begun.
pub(super) fn newest(connection: &Connection) -> Result<u64, StoreError> {
    let found = connection.query_row("SELECT term FROM leadership", [], |row| count(row, 0)).optional();
    found.map(Option::unwrap_or_default).map_err(store_error)
}
