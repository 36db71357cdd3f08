//! The server's processes.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::Path,
    process::{Child, ChildStderr, Stdio},
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    thread,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::programs::{program, unprivileged};
use crate::wait::PATIENCE;

/// What it says when it takes connections.
const READY: &str = "database system is ready to accept connections";

/// A server that runs. It ends with this value.
#[derive(Debug)]
pub(super) struct Server {
    process: Child,
}

impl Server {
    /// Starts it, and waits until it is ready.
    pub(super) fn start(data: &Path, sockets: &Path, port: u16) -> anyhow::Result<Self> {
        let mut call = unprivileged(&program("postgres")?);
        call.arg("-D").arg(data).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"]).arg(sockets);
        call.current_dir(sockets).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let (started, process) = sync_channel(1);
        let (say, hear) = sync_channel(1);
        // The server is killed when the thread ends that started it. So that is one which ends with the server.
        thread::spawn(move || {
            let spawned = call.spawn().map(|mut process| (process.stderr.take(), process));
            let (log, spawned) = match spawned {
                Ok((log, process)) => (log, Ok(process)),
                Err(error) => (None, Err(error)),
            };
            // An error says that nobody waits any more.
            started.send(spawned).ok();
            log.into_iter().for_each(|log| read(log, &say));
        });
        let server = Self { process: process.recv()?.context("setpriv")? };
        match hear.recv_timeout(PATIENCE) {
            Ok(Ok(())) => Ok(server),
            Ok(Err(said)) => bail!("PostgreSQL does not start: {said}"),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                bail!("PostgreSQL is not ready after {PATIENCE:?}")
            }
        }
    }

    /// Ends it with a signal, and waits until it has ended.
    pub(super) fn end(mut self, signal: Signal) -> anyhow::Result<()> {
        self.go_on()?;
        kill_process(Pid::from_child(&self.process), signal)?;
        self.process.wait()?;
        Ok(())
    }

    pub(super) fn hang(&self) -> io::Result<()> {
        self.signal_all(Signal::STOP)
    }

    pub(super) fn go_on(&self) -> io::Result<()> {
        self.signal_all(Signal::CONT)
    }

    /// To the first process, which starts others, before those.
    fn signal_all(&self, signal: Signal) -> io::Result<()> {
        let first = Pid::from_child(&self.process);
        kill_process(first, signal)?;
        for child in children(first)? {
            // One that has just ended need not be told.
            kill_process(child, signal).ok();
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, which is as good. Its children end when it does.
        self.go_on().ok();
        kill_process(Pid::from_child(&self.process), Signal::QUIT).ok();
        self.process.wait().ok();
    }
}

/// Says when it is ready, or everything that it said until it ended; reads on, so that it never has to wait.
fn read(log: ChildStderr, say: &SyncSender<Result<(), String>>) {
    let mut said = String::new();
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        if line.contains(READY) {
            // Nobody listens any more when it starts by itself after a crash.
            say.try_send(Ok(())).ok();
            said.clear();
        } else if said.len() < 10_000 {
            said.push_str(&line);
            said.push('\n');
        }
    }
    say.try_send(Err(said)).ok();
}

/// The processes that a process has started.
fn children(parent: Pid) -> io::Result<Vec<Pid>> {
    let parent = parent.as_raw_nonzero().to_string();
    let mut children = Vec::new();
    for process in fs::read_dir("/proc")?.flatten() {
        // proc(5): the name of the program is in brackets and may hold anything; the parent comes second after it.
        let Ok(stat) = fs::read_to_string(process.path().join("stat")) else { continue };
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        if fields.split_whitespace().nth(1) == Some(&parent) {
            let number = process.file_name().to_str().and_then(|name| name.parse().ok());
            children.extend(number.and_then(Pid::from_raw));
        }
    }
    Ok(children)
}
