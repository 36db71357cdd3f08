//! The floor: what is left of a hit when there is no cache to speak of.

use std::{env, process::Command};

use anyhow::bail;

use crate::server::{Candidate, Requests, Site};

/// Reads a head, picks a prebuilt answer, writes it. No field is looked at, nothing is counted or logged.
pub(crate) const FLOOR: Candidate = Candidate {
    name: "floor",
    about: "bare epoll, an answer ready for each key, no log",
    command: Some(start),
    requests: Requests::Same,
};

fn start(site: &Site) -> anyhow::Result<Command> {
    let Requests::Items { keys, bytes } = site.requests else { bail!("the floor answers items only") };
    let mut command = Command::new(env::current_exe()?);
    command.arg("floor").args([usize::from(site.port), keys, bytes].map(|number| number.to_string()));
    Ok(command)
}
