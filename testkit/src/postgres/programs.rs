//! Where PostgreSQL's programs are, and running them as somebody who is not root.

use std::{
    env, fs,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use super::exists;

/// Debian's folder of versions, where no `PATH` leads.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The user that Debian's package makes.
const OWNER: &str = "postgres";

/// A program of PostgreSQL's: of the newest version that Debian has installed, or else as `PATH` has it.
pub(super) fn program(name: &str) -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let found = versions
        .map(|version| version.path())
        .filter(|version| exists(&version.join("bin").join(name)))
        .max_by_key(|version| number(version));
    if let Some(version) = found {
        return Ok(version.join("bin").join(name));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|path| exists(path));
    found.with_context(|| format!("there is no {name}: apt-get install postgresql"))
}

/// A call of a program that does not run as root, and that is killed when the thread ends that starts it: so a test that is
/// killed leaves no server behind.
pub(super) fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid", OWNER, "--regid", OWNER, "--clear-groups"]);
    }
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Makes a folder belong to whom [`unprivileged`] programs run as.
pub(super) fn give_away(folder: &Path) -> anyhow::Result<()> {
    if !is_root() {
        return Ok(());
    }
    let users = fs::read_to_string("/etc/passwd")?;
    for user in users.lines() {
        if let [OWNER, _, uid, gid, ..] = user.split(':').collect::<Vec<_>>()[..] {
            return Ok(chown(folder, Some(uid.parse()?), Some(gid.parse()?))?);
        }
    }
    bail!("there is no user '{OWNER}' to run PostgreSQL as: apt-get install postgresql")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
