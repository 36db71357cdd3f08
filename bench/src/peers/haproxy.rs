//! HAProxy: one thread, keep-alive on both sides, upstream connections shared among clients.

use std::{fs, process::Command};

use crate::server::{Candidate, Requests, Site};

/// Plain proxying.
pub(crate) const HAPROXY: Candidate = Candidate {
    name: "HAProxy",
    about: "nbthread 1, http-reuse always, no log",
    command: Some(start),
    requests: Requests::Same,
};

/// `no strict-limits`: HAProxy reserves two files per connection and, where that is not allowed, would not start;
/// idle connections need one.
fn start(site: &Site) -> anyhow::Result<Command> {
    let (port, origin) = (site.port, site.origin);
    let config = format!(
        "global
    nbthread 1
    maxconn 11000
    no strict-limits
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    http-reuse always
frontend clients
    bind 127.0.0.1:{port} backlog 4096
    default_backend origin
backend origin
    server origin {origin}
"
    );
    let file = site.dir.join("haproxy.cfg");
    fs::write(&file, config)?;
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(file);
    Ok(command)
}
