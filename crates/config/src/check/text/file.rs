//! File paths.

use std::path::{Component, Path, PathBuf};

use crate::{plan::File, read::FromText, report::Complaint, source::Spanned};

/// A file as it was written.
pub(crate) struct FilePath(pub(crate) String);

impl FilePath {
    /// The path, starting at `base` when it is relative, without steps to where it is already.
    pub(crate) fn below(&self, base: &Path) -> PathBuf {
        base.join(&self.0).components().filter(|part| *part != Component::CurDir).collect()
    }
}

impl Spanned<FilePath> {
    /// The same with its place, for what is read only later.
    pub(crate) fn placed(&self, base: &Path) -> File {
        File { path: self.value.below(base), span: self.span }
    }
}

impl FromText for FilePath {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(Complaint::new("a file path is wanted"));
        }
        if text.ends_with('/') {
            return Err(Complaint::new("this is a directory").hint("name a file in it"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Where access lines go, as it was written.
pub(crate) enum AccessFile {
    Off,
    Stdout,
    File(FilePath),
}

impl FromText for AccessFile {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        match text {
            "off" => Ok(Self::Off),
            "stdout" => Ok(Self::Stdout),
            "Off" | "OFF" | "none" | "no" => {
                Err(Complaint::new("off, stdout or a file path is wanted").hint("write off"))
            }
            "stderr" | "STDOUT" | "Stdout" | "-" => {
                Err(Complaint::new("off, stdout or a file path is wanted").hint("write stdout"))
            }
            path => FilePath::from_text(path).map(Self::File),
        }
    }
}
