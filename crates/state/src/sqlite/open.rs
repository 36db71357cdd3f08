//! Opening a database: recognise it first, then bring it to the current schema.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::error::store_error;
use crate::OpenError;

/// "Bany", in the header of every database of ours (`PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x4261_6E79;

/// Steps from an empty database to the current schema; `user_version` counts the ones taken. Steps that were ever
/// released never change: add another.
const SCHEMA: &[&str] = &[
    "
    CREATE TABLE history (
        unit    TEXT    NOT NULL,
        version INTEGER NOT NULL CHECK (version >= 1),
        percent INTEGER CHECK (percent BETWEEN 0 AND 10000),
        held    INTEGER CHECK (held IN (0, 1)),
        at      INTEGER NOT NULL,
        by      TEXT    NOT NULL,
        why     TEXT    NOT NULL,
        PRIMARY KEY (unit, version),
        CHECK ((percent IS NULL) = (held IS NULL))
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER history_keeps_rows BEFORE UPDATE ON history
        BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
    CREATE TRIGGER history_keeps_all_rows BEFORE DELETE ON history
        BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
    CREATE TABLE secrets (
        name  TEXT PRIMARY KEY,
        value BLOB NOT NULL CHECK (length(value) = 32)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE hot_urls (
        place  INTEGER PRIMARY KEY,
        host   TEXT    NOT NULL,
        target TEXT    NOT NULL,
        secure INTEGER NOT NULL CHECK (secure IN (0, 1)),
        count  INTEGER NOT NULL CHECK (count >= 0)
    ) STRICT;
",
    include_str!("rollouts.sql"),
];

/// How long a statement waits for somebody else's lock, such as a backup's, before the change is refused.
const BUSY: Duration = Duration::from_secs(1);

/// A connection to the database at `path`, recognised as ours and at the current schema.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    create(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path: path.to_owned() },
        _ => OpenError::Store { path: path.to_owned(), source: store_error(error) },
    };
    // No CREATE flag, which would lose the mode 0600, and no URI flag: a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    let found = recognise(&connection, path, &failed)?;
    configure(&connection).map_err(failed)?;
    migrate(&mut connection, found).map_err(failed)?;
    Ok(connection)
}

/// Makes an empty file that only its owner may read, since it will hold secrets, and makes its name durable.
fn create(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        created => drop(created?),
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The newest schema this program knows.
fn known() -> i64 {
    i64::try_from(SCHEMA.len()).unwrap_or(i64::MAX)
}

/// The number of schema steps already taken. Only reads.
fn recognise(
    connection: &Connection,
    path: &Path,
    failed: &impl Fn(rusqlite::Error) -> OpenError,
) -> Result<usize, OpenError> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let (id, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let objects = number("SELECT count(*) FROM sqlite_schema")?;
    let known = known();
    match (id, version) {
        (0, 0) if objects == 0 => Ok(0),
        (APPLICATION_ID, found) if found > known => {
            Err(OpenError::Newer { path: path.to_owned(), found, known })
        }
        (APPLICATION_ID, found) => {
            usize::try_from(found).map_err(|_| OpenError::Foreign { path: path.to_owned() })
        }
        _ => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

/// Durable before acknowledged: <https://www.sqlite.org/pragma.html#pragma_synchronous>.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")
}

/// Takes the missing steps, all or none.
fn migrate(connection: &mut Connection, found: usize) -> rusqlite::Result<()> {
    let missing = SCHEMA.get(found..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", known())?;
    transaction.commit()
}
