//! The command line.

use std::{fmt, str::FromStr};

/// What is printed for `--help`.
pub(crate) const USAGE: &str = "\
usage: profile [--requests N] [--rate N] [--seed N] [--serve] [--help]

  --requests N  requests to each service, 1 to 100000 (500)
  --rate N      requests a second, 1 to 1000 (50)
  --seed N      decides what fails, and which profiles are asked for (7)
  --serve       only serve, and print the addresses";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Ask both services and print what came of it.
    Compare,
    /// Serve until somebody ends it.
    Serve,
    /// Say how it is used.
    Help,
}

/// The command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) mode: Mode,
    pub(crate) requests: u32,
    pub(crate) per_second: u32,
    pub(crate) seed: u64,
}

/// What is wrong with the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArgsError {
    Unknown(String),
    Number(&'static str),
}

impl Args {
    /// Reads what stands after the name of the program.
    pub(crate) fn read(args: impl Iterator<Item = String>) -> Result<Self, ArgsError> {
        let mut read = Self { mode: Mode::Compare, requests: 500, per_second: 50, seed: 7 };
        let mut args = args;
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--requests" => read.requests = number(&mut args, "--requests", 1..=100_000)?,
                "--rate" => read.per_second = number(&mut args, "--rate", 1..=1_000)?,
                "--seed" => read.seed = number(&mut args, "--seed", 0..=u64::MAX)?,
                "--serve" => read.mode = Mode::Serve,
                "--help" | "-h" => read.mode = Mode::Help,
                _ => return Err(ArgsError::Unknown(arg)),
            }
        }
        Ok(read)
    }
}

fn number<N: FromStr + PartialOrd>(
    args: &mut impl Iterator<Item = String>,
    name: &'static str,
    range: std::ops::RangeInclusive<N>,
) -> Result<N, ArgsError> {
    let number = args.next().and_then(|text| text.parse().ok()).filter(|number| range.contains(number));
    number.ok_or(ArgsError::Number(name))
}

impl fmt::Display for ArgsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(arg) => write!(f, "{arg} is not known here"),
            Self::Number(name) => write!(f, "{name} needs a number within its range"),
        }
    }
}

impl std::error::Error for ArgsError {}
