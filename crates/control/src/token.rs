//! The bearer tokens of the admin API and of flags for applications.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use subtle::ConstantTimeEq;

/// Characters a token file must hold at least: 128 bits as hex.
const MIN_CHARS: usize = 32;
/// Bytes of a token file that are read; nobody needs more.
const MAX_BYTES: u64 = 4096;

/// A secret that proves the right to use the admin API, or to ask for flags. It has no `Display`, and its `Debug` hides it.
#[derive(Clone)]
pub struct Token(String);

/// Why there is no usable token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file system refused.
    #[error("the token file {path} cannot be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner may read or change it.
    #[error("the token file {path} is open to others (mode {mode:03o}): run chmod 600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Empty, or too easy to guess.
    #[error(
        "the token file {path} holds no token of at least {MIN_CHARS} visible characters: delete the file and a \
         new one is made"
    )]
    Unusable {
        /// The file.
        path: PathBuf,
    },
}

/// The token in the file at `path`; when there is none, it is made from 256 random bits with mode 0600.
///
/// # Errors
/// When the file cannot be read or made, is open to others, or holds no usable token.
pub fn load_or_create(path: &Path) -> Result<Token, TokenError> {
    let failed = |source| TokenError::Io { path: path.to_owned(), source };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => create(file).map_err(|error| {
            // An empty file would be refused at the next start; that it cannot be removed adds nothing to the error.
            drop(fs::remove_file(path));
            failed(error)
        }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load(path),
        Err(error) => Err(failed(error)),
    }
}

fn create(mut file: File) -> io::Result<Token> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).map_err(io::Error::other)?;
    let token: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "{token}")?;
    file.sync_all()?;
    Ok(Token(token))
}

fn load(path: &Path) -> Result<Token, TokenError> {
    let failed = |source| TokenError::Io { path: path.to_owned(), source };
    // Everything is asked of the opened file, so that it cannot be exchanged between the questions.
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(TokenError::Open { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    let token = text.trim();
    if token.len() < MIN_CHARS || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenError::Unusable { path: path.to_owned() });
    }
    Ok(Token(token.to_owned()))
}

impl Token {
    /// Whether `given` is this token, in a time that does not tell how much of it was right.
    pub(crate) fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The secret itself, for the `Authorization` field of a client. Never log it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let made = load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(made.reveal().len(), 64);
        assert!(load_or_create(&path).unwrap().is(made.reveal()));
        let other = load_or_create(&folder.path().join("other")).unwrap();
        assert!(!other.is(made.reveal()) && !made.is("") && !made.is(&made.reveal()[1..]));
    }

    #[test]
    fn is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let token = load_or_create(&folder.path().join("token")).unwrap();
        assert!(!format!("{token:?}").contains(token.reveal()));
    }

    #[test]
    fn files_that_keep_no_secret_are_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (text, mode, expected) in [
            ("f".repeat(64), 0o640, "chmod 600"),
            ("f".repeat(64), 0o602, "chmod 600"),
            (String::new(), 0o600, "delete the file"),
            ("secret".to_owned(), 0o600, "delete the file"),
            ("two words ".repeat(9), 0o600, "delete the file"),
        ] {
            fs::write(&path, &text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = load_or_create(&path).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
