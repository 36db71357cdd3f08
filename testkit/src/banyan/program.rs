//! Where the program is.

use std::{
    env,
    path::{Path, PathBuf},
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
