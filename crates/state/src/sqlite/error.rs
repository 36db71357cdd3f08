//! What SQLite says, in the words of the store.

use rusqlite::{Error, ErrorCode, ffi};

use crate::StoreError;

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
