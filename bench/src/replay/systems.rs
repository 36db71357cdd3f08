//! The systems that stand between callers and database, and what each is told.
//!
//! "As it comes" means: as its documentation sets up a reverse proxy, with limits on connections high enough that they
//! are not what fails, and without anything that limits what the database gets. "Tuned by hand" means: by somebody who
//! has measured this very database, knows that its knee is at 49, and never has to do it again because the knee never
//! moves. Banyan is told that it may protect the database, and no number.

use std::{fs, net::SocketAddr, process::Command};

use anyhow::ensure;
use clap::ValueEnum;

use crate::{
    peers::banyan,
    server::{Candidate, Requests, Server, Site, free_port},
};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum System {
    /// Banyan without hand tuning
    Banyan,
    /// A pool of 333 connections and 3 retries
    Naive,
    /// nginx as it comes
    Nginx,
    /// HAProxy as it comes
    Haproxy,
    /// HAProxy with maxconn at the knee and a short queue
    HaproxyTuned,
}

/// A running system.
pub(crate) struct Started {
    /// Its process.
    pub(crate) server: Server,
    /// Where its metrics are, if it has any that are looked at.
    pub(crate) metrics: Option<SocketAddr>,
}

/// File in which the address of Banyan's probes is left for whoever looks at its metrics. The admin address has them too,
/// but answers only to those who know its name.
const PROBES: &str = "probes-address";

const BANYAN: Candidate = Candidate {
    name: "Banyan",
    about: "`breaker: {}`, `concurrency: {}`, `retry: {}`",
    command: Some(banyan),
    requests: Requests::Same,
};

const NAIVE: Candidate = Candidate {
    name: "naive client",
    about: "pool of 333, 3 retries, 30 s timeouts",
    command: Some(naive),
    requests: Requests::Same,
};

const NGINX: Candidate = Candidate {
    name: "nginx as it comes",
    about: "1 worker, keep-alive to the database",
    command: Some(nginx),
    requests: Requests::Same,
};

const HAPROXY: Candidate = Candidate {
    name: "HAProxy as it comes",
    about: "1 thread, http-reuse always, Debian's timeouts",
    command: Some(|site| haproxy(site, "", "")),
    requests: Requests::Same,
};

/// 503 without Retry-After would be refused rightly and told nothing; whoever tunes by hand adds the field. Health checks
/// make a dead database a quick refusal, and no retries keep it one.
const HAPROXY_TUNED: Candidate = Candidate {
    name: "HAProxy tuned by hand",
    about: "maxconn 49, queue 40 ms, no retries, health checks, Retry-After",
    command: Some(|site| {
        let backend = "    timeout queue 40ms
    retries 0
    http-after-response set-header Retry-After 1 if { status 503 }
";
        haproxy(site, backend, " maxconn 49 check inter 1s fall 2 rise 1")
    }),
    requests: Requests::Same,
};

impl System {
    /// Name and set-up.
    pub(crate) fn candidate(self) -> Candidate {
        match self {
            Self::Banyan => BANYAN,
            Self::Naive => NAIVE,
            Self::Nginx => NGINX,
            Self::Haproxy => HAPROXY,
            Self::HaproxyTuned => HAPROXY_TUNED,
        }
    }

    /// Whether it holds anything back from the database. Who does not is jammed once the database falters.
    pub(crate) const fn guards(self) -> bool {
        matches!(self, Self::Banyan | Self::HaproxyTuned)
    }

    /// Starts it in front of the database at `stub`, which must be answering.
    ///
    /// # Errors
    /// When it does not start, or does not answer as the database does.
    pub(crate) fn start(self, stub: SocketAddr) -> anyhow::Result<Started> {
        let candidate = self.candidate();
        let server = Server::candidate(&candidate, stub)?;
        let server = anyhow::Context::context(server, "a system has a command")?;
        let metrics = fs::read_to_string(server.dir().join(PROBES)).ok().and_then(|text| text.parse().ok());
        Ok(Started { server, metrics })
    }
}

fn banyan(site: &Site) -> anyhow::Result<Command> {
    let program = banyan::program()?;
    ensure!(program.is_file(), "{} is not built: cargo build --release --package banyan", program.display());
    let (admin, probes) = (free_port()?, format!("127.0.0.1:{}", free_port()?));
    let config = format!(
        r#"version: 1
listen: 127.0.0.1:{}
admin: {{ listen: "127.0.0.1:{admin}" }}
probes: {{ listen: "{probes}" }}
state: {}
workers: 1
log: {{ level: warn, access: "off" }}
timeouts: {{ keep_alive: 300s }}
upstreams:
  database:
    endpoints: ["http://{}"]
    breaker: {{}}
    concurrency: {{}}
    retry: {{}}
routes:
  - {{ match: "GET /{{rest...}}", to: database }}
"#,
        site.port,
        site.dir.join("banyan.db").display(),
        site.origin,
    );
    let file = site.dir.join("banyan.yaml");
    fs::write(&file, config)?;
    fs::write(site.dir.join(PROBES), probes)?;
    let mut command = Command::new(program);
    command.arg("serve").arg(file);
    Ok(command)
}

fn naive(site: &Site) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("naive").arg(site.port.to_string()).arg(site.origin.to_string());
    Ok(command)
}

fn nginx(site: &Site) -> anyhow::Result<Command> {
    let (dir, port, origin) = (site.dir.display(), site.port, site.origin);
    let config = format!(
        r#"daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log crit;
events {{ worker_connections 32768; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    upstream database {{ server {origin}; keepalive 128; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://database;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"#
    );
    let file = site.dir.join("nginx.conf");
    fs::write(&file, config)?;
    let mut command = Command::new("nginx");
    command.arg("-e").arg(site.dir.join("error.log")).arg("-p").arg("/usr/share/nginx").arg("-c").arg(file);
    Ok(command)
}

/// Timeouts are those of Debian's haproxy.cfg, except that idle clients stay as long as they do elsewhere. HAProxy works out
/// by itself how many connections its files are enough for.
fn haproxy(site: &Site, backend: &str, server: &str) -> anyhow::Result<Command> {
    let (port, origin) = (site.port, site.origin);
    let config = format!(
        "global
    nbthread 1
defaults
    mode http
    timeout connect 5000ms
    timeout client 50000ms
    timeout server 50000ms
    timeout http-keep-alive 300s
    http-reuse always
frontend callers
    bind 127.0.0.1:{port} backlog 4096
    default_backend database
backend database
{backend}    server database {origin}{server}
"
    );
    let file = site.dir.join("haproxy.cfg");
    fs::write(&file, config)?;
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(file);
    Ok(command)
}
