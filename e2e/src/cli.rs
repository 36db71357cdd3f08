//! The commands that talk to a running gateway.

use anyhow::{Result, ensure};
use banyan_testkit::{Banyan, command};

/// Runs `banyan WORDS... --config FILE` against a running gateway and expects this exit code. What it said, errors
/// included. The upstreams of the test, which live on its thread, go on meanwhile.
///
/// # Errors
/// When it cannot be run, or ends otherwise: with what it said.
pub async fn cli(banyan: &Banyan, words: &[&str], code: i32) -> Result<String> {
    let mut command = command(words)?;
    command.arg("--config").arg(banyan.config_path());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.code() == Some(code), "banyan {words:?} ended with {}: {said}", output.status);
    Ok(said)
}
