//! `cargo xtask dist`: the program as it should run in production, optimised by a profile of itself at work.
//!
//! A gateway is a lot of code of which a request sees little, and the compiler cannot know which. A profile that lies in the
//! repository tells it: what runs for every request is laid together and inlined, and the rest is kept out of its way. It
//! needs nothing but the compiler. A profile that is older than the code costs speed and nothing else: functions that it
//! does not know, or knows differently, are compiled as always.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use clap::Args;

use crate::run::{cargo_with, run};

/// What to do.
#[derive(Args)]
pub(crate) struct Options {
    /// Take a new profile first: runs benchmarks and the demo with a program that counts (some 15 minutes)
    #[arg(long)]
    train: bool,
}

/// The profile, below the root of the repository.
const PROFILE: &str = "dist/banyan.profdata";
/// Says which program benchmarks measure.
const PROGRAM: &str = "BANYAN_PROGRAM";
/// What the profile is taken from: what the program is measured by, since that is what it is for.
const TRAINING: &[&str] = &["pass-through", "unit", "resilience", "routes", "latency", "cache", "coalesce"];

/// Builds the program, if asked to after taking a new profile.
///
/// # Errors
/// When something cannot be built, or the training fails.
pub(crate) fn make(options: &Options) -> anyhow::Result<()> {
    if options.train {
        train()?;
    }
    println!("\nbuilt {}", build()?.display());
    Ok(())
}

/// Builds the program and says where it is.
///
/// # Errors
/// When it cannot be built.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let root = root()?;
    let profile = root.join(PROFILE);
    ensure!(profile.is_file(), "{} is missing: `cargo xtask dist --train` makes it", profile.display());
    let dir = root.join("target/dist");
    let built = compile(&dir, &format!("-Cprofile-use={}", profile.display()))?;
    let program = dir.join("banyan");
    fs::copy(&built, &program).with_context(|| format!("copying {}", built.display()))?;
    Ok(program)
}

/// Benchmarks of `program`: these arguments of the benchmark program.
///
/// # Errors
/// When they cannot be built or fail.
pub(crate) fn measure(program: &Path, args: &[&str]) -> anyhow::Result<()> {
    let line = [&["run", "--quiet", "--release", "--package", "banyan-bench", "--"], args].concat();
    cargo_with(&line, &[(PROGRAM, &program.display().to_string())])
}

/// Takes the profile anew.
fn train() -> anyhow::Result<()> {
    let root = root()?;
    let (dir, raw) = (root.join("target/dist-train"), root.join("target/dist-train/raw"));
    let merge = merger()?;
    let counting = compile(&dir, &format!("-Cprofile-generate={}", raw.display()))?;
    if raw.is_dir() {
        fs::remove_dir_all(&raw)?;
    }
    for work in TRAINING {
        measure(&counting, &[work, "--quick", "--only", "Banyan"])?;
    }
    run(&counting.display().to_string(), &["demo", "--for", "15s"])?;
    let (profile, raw) = (root.join(PROFILE).display().to_string(), raw.display().to_string());
    run(&merge.display().to_string(), &["merge", "--sparse", "--output", &profile, &raw])
}

/// Builds the program with one more flag of the compiler, which holds for it and not for what runs while it is built.
fn compile(dir: &Path, flag: &str) -> anyhow::Result<PathBuf> {
    let host = host()?;
    let dir_name = dir.display().to_string();
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    let flags: Vec<_> = flags.split_whitespace().chain([flag]).collect();
    // Separated like this, a path may have spaces in it.
    let flags = flags.join("\x1f");
    let args = ["build", "--release", "--package", "banyan", "--target", &host, "--target-dir", &dir_name];
    cargo_with(&args, &[("CARGO_ENCODED_RUSTFLAGS", &flags)])?;
    Ok(dir.join(&host).join("release/banyan"))
}

/// What puts raw profiles together. It belongs to the compiler, since the format does.
fn merger() -> anyhow::Result<PathBuf> {
    let program =
        PathBuf::from(rustc(&["--print", "target-libdir"])?.trim()).with_file_name("bin/llvm-profdata");
    ensure!(program.is_file(), "{} is missing: `rustup component add llvm-tools`", program.display());
    Ok(program)
}

fn host() -> anyhow::Result<String> {
    let about = rustc(&["-vV"])?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say for what it compiles")?.to_owned())
}

fn rustc(args: &[&str]) -> anyhow::Result<String> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(&rustc).args(args).output().with_context(|| format!("cannot run {rustc}"))?;
    ensure!(output.status.success(), "{rustc} {}: {}", args.join(" "), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

fn root() -> anyhow::Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec()?;
    Ok(metadata.workspace_root.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_one_of_the_compilers_kind() {
        // What LLVM's indexed profiles begin with.
        let profile = fs::read(root().unwrap().join(PROFILE)).unwrap();
        assert!(profile.starts_with(b"\xfflprofi\x81"));
    }

    #[test]
    fn the_compiler_says_for_what_it_compiles() {
        assert!(host().unwrap().contains('-'));
    }
}
