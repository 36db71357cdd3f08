//! Flags for applications.

use std::{net::SocketAddr, path::PathBuf};

/// Flags for applications, by the OpenFeature Remote Evaluation Protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ofrep {
    /// Where to listen. Default 127.0.0.1:8016.
    pub listen: SocketAddr,
    /// File that holds the bearer token; created with mode 0600 when absent. `None`: nobody is asked for one, which only
    /// an address on loopback may be content with.
    pub token_file: Option<PathBuf>,
    /// Requests answered in a second; those beyond get 429. Default 10,000; at least 1.
    pub requests_per_second: u32,
}
