//! The command line of `banyan flag`.

use std::path::PathBuf;

use banyan_flags::Percent;
use clap::{Args, Subcommand};

use super::{Change, Remote};

/// What to do with flags.
#[derive(Debug, Subcommand)]
pub(crate) enum FlagAction {
    /// All flags in a table, retired ones and units too
    List(Remote),
    /// One flag: what it serves, who made it so, its definition
    Show {
        /// The flag
        key: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Change a flag's percentage or variant, or define it
    Set(SetFlag),
    /// Switch a flag on
    Enable {
        /// The flag
        key: String,
        #[command(flatten)]
        change: Change,
    },
    /// Switch a flag off: everybody gets its off variant
    Disable {
        /// The flag
        key: String,
        #[command(flatten)]
        change: Change,
    },
    /// Forget what was set at run time, so that the config decides again
    Reset {
        /// The flag
        key: String,
        #[command(flatten)]
        change: Change,
    },
    /// Take a flag away for ever: its key is never used again
    Retire {
        /// The flag
        key: String,
        /// Do not ask back
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Who changed a flag, when, from what, to what and why
    History {
        /// The flag
        key: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// What a flag says for somebody, and why
    Evaluate(EvaluateFlag),
}

/// Which flag becomes what.
#[derive(Debug, Args)]
pub(crate) struct SetFlag {
    /// The flag
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) to: To,
    /// Only if the flag is at this version still, as 'banyan flag show' gives it; 0: it was never set at run time
    #[arg(long, value_name = "VERSION")]
    pub(crate) at_version: Option<u64>,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Exactly one of these.
#[derive(Debug, Default, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct To {
    /// The share that gets 'true', such as 5% or 0.25%; the rest of the flag stays
    pub(crate) percent: Option<Percent>,
    /// The variant for all whom no segment matches; the rest of the flag stays
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// A file with the whole definition as JSON, or '-' for standard input; what 'banyan flag show --json' prints will do, and
    /// is refused if the flag was changed since
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
}

/// Which flag, for whom.
#[derive(Debug, Args)]
pub(crate) struct EvaluateFlag {
    /// The flag, or 'unit.NAME' for the side of a unit
    pub(crate) key: String,
    /// The targeting key: who it is about
    #[arg(long = "as", value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// An attribute, such as country=de or app.version=2.1.0; true, false and numbers are taken as such, unless in double
    /// quotes
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) context: Vec<String>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}
