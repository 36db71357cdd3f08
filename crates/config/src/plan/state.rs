//! Where that is kept which must survive.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{File, Secret};

/// Where that is kept which must survive a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// An embedded database in this file, for this process alone.
    File(PathBuf),
    /// A PostgreSQL that many may share.
    Postgres(Postgres),
}

/// A PostgreSQL as the store. Its `Display` and `Debug` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct Postgres {
    /// The URL as PostgreSQL's clients read it, without a password.
    pub(crate) address: String,
    /// The password that stands in the config, if one does.
    pub(crate) password: Option<Secret>,
    /// The file with the password. Never beside `password`.
    pub(crate) password_file: Option<File>,
}

impl State {
    /// The file of an embedded store.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// The PostgreSQL, if it is one.
    #[must_use]
    pub const fn postgres(&self) -> Option<&Postgres> {
        match self {
            Self::File(_) => None,
            Self::Postgres(postgres) => Some(postgres),
        }
    }
}

impl Postgres {
    /// The URL without a password, for people and for logs.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The file with the password, to be read at the start by whoever connects.
    #[must_use]
    pub const fn password_file(&self) -> Option<&File> {
        self.password_file.as_ref()
    }

    /// The URL to connect with.
    ///
    /// `from_file` is what [`Self::password_file`] holds, an end of line behind it included or not; without such a file
    /// it says nothing.
    #[must_use]
    pub fn url(&self, from_file: Option<&str>) -> Secret {
        let from_file = from_file.filter(|_| self.password_file.is_some());
        let password = from_file.map(|text| text.strip_suffix('\n').unwrap_or(text));
        let password = password.map(|text| text.strip_suffix('\r').unwrap_or(text));
        let password = password.or(self.password.as_ref().map(Secret::expose));
        match (password, self.address.split_once('@')) {
            (Some(password), Some((login, place))) => {
                Secret::new(&format!("{login}:{}@{place}", encoded(password)))
            }
            _ => Secret::new(&self.address),
        }
    }
}

/// Percent-encoded (RFC 3986 section 2.1) but for what is unreserved.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl fmt::Display for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("address", &self.address)
            .field("password", &self.password)
            .field("password_file", &self.password_file)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn postgres(password: Option<&str>, file: bool) -> Postgres {
        Postgres {
            address: "postgres://banyan@db/banyan".to_owned(),
            password: password.map(Secret::new),
            password_file: file.then(|| File { path: "/run/pw".into(), span: Span::default() }),
        }
    }

    #[test]
    fn a_url_has_the_password_of_the_config_or_of_the_file() {
        assert_eq!(postgres(None, false).url(None).expose(), "postgres://banyan@db/banyan");
        assert_eq!(postgres(Some("a:b"), false).url(None).expose(), "postgres://banyan:a%3Ab@db/banyan");
        for text in ["p@ss w\u{f6}rd", "p@ss w\u{f6}rd\n", "p@ss w\u{f6}rd\r\n"] {
            let url = postgres(None, true).url(Some(text));
            assert_eq!(url.expose(), "postgres://banyan:p%40ss%20w%C3%B6rd@db/banyan", "{text:?}");
        }
        assert_eq!(postgres(Some("a"), false).url(Some("other")).expose(), "postgres://banyan:a@db/banyan");
    }

    #[test]
    fn no_password_is_shown() {
        let postgres = postgres(Some("S3CRET"), false);
        let shown = format!("{postgres} {postgres:?} {:?}", State::Postgres(postgres.clone()));
        assert!(!shown.contains("S3CRET") && shown.contains("postgres://banyan@db/banyan"), "{shown}");
    }
}
