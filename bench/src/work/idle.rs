//! Memory with connections that do nothing.

use std::net::SocketAddr;

use anyhow::Context;

use super::Column;
use crate::{
    client::Connection,
    record::Figures,
    server::{Candidate, Server},
};

pub(super) const COLUMNS: &[Column] = &[
    Column { figure: "pss_kib_per_connection", heading: "KiB per connection", decimals: 1 },
    Column { figure: "pss_kib_at_0", heading: "KiB with none", decimals: 0 },
    Column { figure: "pss_kib_at_1000", heading: "with 1,000", decimals: 0 },
    Column { figure: "pss_kib_at_10000", heading: "with 10,000", decimals: 0 },
];

/// Numbers of connections, growing.
const STEPS: [usize; 3] = [0, 1_000, 10_000];

/// A fresh server, and connections that each make one request before they fall silent, as a client's pool leaves them.
///
/// # Errors
/// When the server does not start, refuses a connection, or closes one.
pub(super) fn round(candidate: &Candidate, origin: SocketAddr) -> anyhow::Result<Figures> {
    let server = Server::candidate(candidate, origin)?.context("no server to fill")?;
    let mut figures = Figures::new();
    let mut connections: Vec<Connection> = Vec::new();
    for step in STEPS {
        while connections.len() < step {
            let mut connection = Connection::open(server.address())?;
            connection.get("/", &[]).with_context(|| format!("connection {}", connections.len() + 1))?;
            connections.push(connection);
        }
        let memory = server.memory()?;
        figures.insert(format!("pss_kib_at_{step}"), memory.pss as f64);
        figures.insert(format!("rss_kib_at_{step}"), memory.rss as f64);
    }
    // All must still be there: a server that drops them saves memory by not doing the work.
    for connection in &mut connections {
        connection.get("/", &[]).context("an idle connection was closed")?;
    }
    let [least, .., most] = STEPS;
    let grown = figures[&format!("pss_kib_at_{most}")] - figures[&format!("pss_kib_at_{least}")];
    figures.insert("pss_kib_per_connection".to_owned(), grown / (most - least) as f64);
    Ok(figures)
}
