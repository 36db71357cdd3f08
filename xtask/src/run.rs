//! Running other programs, with their output passed through.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context, bail};

/// Runs a program to its end with this process's input and output, after saying what is run.
///
/// # Errors
/// When it cannot be started or does not end with success.
pub(crate) fn run(program: &str, args: &[&str]) -> anyhow::Result<()> {
    run_with(program, args, &[])
}

/// The same with more in its environment.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_with(program: &str, args: &[&str], env: &[(&str, &str)]) -> anyhow::Result<()> {
    let line = format!("{program} {}", args.join(" "));
    println!("\n$ {line}");
    let mut command = Command::new(program);
    command.args(args).envs(env.iter().copied());
    let status = command.status().with_context(|| format!("cannot run {program}"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs cargo, the very one that started this process.
///
/// # Errors
/// As [`run`].
pub(crate) fn cargo(args: &[&str]) -> anyhow::Result<()> {
    cargo_with(args, &[])
}

/// The same with more in its environment.
///
/// # Errors
/// As [`run`].
pub(crate) fn cargo_with(args: &[&str], env: &[(&str, &str)]) -> anyhow::Result<()> {
    run_with(&env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), args, env)
}

/// Where a program is found, by the same rule as a shell: the first directory of `PATH` that has it. Debian keeps
/// servers in `/usr/sbin`, which is not on every user's path, so that is looked at too.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-program-has-this-name").is_none());
    }

    #[test]
    fn a_failed_program_is_an_error() {
        assert!(run("true", &[]).is_ok());
        assert!(run("false", &[]).is_err());
    }
}
