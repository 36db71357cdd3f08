//! The real program.
mod admin;
mod output;
mod program;
mod setup;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

pub use admin::{Admin, AdminAnswer};
use anyhow::{Context, bail, ensure};
use output::Output;
pub use program::command;
use rustix::process::{Pid, Signal, kill_process};
pub use setup::Setup;
use setup::Site;

use crate::{client::RawClient, wait::eventually};

/// How often a start is tried again when somebody else took a port.
const STARTS: usize = 3;

/// A running `banyan serve`, with a folder and ports of its own. Killed when dropped.
pub struct Banyan {
    process: Process,
    site: Site,
    call: Call,
}

/// How the program is called.
#[derive(Clone, Debug, Default)]
struct Call {
    arguments: Vec<String>,
    /// What a shell does before it becomes the program.
    first: Option<String>,
    /// Another program than the one that was built.
    program: Option<PathBuf>,
}

/// A child process and what it says.
struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Banyan {
    /// Starts the program with the given upstreams, units and routes, and waits until it is ready. See [`Setup`] for
    /// what stands above them in the config, and for more than a config.
    ///
    /// # Errors
    /// When the program is not built, or does not become ready: then with what it said.
    pub async fn start(config: &str) -> anyhow::Result<Self> {
        Setup::new(config).start().await
    }

    async fn start_at(site: Site, call: Call) -> anyhow::Result<Self> {
        let process = Process::start(&site, &call)?;
        let mut banyan = Self { process, site, call };
        banyan.ready().await?;
        Ok(banyan)
    }

    /// Waits until the admin API says that it takes traffic; `/readyz` may be on another address.
    async fn ready(&mut self) -> anyhow::Result<()> {
        let (address, token) = (self.site.admin.address(), self.token_file());
        let ready = eventually(async || {
            if let Some(status) = self.process.child.try_wait()? {
                return Ok(Err(status));
            }
            let answer = Admin::new(address, &token)?.get("/v1/status").await?;
            ensure!(answer.json["readiness"] == "ready", "/v1/status: {} {}", answer.status, answer.text);
            Ok(Ok(()))
        });
        match ready.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(status)) => {
                bail!("banyan ended ({status}) before it was ready:\n{}", self.process.all_said())
            }
            Err(error) => Err(error.context(format!("banyan is not ready:\n{}", self.process.said()))),
        }
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.site.listen.address()
    }

    /// The port that stands for `EXTRA_PORT` in the config.
    #[must_use]
    pub fn extra_address(&self) -> SocketAddr {
        self.site.extra.address()
    }

    /// A new connection to it.
    ///
    /// # Errors
    /// When it does not accept.
    pub async fn client(&self) -> io::Result<RawClient> {
        RawClient::connect(self.address()).await
    }

    /// A client of its admin API.
    ///
    /// # Errors
    /// When there is no token.
    pub fn admin(&self) -> anyhow::Result<Admin> {
        Admin::new(self.site.admin.address(), &self.token_file())
    }

    fn token_file(&self) -> PathBuf {
        self.dir().join("banyan.db.admin-token")
    }

    /// Its folder: `banyan.yaml`, `banyan.db`, and the files of the [`Setup`].
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.site.dir.path()
    }

    /// The config file.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.dir().join("banyan.yaml")
    }

    /// Replaces the config file in one step, as editors do; the head of the config stays as it was.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_config(&self, config: &str) -> io::Result<()> {
        self.site.write_config(config)
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Resident memory in KiB.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn memory_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim_end_matches("kB").trim().parse()?)
    }

    /// What it printed on standard output since its (last) start: access lines, unless the config says otherwise.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.process.stdout.lines()
    }

    /// What it printed on standard error since its (last) start: the log.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.process.stderr.lines()
    }

    /// Waits for a line on standard output.
    ///
    /// # Errors
    /// When none comes within [`crate::PATIENCE`].
    pub async fn wait_for_line(&self, matches: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        self.process.stdout.wait_for(matches).await
    }

    /// Waits for a line on standard error.
    ///
    /// # Errors
    /// When none comes within [`crate::PATIENCE`].
    pub async fn wait_for_log(&self, matches: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        self.process.stderr.wait_for(matches).await
    }

    /// Ends it as a crash would (`kill -9`), and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.child.kill()?;
        self.wait().await?;
        Ok(())
    }

    /// Asks it to drain (`SIGTERM`); see [`Self::wait`].
    ///
    /// # Errors
    /// When it is gone.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)
    }

    /// Asks it to read its config again (`SIGHUP`).
    ///
    /// # Errors
    /// When it is gone.
    pub fn hang_up(&self) -> anyhow::Result<()> {
        self.signal(Signal::HUP)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.pid())?).context("no process")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits until it has ended, and all it said has been read.
    ///
    /// # Errors
    /// When it does not end within [`crate::PATIENCE`].
    pub async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let status = eventually(async || self.process.child.try_wait()?.context("banyan still runs")).await?;
        self.process.stdout.finish();
        self.process.stderr.finish();
        Ok(status)
    }

    /// Starts it again on the same folder and ports, after [`Self::kill`] or [`Self::wait`], and waits until it is
    /// ready.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.process = Process::start(&self.site, &self.call)?;
        self.ready().await
    }
}

impl Process {
    fn start(site: &Site, call: &Call) -> anyhow::Result<Self> {
        let program = call.program.clone().map_or_else(program::path, Ok)?;
        let mut command = match &call.first {
            Some(first) => program::after(first, &program),
            None => Command::new(program),
        };
        let mut child = command
            .arg("serve")
            .arg(site.dir.path().join("banyan.yaml"))
            .args(&call.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let stdout = Output::read(child.stdout.take().context("no standard output")?);
        let stderr = Output::read(child.stderr.take().context("no standard error")?);
        Ok(Self { child, stdout, stderr })
    }

    fn said(&self) -> String {
        [self.stdout.lines(), self.stderr.lines()].concat().join("\n")
    }

    /// What an ended process said, to the last line.
    fn all_said(&mut self) -> String {
        self.stdout.finish();
        self.stderr.finish();
        self.said()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail for a process that has ended, which is what is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
