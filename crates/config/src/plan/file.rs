//! Files that a config names and others read.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
};

use crate::source::Span;

/// A file, and where the config names it: whoever cannot read it says what to mend.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it is; absolute, or relative to where the process runs.
    pub path: PathBuf,
    /// Where the config names it.
    pub span: Span,
}

impl Deref for File {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for File {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl PartialEq for File {
    /// The same file is the same wherever it is named: a config in which only lines have moved changes nothing.
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for File {}
