//! Whether the file is still where it was opened.
//!
//! A file that is moved or deleted stays open, and what is written to it is acknowledged and found by nobody: the next start
//! makes an empty store at the old place.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::StoreError;

/// Which file was opened, and where.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    file: (u64, u64),
}

impl Place {
    /// Of a file that is open.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: file(path)? })
    }

    /// Refuses what would be written into nowhere.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if file(&self.path).is_ok_and(|now| now == self.file) {
            return Ok(());
        }
        let path = self.path.display();
        Err(StoreError::Failed(format!(
            "{path} was moved, deleted or replaced since it was opened, and what is changed now would be lost with the next \
             start: put it back, with its -wal file, or restart with the file that is to count"
        )))
    }
}

/// Device and number, which are a file's whatever its name.
fn file(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}
