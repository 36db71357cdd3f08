//! What can happen to a rollout, what follows from it, and why a person may be told no.

use banyan_flags::Percent;
use serde::{Deserialize, Serialize};

use super::state::{Blocked, PhaseName, State};
use crate::{Metric, Unsafe, judge::Judgement};

/// Who did something, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub why: String,
}

/// What can happen to a rollout. Commands come from people and can be [`Refused`]; everything else is a fact, and facts are
/// never refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Command: begin, with evidence that begins anew.
    Start {
        /// Who, and why.
        act: Act,
        /// The unit's percentage now: the rollout begins at the first stage that is not below it.
        percent: Percent,
    },
    /// Command: stay at this percentage.
    Pause(Act),
    /// Command: go on from the percentage that the unit has.
    Resume(Act),
    /// Command: go to the next stage now, whatever the gates say.
    Promote {
        /// Who, and why.
        act: Act,
        /// What is known now: nobody promotes a candidate that is worse.
        judgement: Box<Judgement>,
    },
    /// Command: everybody back to legacy.
    Abort {
        /// Who, and why.
        act: Act,
        /// Even if what people wrote is lost.
        force: bool,
    },
    /// Fact: time passed. It only counts how long the stage was watched.
    Tick,
    /// Fact: the evidence was looked at.
    Judged(Box<Judgement>),
    /// Fact: a person set the unit's percentage by hand.
    PercentChanged {
        /// What it is now.
        percent: Percent,
        /// Who, and why.
        act: Act,
    },
    /// Fact: live nodes differ in config or program.
    NodesDisagree(String),
    /// Fact: the store cannot be reached.
    StoreCutOff,
    /// Fact: the store is there, and all live nodes agree.
    NodesAgree,
}

impl Event {
    /// Its name, as the transition table has it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Promote { .. } => "promote",
            Self::Abort { .. } => "abort",
            Self::Tick => "tick",
            Self::Judged(_) => "judged",
            Self::PercentChanged { .. } => "percent changed",
            Self::NodesDisagree(_) => "nodes disagree",
            Self::StoreCutOff => "store cut off",
            Self::NodesAgree => "nodes agree",
        }
    }
}

/// What the driver has to do, in this order, in the same transaction as storing the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Evidence begins anew under this number; what has a lower one counts no more.
    NewEpoch(u64),
    /// Set the unit's percentage.
    SetPercent(Percent),
    /// Tell people.
    Alert(AlertKind),
}

/// What people are told of. The state has the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertKind {
    /// The candidate was worse, and everybody is back on legacy.
    RolledBack,
    /// The candidate is worse, and a rollback would lose what people wrote: a person has to decide.
    RollbackUnsafe,
    /// The last stage was held and passed.
    Completed,
    /// The percentage was set by hand, and the rollout stays there.
    PercentSet,
    /// Nothing goes up any more, since nodes disagree.
    NodesDisagree,
    /// Nothing goes up any more, since the store cannot be reached.
    StoreCutOff,
}

impl AlertKind {
    /// Its name, for keys and templates.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RolledBack => "rolled_back",
            Self::RollbackUnsafe => "rollback_unsafe",
            Self::Completed => "completed",
            Self::PercentSet => "percent_set",
            Self::NodesDisagree => "nodes_disagree",
            Self::StoreCutOff => "store_cut_off",
        }
    }
}

/// What follows from an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The state from now on.
    pub state: State,
    /// What to do.
    pub actions: Vec<Action>,
}

/// Why a command does nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is nothing like that to do in this phase.
    #[error("a rollout that is {phase} cannot {event}; {hint}")]
    NotNow {
        /// What it is doing.
        phase: PhaseName,
        /// The command.
        event: &'static str,
        /// What can be done.
        hint: &'static str,
    },
    /// The candidate is worse than the control.
    #[error("the replacement is worse ({0}): it is not given to more people")]
    Worse(Metric),
    /// Going back would lose data.
    #[error("a rollback is not safe: {0}; --force does it nevertheless")]
    Unsafe(Unsafe),
    /// Nothing may go up at present.
    #[error("nothing goes up now: {0}")]
    Blocked(Blocked),
    /// The percentage is already what the last stage would make it, or more.
    #[error("the unit is at {percent}, and the last stage is {last}: there is nothing to roll out")]
    NothingLeft {
        /// The unit's percentage.
        percent: Percent,
        /// The last stage.
        last: Percent,
    },
}
