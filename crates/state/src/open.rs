//! Opening a store by its address.

use std::{io, path::PathBuf, sync::Arc};

use crate::{Address, AddressError, Postgres, ServerAddress, Sqlite, Store, StoreError, Timing};

/// Opens the store at an address, and makes it if there is none.
///
/// # Errors
/// When there is something else, or a newer one; when it cannot be reached; when another process owns the file.
pub fn open(address: &Address) -> Result<Arc<dyn Store>, OpenError> {
    Ok(match address {
        Address::File(path) => Arc::new(Sqlite::open(path)?),
        Address::Server(server) => Arc::new(Postgres::open(server, Timing::default())?),
    })
}

/// Why a store cannot be opened. Nothing that was there has changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Another process owns the file.
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
    /// A store on a server, written by a newer version.
    #[error(
        "the state store {server} has schema {found}, and this version of banyan knows up to {known}; it was left as it \
         is: run the newer version"
    )]
    NewerServer {
        /// The server.
        server: ServerAddress,
        /// Its schema.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// The file of the authorities that the server's certificate is checked by is of no use.
    #[error("the state store {server} cannot be opened: 'sslrootcert' names {path}: {why}")]
    Authorities {
        /// The server.
        server: ServerAddress,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The server refused, or cannot be reached.
    #[error("the state store {server} cannot be opened: {source}")]
    Server {
        /// The server.
        server: ServerAddress,
        /// Why.
        source: StoreError,
    },
}
