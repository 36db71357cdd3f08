//! Where a store is: a file, or a server.
//!
//! An address may hold a password. It is kept out of everything that people read: neither `Display` nor `Debug` nor an
//! error of this module repeats any part of an address that was not understood first.

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
};

use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

use crate::encryption::{Encryption, Wishes};

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A file on this machine's disk, for one process.
    File(PathBuf),
    /// A PostgreSQL server, for many.
    Server(ServerAddress),
}

/// A PostgreSQL server, a database and a user.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerAddress {
    pub(crate) config: Box<Config>,
    pub(crate) encryption: Encryption,
    /// For people: without password.
    shown: String,
}

/// Why an address is none. The texts hold nothing of the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It has a scheme that no store has.
    #[error("a state store is a file such as './banyan.db', or 'postgres://user@host:5432/database'")]
    Scheme,
    /// It is not a PostgreSQL address.
    #[error(
        "this is not an address of PostgreSQL: it should look like 'postgres://user@host:5432/database', with special \
         characters in the password written as %40 and so on"
    )]
    Malformed,
    /// It asks for TLS only where the server happens to offer it.
    #[error(
        "'sslmode={0}' goes on without encryption, and without a word, where the server or anybody on the way says that \
         there is none: write 'sslmode=verify-full', or 'sslmode=disable' where the way to the server is private"
    )]
    Weak(&'static str),
    /// It has a mode of TLS that there is not.
    #[error("'sslmode' is disable, require, verify-ca or verify-full")]
    Mode,
    /// It wants the server's authority to be checked, and says not which that is.
    #[error(
        "'sslmode=verify-ca' needs the file with the authority's certificate: add '&sslrootcert=/path/to/ca.pem', or write \
         'sslmode=verify-full', which takes the authorities of the public web where there is no file"
    )]
    NoAuthority,
    /// The authority's file is none that every process finds.
    #[error(
        "'sslrootcert' is the whole path of a file, from '/' on, or 'system' for the authorities of the public web"
    )]
    Roots,
    /// It switches TLS off, and says how to check it.
    #[error(
        "'sslmode=disable' switches TLS off, so 'sslrootcert' would check nothing: leave one of them away"
    )]
    Contradiction,
    /// Some of its hosts can have TLS, and some cannot.
    #[error(
        "some hosts of this address are unix sockets, which have no TLS, and others need it: name hosts of one kind, or \
         write 'sslmode=disable' where the way to them is private"
    )]
    Mixed,
    /// It says one thing twice.
    #[error("'{0}' stands there twice: leave one of them away")]
    Twice(&'static str),
    /// It leaves out what cannot be guessed.
    #[error("the address of PostgreSQL names no {0}: write 'postgres://user@host:5432/database'")]
    Missing(&'static str),
}

impl Address {
    /// Reads an address: `postgres://…` or `postgresql://…` is a server; `sqlite:PATH`, or a path alone, a file.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn read(text: &str) -> Result<Self, AddressError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return ServerAddress::read(text).map(Self::Server);
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(path) => path.strip_prefix("//").unwrap_or(path),
            None if text.contains("://") => return Err(AddressError::Scheme),
            None => text,
        };
        if path.is_empty() { Err(AddressError::Scheme) } else { Ok(Self::File(path.into())) }
    }
}

impl ServerAddress {
    /// Reads the URL of a server as libpq writes it
    /// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>). It names at least a user and
    /// a host; `host` may be a folder with a unix socket. What `sslmode` and `sslrootcert` mean, and what holds without
    /// them, is in `docs/stores.md`.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn read(text: &str) -> Result<Self, AddressError> {
        let (text, wishes) = Wishes::take(text)?;
        let mut config: Config = text.parse().map_err(|_| AddressError::Malformed)?;
        let user = config.get_user().filter(|user| !user.is_empty()).ok_or(AddressError::Missing("user"))?;
        let user = user.to_owned();
        if config.get_dbname().is_none() {
            config.dbname(&user);
        }
        // Of several servers the one that takes writes is meant: after a failover that is another than before.
        if config.get_hosts().len() > 1 {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let encryption = wishes.granted(config.get_hosts())?;
        config.ssl_mode(if encryption == Encryption::Off { SslMode::Disable } else { SslMode::Require });
        let shown = shown(&config, &user)?;
        Ok(Self { config: Box::new(config), encryption, shown })
    }

    /// The same with another password, such as one that stands in a file of its own.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.config.password(password);
        self
    }
}

/// `postgres://user@host:5432/database`.
fn shown(config: &Config, user: &str) -> Result<String, AddressError> {
    let mut shown = format!("postgres://{user}@");
    let hosts = config.get_hosts();
    if hosts.is_empty() {
        return Err(AddressError::Missing("host"));
    }
    for (place, host) in hosts.iter().enumerate() {
        if place > 0 {
            shown.push(',');
        }
        match host {
            // What follows an unescaped '@' of a password is taken for the host.
            Host::Tcp(host) if host.is_empty() => return Err(AddressError::Missing("host")),
            Host::Tcp(host) if host.contains(['@', '/', '?', '#']) => return Err(AddressError::Malformed),
            Host::Tcp(host) => shown.push_str(host),
            Host::Unix(folder) => shown.push_str(&folder.to_string_lossy()),
        }
        let ports = config.get_ports();
        let port = ports.get(place).or(ports.first()).copied().unwrap_or(5432);
        write!(shown, ":{port}").map_err(|_| AddressError::Malformed)?;
    }
    shown.push('/');
    shown.push_str(config.get_dbname().unwrap_or(user));
    Ok(shown)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(server) => server.fmt(f),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Result<Address, AddressError> {
        Ok(Address::File(path.into()))
    }

    #[test]
    fn a_path_is_a_file() {
        assert_eq!(Address::read("./banyan.db"), file("./banyan.db"));
        assert_eq!(Address::read("sqlite:banyan.db"), file("banyan.db"));
        assert_eq!(Address::read("sqlite:///var/lib/banyan.db"), file("/var/lib/banyan.db"));
        assert_eq!(Address::read("mysql://host/db"), Err(AddressError::Scheme));
        assert_eq!(Address::read(""), Err(AddressError::Scheme));
    }

    #[test]
    fn what_is_left_out_of_a_servers_address_is_filled_in() {
        let shown = |text: &str| Address::read(text).unwrap().to_string();
        assert_eq!(shown("postgres://ada@db.example"), "postgres://ada@db.example:5432/ada");
        assert_eq!(shown("postgresql://ada@a,b:6000/x"), "postgres://ada@a:5432,b:6000/x");
        assert_eq!(shown("postgres://ada@%2Frun%2Fpg:6000/x"), "postgres://ada@/run/pg:6000/x");
    }

    #[test]
    fn no_password_is_ever_shown() {
        for text in ["postgres://ada:tops3cret@db/x", "postgres://ada@db/x?password=tops3cret"] {
            let address = Address::read(text).unwrap();
            let shown = format!("{address} {address:?}");
            assert!(!shown.contains("tops3cret"), "{shown}");
        }
        let Address::Server(server) = Address::read("postgres://ada@db/x").unwrap() else {
            panic!("a server")
        };
        let server = server.with_password("tops3cret");
        assert_eq!(server.config.get_password(), Some(b"tops3cret".as_slice()));
        assert!(!format!("{server} {server:?}").contains("tops3cret"));
    }

    #[test]
    fn an_error_repeats_nothing_of_the_address() {
        let bad = [
            "postgres://ada:tops3cret@more@db/x",
            "postgres://ada:tops3cret/more@db:port/x",
            "postgres://ada:tops3cret@db/x?tops3cret=1",
            "postgres://ada:tops3cret@db:tops3cret/x",
        ];
        for text in bad {
            let error = Address::read(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("tops3cret"), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_guessed_is_asked_for() {
        assert_eq!(Address::read("postgres://db.example/x"), Err(AddressError::Missing("user")));
        assert_eq!(Address::read("postgres://ada@/x"), Err(AddressError::Missing("host")));
    }
}
