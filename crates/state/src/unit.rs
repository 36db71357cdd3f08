//! Where a unit stands, and how it came there.

use std::time::SystemTime;

use banyan_flags::Percent;

/// Where a unit stands, as last acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The unit.
    pub unit: String,
    /// Share on the replacement.
    pub percent: Percent,
    /// While held, the share cannot be raised or lowered except back to 0 %.
    pub held: bool,
    /// Counts up by one with each step of this unit, from 1, and goes on counting after the unit was forgotten.
    pub version: u64,
    /// When, by the clock of the node that made the change.
    pub at: SystemTime,
    /// Who made the change.
    pub by: String,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// A change of where a unit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The unit.
    pub unit: String,
    /// Its new share.
    pub percent: Percent,
    /// Whether it is held afterwards.
    pub held: bool,
    /// The version the change was decided on (0: no record, or forgotten); a store refuses it when another came first.
    pub expected_version: u64,
    /// When.
    pub at: SystemTime,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// One line of a unit's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The unit.
    pub unit: String,
    /// Its place in the history of this unit, from 1.
    pub version: u64,
    /// What was done.
    pub step: Step,
    /// When, by the clock of the node that did it.
    pub at: SystemTime,
    /// Who did it.
    pub by: String,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// What was done to a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A share was set at run time.
    Set {
        /// Share on the replacement.
        percent: Percent,
        /// Whether it was held afterwards.
        held: bool,
    },
    /// The run-time share was forgotten: the config decides since then.
    Forget,
}
