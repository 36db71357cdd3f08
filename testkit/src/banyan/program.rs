//! Where the program is, and how it is started.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

/// The program that tests drive: `BANYAN_BIN`, else what cargo names to the tests of its own crate, else what was built
/// beside the running test.
///
/// # Errors
/// When it is not built.
pub(super) fn path() -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os("BANYAN_BIN").or_else(|| env::var_os("CARGO_BIN_EXE_banyan")) {
        return Ok(path.into());
    }
    // A test is at target/debug/deps/NAME-HASH.
    let test = env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("a test outside of target")?;
    let program = folder.join("banyan");
    ensure!(program.is_file(), "{} is not there: cargo build --package banyan", program.display());
    Ok(program)
}

/// The program with these words before all others of its command line: `command(&["check"])`. For what it does besides
/// serving; see [`super::Banyan`] for that.
///
/// # Errors
/// When it is not built.
pub fn command(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(path()?);
    command.args(arguments);
    Ok(command)
}

/// A program, started by a shell that does `first` before it becomes the program: set limits, say.
pub(super) fn after(first: &str, program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{first}\nexec \"$0\" \"$@\"")).arg(program);
    command
}
