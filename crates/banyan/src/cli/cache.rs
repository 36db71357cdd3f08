//! The command line of `banyan cache`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Change, Remote};

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// How full it is, and what was counted about it
    Stats(Remote),
    /// The kept answers to a URL: how old, for how long still, from whom
    Inspect {
        /// The URL with scheme and host, such as 'http://a.example/users/7?lang=en'
        url: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Throw kept answers away; the next requests for them go to the upstreams
    Purge(Purge),
    /// Ask for URLs, so that their answers are kept before anybody waits for them
    Warm(Warm),
}

/// What to throw away.
#[derive(Debug, Args)]
pub(crate) struct Purge {
    #[command(flatten)]
    pub(crate) what: What,
    /// Do not ask back, which --pattern and --all do otherwise
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Exactly one of these.
#[derive(Debug, Default, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct What {
    /// All answers to this URL, whatever they vary by, such as 'http://a.example/users/7'
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// All answers with this tag, of the config or of Surrogate-Key, such as user:7
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// All answers whose host, path and query fit, such as 'a.example/users/*'; '*' is any text
    #[arg(long)]
    pub(crate) pattern: Option<String>,
    /// Everything
    #[arg(long)]
    pub(crate) all: bool,
}

/// What to ask for.
#[derive(Debug, Args)]
pub(crate) struct Warm {
    /// File with one URL per line, or '-' for standard input; lines that begin with '#' are comments
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// Requests a second, at most; live requests come first in any case
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: u32,
    #[command(flatten)]
    pub(crate) change: Change,
}
