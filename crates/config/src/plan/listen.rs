//! Where the process listens.

use std::{net::SocketAddr, path::PathBuf};

use super::File;

/// One address where clients connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where to listen.
    pub address: SocketAddr,
    /// Certificate and key, for TLS with ALPN `h2` and `http/1.1`.
    pub tls: Option<ListenerTls>,
}

/// PEM files of a TLS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// Certificate chain, leaf first.
    pub cert: File,
    /// Private key.
    pub key: File,
}

/// The admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where to listen; loopback unless the config insists (`allow_remote: true`).
    pub listen: SocketAddr,
    /// File that holds the bearer token; created with mode 0600 when absent. Default: the state path + `.admin-token`, and
    /// `banyan.admin-token` beside the config where the state is a PostgreSQL.
    pub token_file: PathBuf,
}
