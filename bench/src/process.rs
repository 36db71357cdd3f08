//! What a process and all its descendants have used, from /proc.

use std::time::Duration;

use procfs::process::{Process, all_processes};

/// CPU time used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cpu {
    /// In user mode.
    pub(crate) user: Duration,
    /// In the kernel.
    pub(crate) system: Duration,
}

/// Memory in use now, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Resident, pages shared between processes counted in each.
    pub(crate) rss: u64,
    /// Resident, each shared page divided among those that share it.
    pub(crate) pss: u64,
}

impl Cpu {
    /// What was used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system }
    }

    /// User and system together.
    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

/// CPU time of a process tree, in ticks of the kernel (usually 10 ms): fine for windows of seconds.
///
/// # Errors
/// When /proc cannot be read.
pub(crate) fn cpu(root: u32) -> anyhow::Result<Cpu> {
    let tick = Duration::from_secs(1).div_f64(procfs::ticks_per_second() as f64);
    let mut sum = Cpu::default();
    for process in tree(root)? {
        let stat = process.stat()?;
        sum.user += tick.mul_f64(stat.utime as f64);
        sum.system += tick.mul_f64(stat.stime as f64);
    }
    Ok(sum)
}

/// Memory of a process tree.
///
/// # Errors
/// When /proc cannot be read.
pub(crate) fn memory(root: u32) -> anyhow::Result<Memory> {
    let mut sum = Memory::default();
    for process in tree(root)? {
        sum.rss += process.status()?.vmrss.unwrap_or_default();
        let maps = process.smaps_rollup()?.memory_map_rollup;
        let bytes: u64 = maps.iter().filter_map(|map| map.extension.map.get("Pss")).sum();
        sum.pss += bytes / 1024;
    }
    Ok(sum)
}

/// A process and its descendants. A master that forks workers, as nginx does, is the sum of all.
fn tree(root: u32) -> anyhow::Result<Vec<Process>> {
    let mut rest: Vec<(Process, i32)> = all_processes()?
        .flatten()
        .filter_map(|process| process.stat().ok().map(|stat| (process, stat.ppid)))
        .collect();
    let root = i32::try_from(root)?;
    let mut tree = vec![Process::new(root)?];
    let mut next = 0;
    while next < tree.len() {
        let parent = tree[next].pid();
        let (children, others) = rest.into_iter().partition::<Vec<_>, _>(|(_, ppid)| *ppid == parent);
        tree.extend(children.into_iter().map(|(process, _)| process));
        rest = others;
        next += 1;
    }
    Ok(tree)
}

/// The process ids of a process tree, the root first.
///
/// # Errors
/// When /proc cannot be read.
pub(crate) fn pids(root: u32) -> anyhow::Result<Vec<i32>> {
    Ok(tree(root)?.iter().map(Process::pid).collect())
}

/// Whether a process is there and has not ended; what has ended may wait for its parent to hear of it.
pub(crate) fn is_running(pid: i32) -> bool {
    let state = Process::new(pid).and_then(|process| process.stat()).map(|stat| stat.state);
    state.is_ok_and(|state| state != 'Z')
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn children_count() {
        let mut child = Command::new("sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        let found = crate::poll::until(Duration::from_secs(5), || {
            let pids = pids(child.id())?;
            anyhow::ensure!(pids.len() == 2);
            Ok(pids)
        });
        let used = memory(child.id()).unwrap();
        for pid in pids(child.id()).unwrap() {
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        child.wait().unwrap();
        assert!(is_running(i32::try_from(std::process::id()).unwrap()));
        assert!(!is_running(i32::try_from(child.id()).unwrap()));
        assert_eq!(found.unwrap()[0], i32::try_from(child.id()).unwrap());
        assert!(used.pss > 0 && used.rss >= used.pss);
    }

    #[test]
    fn burnt_time_is_seen() {
        let before = cpu(std::process::id()).unwrap();
        let spent = crate::poll::until(Duration::from_secs(30), || {
            std::hint::black_box((0..5_000_000u64).fold(0, u64::wrapping_add));
            let spent = cpu(std::process::id())?.since(before);
            anyhow::ensure!(spent.total() >= Duration::from_millis(50));
            Ok(spent)
        });
        assert!(spent.unwrap().total() >= Duration::from_millis(50));
    }
}
