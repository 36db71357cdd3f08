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

/// Its own cache. A log file is not among what it can write, and standard output is one write per line; a ring in memory
/// costs it least.
pub(crate) const HAPROXY_CACHE: Candidate = Candidate {
    name: "HAProxy cache",
    about: "nbthread 1, log to a ring in memory",
    command: Some(|site| {
        configure(site, RING_AND_CACHE, LOG_AND_USE, "\n    http-response cache-store items")
    }),
    requests: Requests::Same,
};

const RING_AND_CACHE: &str = "
ring access
    format rfc3164
    maxlen 1200
    size 1048576
cache items
    total-max-size 512
    max-object-size 65536
    max-age 3600";

const LOG_AND_USE: &str = "
    option httplog
    log ring@access local0
    http-request cache-use items";

fn start(site: &Site) -> anyhow::Result<Command> {
    configure(site, "", "", "")
}

/// A reverse proxy, with `sections` of their own and more in its front and back.
///
/// `no strict-limits`: HAProxy reserves two files per connection and, where that is not allowed, would not start;
/// idle connections need one.
fn configure(site: &Site, sections: &str, front: &str, back: &str) -> anyhow::Result<Command> {
    let (port, origin) = (site.port, site.origin);
    let config = format!(
        "global
    nbthread 1
    maxconn 11000
    no strict-limits{sections}
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    http-reuse always
frontend clients
    bind 127.0.0.1:{port} backlog 4096{front}
    default_backend origin
backend origin{back}
    server origin {origin}
"
    );
    let file = site.dir.join("haproxy.cfg");
    fs::write(&file, config)?;
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(file);
    Ok(command)
}
