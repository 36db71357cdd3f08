//! Varnish: its cache in memory, and the program of its own that writes its access log.

use std::process::Command;

use crate::server::{Candidate, Requests, Site};

/// The cache with its built-in rules.
pub(crate) const VARNISH: Candidate = Candidate {
    name: "Varnish",
    about: "malloc, varnishncsa to a file",
    command: Some(start),
    requests: Requests::Same,
};

/// Both programs from one shell, so that what they use is added up. `-j none`: else Varnish changes to a user to whom the
/// directory is closed.
const SCRIPT: &str = r#"
varnishd -j none -F -n "$1/varnish" -a "127.0.0.1:$2" -b "$3" -s malloc,512m &
varnishncsa -n "$1/varnish" -t 20 -w "$1/access.log" &
wait"#;

fn start(site: &Site) -> anyhow::Result<Command> {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "varnish"]).arg(&site.dir);
    command.args([site.port.to_string(), site.origin.to_string()]);
    Ok(command)
}
