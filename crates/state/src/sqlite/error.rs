//! What SQLite says, in the words of the store.

use std::{io, path::PathBuf};

use rusqlite::{Error, ErrorCode, ffi};

use crate::StoreError;

/// Why a store cannot be opened. Nothing that was there has changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process owns it.
    #[error(
        "the state store {path} is in use by another process, which holds {lock}: stop it, or set another 'state' path"
    )]
    InUse {
        /// The database.
        path: PathBuf,
        /// The lock file.
        lock: PathBuf,
    },
    /// The file system refused.
    #[error("the state store cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file, but not a store of this program.
    #[error(
        "{path} is not a state store of banyan; it was left as it is: move it away, or set another 'state' path"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A store written by a newer version.
    #[error(
        "the state store {path} has schema {found}, and this version of banyan knows up to {known}; it was left as it \
         is: run the newer version, or set another 'state' path"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// The engine refused.
    #[error("the state store {path} cannot be opened: {source}")]
    Store {
        /// The database.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
}

/// A failed statement.
pub(super) fn store_error(error: Error) -> StoreError {
    match error.sqlite_error() {
        Some(failure) if matches!(failure.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Locked
        }
        // Without room for its shared index SQLite reports an I/O error of its own kind.
        Some(failure)
            if failure.code == ErrorCode::DiskFull || failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE =>
        {
            StoreError::Full
        }
        _ => StoreError::Failed(error.to_string()),
    }
}
