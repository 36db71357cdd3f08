//! One process per store.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use crate::OpenError;

/// Locks `<path>.lock` for as long as the returned file lives. The kernel ends the lock when the process dies, so
/// there is nothing to clean up after a crash; the file itself stays, because removing it would let two processes
/// lock two files of the same name.
///
/// SQLite's own locks last for one transaction, and two gateways that take turns would each serve a share the other
/// has changed.
pub(super) fn own(path: &Path) -> Result<File, OpenError> {
    let lock = lock_path(path);
    let failed = |source| OpenError::Io { path: lock.clone(), source };
    let file = OpenOptions::new().create(true).append(true).open(&lock).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned(), lock }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    name.into()
}
