//! Rollouts that are under way or have ended. A store does not know what a state means: to it, it is text. What it knows is
//! that a step is one thing: the state, the share of the unit, the line of history and the alerts are all there afterwards,
//! or none of them is.

use std::time::SystemTime;

use banyan_flags::Percent;

use crate::{Alert, Change, Term};

/// Where a unit's rollout stands, as last acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutRecord {
    /// The unit.
    pub unit: String,
    /// Its state, as it was given.
    pub state: String,
    /// Counts up by one with each step of this rollout, from 1.
    pub version: u64,
    /// When, by the clock of the node that made the step.
    pub at: SystemTime,
    /// Who made it.
    pub by: String,
    /// Why; may be empty.
    pub why: String,
}

/// A step of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutStep {
    /// The unit.
    pub unit: String,
    /// The version the step was decided on (0: no rollout yet); a store refuses it when another came first.
    pub expected_version: u64,
    /// The state afterwards.
    pub state: String,
    /// What was done, as a line of history. When it is empty the step leaves none: for a driver that only notes how long
    /// a stage has been held.
    pub what: String,
    /// The change of the unit's share that belongs to it, which must be of the same unit.
    pub percent: Option<Change>,
    /// The alerts that belong to it.
    pub alerts: Vec<Alert>,
    /// By which right a driver makes it; a step of an older term than the newest is refused. `None` for people, who need
    /// no right but the version.
    pub term: Option<Term>,
    /// When.
    pub at: SystemTime,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// One line of a rollout's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutEntry {
    /// The unit.
    pub unit: String,
    /// The version of the rollout that the step made. Steps without a line are left out, so there may be gaps.
    pub version: u64,
    /// The state since then.
    pub state: String,
    /// What was done.
    pub what: String,
    /// The share that was set with it.
    pub percent: Option<Percent>,
    /// When, by the clock of the node that did it.
    pub at: SystemTime,
    /// Who did it.
    pub by: String,
    /// Why; may be empty.
    pub why: String,
}
