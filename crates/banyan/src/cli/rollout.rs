//! The command line of `banyan rollout`.

use clap::{Args, Subcommand};

use super::{Change, Remote};

/// What to do with rollouts.
#[derive(Debug, Subcommand)]
pub(crate) enum RolloutAction {
    /// All rollouts in a table: the stage, the time left, what holds them
    List(Remote),
    /// One rollout: the stage, each gate, the evidence
    Show {
        /// The unit
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Begin at the first stage above where the unit is; from there it goes up by itself
    Start {
        /// The unit
        name: String,
        #[command(flatten)]
        change: Change,
    },
    /// Show a rollout as it goes, until it ends or until Ctrl-C
    Watch(Watch),
    /// Stay at the present stage until it is resumed; it is still judged
    Pause {
        /// The unit
        name: String,
        #[command(flatten)]
        change: Change,
    },
    /// Let a paused rollout go on from where the unit is
    Resume {
        /// The unit
        name: String,
        #[command(flatten)]
        change: Change,
    },
    /// Go to the next stage now, whatever the gates say, unless the replacement is worse
    Promote {
        /// The unit
        name: String,
        #[command(flatten)]
        change: Change,
    },
    /// End it: everybody back to legacy
    Abort(Abort),
    /// Every step of a rollout: who, when, why
    History {
        /// The unit
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
}

/// How to watch.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The unit
    pub(crate) name: String,
    /// Print what there is now, and end
    #[arg(long)]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// How to end.
#[derive(Debug, Args)]
pub(crate) struct Abort {
    /// The unit
    pub(crate) name: String,
    /// Even if what people wrote on the replacement is then lost to them
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) change: Change,
}
