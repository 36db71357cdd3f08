//! The machine that a figure belongs to.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    thread::available_parallelism,
};

use anyhow::{Context, ensure};
use procfs::Current;
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_setaffinity},
};
use serde::{Deserialize, Serialize};

use crate::peers::banyan;

/// Core of the server under test.
pub(crate) const SERVER_CORE: usize = 0;
/// Core of load generator and origin.
pub(crate) const LOAD_CORE: usize = 1;
/// Open files: 10,000 client connections, with room for a server that reserves two per connection.
const OPEN_FILES: u64 = 65_536;

/// What a reader needs to judge a figure, or to repeat the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Processor model.
    pub(crate) cpu: String,
    /// Cores of the machine; the run uses two.
    pub(crate) cores: usize,
    /// Memory in MiB.
    pub(crate) memory_mib: u64,
    /// Kernel release.
    pub(crate) kernel: String,
    /// Program to version.
    pub(crate) versions: BTreeMap<String, String>,
}

/// Gets this process, and so the ones it starts, ready to measure: on the core of the load, with files enough.
///
/// # Errors
/// When there are fewer than two cores, or the limits of this process cannot be set.
pub(crate) fn prepare() -> anyhow::Result<()> {
    ensure!(
        available_parallelism()?.get() >= 2,
        "a benchmark needs two cores: one for the server, one for load"
    );
    let mut cores = CpuSet::new();
    cores.set(LOAD_CORE);
    sched_setaffinity(None, &cores).context("cannot stay on one core")?;
    let raised = Rlimit { current: Some(OPEN_FILES), maximum: Some(OPEN_FILES) };
    if setrlimit(Resource::Nofile, raised).is_err() {
        // Without privilege the hard limit is the most one may take.
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
            .context("cannot raise the file limit")?;
    }
    Ok(())
}

impl Machine {
    /// This machine, now.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub(crate) fn look() -> anyhow::Result<Self> {
        let cpu = procfs::CpuInfo::current()?;
        let memory = procfs::Meminfo::current()?;
        Ok(Self {
            cpu: cpu.model_name(0).unwrap_or("unknown").to_owned(),
            cores: cpu.num_cores(),
            memory_mib: memory.mem_total / (1024 * 1024),
            kernel: procfs::sys::kernel::Version::current()
                .map(|v| format!("{}.{}.{}", v.major, v.minor, v.patch))?,
            versions: versions(),
        })
    }
}

fn versions() -> BTreeMap<String, String> {
    let banyan = banyan::program().map(|path| path.display().to_string()).unwrap_or_default();
    let mut versions: BTreeMap<_, _> = [
        ("banyan", banyan.as_str(), "--version"),
        ("commit", "git", "rev-parse HEAD"),
        ("nginx", "nginx", "-v"),
        ("haproxy", "haproxy", "-v"),
        ("varnish", "varnishd", "-V"),
        ("wrk", "wrk", "-v"),
        ("rustc", "rustc", "--version"),
    ]
    .into_iter()
    .map(|(name, program, args)| (name.to_owned(), first_line(program, args)))
    .collect();
    let build = if banyan::is_dist() { "dist" } else { "release" };
    versions.insert("build".to_owned(), build.to_owned());
    versions
}

/// The first line a program says, on either stream: nginx tells its version on standard error.
fn first_line(program: &str, args: &str) -> String {
    let output = Command::new(program).args(args.split(' ')).stdin(Stdio::null()).output();
    let Ok(output) = output else { return "unknown".to_owned() };
    let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&said).lines().next().unwrap_or("unknown").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_described() {
        let machine = Machine::look().unwrap();
        assert!(machine.cores >= 1 && machine.memory_mib > 0);
        assert!(machine.versions["rustc"].starts_with("rustc 1."));
    }
}
