//! Where a rollout is: what is written down, and read again after a restart.

use std::time::Duration;

use banyan_flags::Percent;
use serde::{Deserialize, Serialize};

use super::event::Act;
use crate::{
    Millis, Plan,
    judge::{Scope, Worse},
    percent_text,
    version::Version,
};

/// Longest time that one event adds to [`Held`]: a driver that works sends several in that time.
const LONGEST_STEP: Duration = Duration::from_secs(5);

/// Where the rollout of one unit is. This is what is stored, in one piece, with every step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub(crate) version: Version<1>,
    /// The number of the evidence: one more each time it begins anew. 0 before the first rollout.
    pub epoch: u64,
    /// The number of the percentage within the epoch: one more each time it changes.
    pub lap: u32,
    /// When the epoch began, by the clock of the driver of that time.
    pub began: Millis,
    /// Why nothing may go up at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Blocked>,
    /// What it is doing.
    pub phase: Phase,
}

/// What a rollout is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// There was none yet.
    Idle,
    /// It goes up by itself.
    Running(Running),
    /// It stays where it is until a person says otherwise. It is still judged.
    Paused(Paused),
    /// The candidate was worse. Only a person starts anew.
    RolledBack(RolledBack),
    /// The last stage was reached, held and passed. Nothing is judged any more.
    Complete {
        /// When.
        at: Millis,
        /// The last stage.
        #[serde(with = "percent_text")]
        percent: Percent,
    },
    /// A person ended it, and everybody is back on legacy.
    Aborted {
        /// When.
        at: Millis,
        /// The percentage it had.
        #[serde(with = "percent_text")]
        from: Percent,
        /// Who, and why.
        act: Act,
        /// Whether it was forced although a rollback was not safe.
        forced: bool,
    },
}

/// At a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The unit's percentage. The stage follows from it: [`Plan::stage_of`].
    #[serde(with = "percent_text")]
    pub percent: Percent,
    /// Since when, by the clock of the driver of that time. For people: nothing is decided by it.
    pub since: Millis,
    /// How long it was watched at this percentage.
    pub held: Held,
}

/// Held by a person, or because going back would lose data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paused {
    /// The unit's percentage.
    #[serde(with = "percent_text")]
    pub percent: Percent,
    /// Since when it is at this percentage or paused, whichever is later.
    pub since: Millis,
    /// Why.
    pub why: Why,
}

/// Why a rollout is paused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A person said so.
    Person(Act),
    /// A person set the percentage by hand: what a person decides, the rollout does not undo.
    PercentSet(Act),
    /// The candidate is worse, and a rollback would lose what people wrote.
    Unsafe {
        /// What would be lost.
        why: String,
        /// What is worse.
        evidence: Box<Worse>,
    },
}

/// Back at 0 %.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolledBack {
    /// When.
    pub at: Millis,
    /// The percentage it had.
    #[serde(with = "percent_text")]
    pub from: Percent,
    /// What was worse, and which requests showed it.
    pub evidence: Box<Worse>,
}

/// Why nothing may go up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Blocked {
    /// Live nodes differ in config or program: subjects would get different sides from different nodes.
    #[error("the nodes do not agree: {0}")]
    NodesDisagree(String),
    /// The store cannot be reached: what other nodes see is not known, and nothing could be written down.
    #[error("the store cannot be reached")]
    StoreCutOff,
}

/// How long something was watched: counted, not read off a calendar.
///
/// Clocks jump, and the clock of a new driver may differ by minutes from that of the one that died. So time is added up in
/// small pieces, from one event to the next, and no piece counts for more than 5 s: a clock that jumps forward adds 5 s, one
/// that jumps backward nothing. It is stored with the state, so a restart goes on where it was, and the time during which
/// nobody watched does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    millis: u64,
    seen: Millis,
}

impl Held {
    /// Nothing yet.
    #[must_use]
    pub const fn from(now: Millis) -> Self {
        Self { millis: 0, seen: now }
    }

    /// Watched until `now`.
    #[must_use]
    pub fn until(self, now: Millis) -> Self {
        let piece = now.since(self.seen).min(LONGEST_STEP);
        let piece = u64::try_from(piece.as_millis()).unwrap_or(u64::MAX);
        Self { millis: self.millis.saturating_add(piece), seen: now }
    }

    /// How long in all.
    #[must_use]
    pub const fn time(self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

/// The name of a [`Phase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PhaseName {
    /// [`Phase::Idle`]
    Idle,
    /// [`Phase::Running`]
    Running,
    /// [`Phase::Paused`]
    Paused,
    /// [`Phase::RolledBack`]
    RolledBack,
    /// [`Phase::Complete`]
    Complete,
    /// [`Phase::Aborted`]
    Aborted,
}

impl PhaseName {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Idle, Self::Running, Self::Paused, Self::RolledBack, Self::Complete, Self::Aborted];

    /// As it is shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::RolledBack => "rolled back",
            Self::Complete => "complete",
            Self::Aborted => "aborted",
        }
    }

    /// Whether one step can lead from this phase to `next`: what whoever reads a log of states may check. Every phase may
    /// stay what it is.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use PhaseName::{Aborted, Complete, Idle, Paused, RolledBack, Running};
        match (self, next) {
            (Idle | RolledBack | Complete | Aborted, Running)
            | (Running, Paused | RolledBack | Complete | Aborted)
            | (Paused, Running | RolledBack | Aborted) => true,
            (from, to) => from as u8 == to as u8,
        }
    }
}

impl std::fmt::Display for PhaseName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl Phase {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> PhaseName {
        match self {
            Self::Idle => PhaseName::Idle,
            Self::Running(_) => PhaseName::Running,
            Self::Paused(_) => PhaseName::Paused,
            Self::RolledBack(_) => PhaseName::RolledBack,
            Self::Complete { .. } => PhaseName::Complete,
            Self::Aborted { .. } => PhaseName::Aborted,
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self { version: Version, epoch: 0, lap: 0, began: Millis(0), blocked: None, phase: Phase::Idle }
    }
}

impl State {
    /// The percentage that the unit has by this state; `None` where the rollout has no say.
    #[must_use]
    pub const fn percent(&self) -> Option<Percent> {
        match &self.phase {
            Phase::Running(running) => Some(running.percent),
            Phase::Paused(paused) => Some(paused.percent),
            Phase::Idle | Phase::RolledBack(_) | Phase::Complete { .. } | Phase::Aborted { .. } => None,
        }
    }

    /// The index of the stage that it is at, while there is one.
    #[must_use]
    pub fn stage(&self, plan: &Plan) -> Option<usize> {
        plan.stage_of(self.percent()?)
    }

    /// What the judges of all nodes are to look at; `None` where nothing is judged.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        let percent = self.percent()?;
        Some(Scope { epoch: self.epoch, lap: self.lap, percent, began: self.began })
    }

    /// How long the stage lasts at least from now on, if it is watched without a gap.
    #[must_use]
    pub fn left(&self, plan: &Plan) -> Option<Duration> {
        match &self.phase {
            Phase::Running(running) => Some(plan.hold().saturating_sub(running.held.time())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_does_not_make_a_stage_shorter() {
        let held = Held::from(Millis(1_000_000)).until(Millis(1_001_000));
        assert_eq!(held.time(), Duration::from_secs(1));
        let jumped = held.until(Millis(1_000_000 + 3_600_000));
        assert_eq!(jumped.time(), Duration::from_secs(6), "an hour counts for five seconds");
        let back = jumped.until(Millis(1_002_000));
        assert_eq!(back.time(), Duration::from_secs(6), "backwards counts for nothing");
        assert_eq!(back.until(Millis(1_003_000)).time(), Duration::from_secs(7), "and it goes on from there");
    }

    #[test]
    fn a_state_of_another_form_is_refused() {
        let text = serde_json::to_string(&State::default()).unwrap();
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), State::default());
        let newer = text.replace("\"version\":1", "\"version\":2");
        let error = serde_json::from_str::<State>(&newer).unwrap_err().to_string();
        assert!(error.contains("written in form 2; this program reads form 1"), "{error}");
    }
}
