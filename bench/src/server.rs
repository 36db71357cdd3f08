//! A server under measurement: its process, pinned, from start to end.

use std::{
    borrow::Cow,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    client, items,
    machine::{LOAD_CORE, SERVER_CORE},
    origin, poll, process,
};

/// Time a server has to start or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a candidate needs to know to write its config.
pub(crate) struct Site {
    /// A directory of its own.
    pub(crate) dir: PathBuf,
    /// Where it listens, on the loopback address.
    pub(crate) port: u16,
    /// Where it finds the origin.
    pub(crate) origin: SocketAddr,
    /// A directory in memory, for what is a cache and not a record.
    pub(crate) memory: PathBuf,
    /// What it will be sent.
    pub(crate) requests: Requests,
}

/// A server to be measured.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    /// Name in tables.
    pub(crate) name: &'static str,
    /// How it is set up, in a few words.
    pub(crate) about: &'static str,
    /// Writes its config and says how to start it; `None` for the origin without a proxy.
    pub(crate) command: Option<fn(&Site) -> anyhow::Result<Command>>,
    /// What it is sent.
    pub(crate) requests: Requests,
}

/// What a candidate is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requests {
    /// One path, over and over.
    Same,
    /// One path for many users, named by a header field.
    Users,
    /// This many different routes in turn.
    Routes(usize),
    /// So many items of so many bytes, each as often as any other.
    Items {
        /// Number of items.
        keys: usize,
        /// Bytes of each.
        bytes: usize,
    },
}

impl Requests {
    /// A path that the origin answers, and the body it answers with.
    fn probe(self) -> (String, Cow<'static, [u8]>) {
        match self {
            Self::Items { bytes, .. } => (items::path(0), items::body(0, bytes).into()),
            Self::Same | Self::Users | Self::Routes(_) => ("/".to_owned(), origin::BODY.as_slice().into()),
        }
    }
}

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    dir: TempDir,
    /// Its directory in memory.
    _memory: Option<TempDir>,
}

/// A port that was free a moment ago.
///
/// # Errors
/// When there is none.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A directory on a file system in memory, where this machine has one.
fn dir_in_memory() -> anyhow::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { TempDir::new_in(memory)? } else { TempDir::new()? })
}

impl Server {
    /// Starts the origin, pinned beside the load generator.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn origin() -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("origin").arg(port.to_string());
        Self::start(&command, LOAD_CORE, port, Requests::Same, (TempDir::new()?, None)).context("origin")
    }

    /// Starts a candidate, pinned to the core that is the server's; `None` for the origin without a proxy.
    ///
    /// # Errors
    /// When it does not start, or does not answer as the origin does.
    pub(crate) fn candidate(candidate: &Candidate, origin: SocketAddr) -> anyhow::Result<Option<Self>> {
        let Some(command) = candidate.command else { return Ok(None) };
        let (dir, memory) = (TempDir::new()?, dir_in_memory()?);
        let site = Site {
            dir: dir.path().to_owned(),
            port: free_port()?,
            origin,
            memory: memory.path().to_owned(),
            requests: candidate.requests,
        };
        let command = command(&site).with_context(|| candidate.name)?;
        Self::start(&command, SERVER_CORE, site.port, site.requests, (dir, Some(memory)))
            .with_context(|| candidate.name)
            .map(Some)
    }

    fn start(
        command: &Command,
        core: usize,
        port: u16,
        requests: Requests,
        (dir, memory): (TempDir, Option<TempDir>),
    ) -> anyhow::Result<Self> {
        let log = dir.path().join("output.log");
        let child = Command::new("taskset")
            .args(["--cpu-list", &core.to_string()])
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()
            .context("cannot run taskset")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let server = Self { child, address, dir, _memory: memory };
        let (path, body) = requests.probe();
        let is_right = || client::check(address, &path, &[("x-user-id", "user-1")], &body);
        poll::until(PATIENCE, is_right).with_context(|| server.said())?;
        Ok(server)
    }

    /// What it printed: the reason, when it did not start.
    fn said(&self) -> String {
        std::fs::read_to_string(self.dir().join("output.log")).unwrap_or_default()
    }

    /// Its directory.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time it has used.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn cpu(&self) -> anyhow::Result<process::Cpu> {
        process::cpu(self.child.id())
    }

    /// Memory it uses.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn memory(&self) -> anyhow::Result<process::Memory> {
        process::memory(self.child.id())
    }
}

impl Server {
    /// Lets it do nothing more, without ending its connections.
    pub(crate) fn freeze(&self) {
        for pid in process::pids(self.child.id()).unwrap_or_default().into_iter().filter_map(Pid::from_raw) {
            // It fails for one that has ended by itself, which does nothing more either.
            kill_process(pid, Signal::STOP).ok();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Workers are asked too: a master that is killed leaves them behind.
        let pids = process::pids(self.child.id()).unwrap_or_default();
        for signal in [Signal::TERM, Signal::KILL] {
            for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
                // It fails for one that has ended by itself, which is what is wanted. One that is frozen has to wake to end.
                kill_process(pid, signal).ok();
                kill_process(pid, Signal::CONT).ok();
            }
            // All of them: one that still writes would leave its directory behind.
            let ended = || {
                self.child.try_wait()?.context("still running")?;
                ensure!(!pids.iter().any(|pid| process::is_running(*pid)), "still running");
                Ok(())
            };
            if poll::until(Duration::from_secs(2), ended).is_ok() {
                return;
            }
        }
    }
}
