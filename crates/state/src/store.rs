//! The store: what must survive.

use std::time::SystemTime;

use banyan_flags::Percent;

use crate::HotUrl;

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

/// Why a store did not do it. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the database.
    #[error("the state store is locked by another process")]
    Locked,
    /// No room on the disk.
    #[error("the disk of the state store is full")]
    Full,
    /// Somebody else changed the unit first.
    #[error(
        "'{unit}' was changed by somebody else in the meantime: it is at version {found}, not {expected}"
    )]
    Conflict {
        /// The unit.
        unit: String,
        /// Version the change was decided on.
        expected: u64,
        /// Version in the store.
        found: u64,
    },
    /// Anything else the store's engine says.
    #[error("the state store failed: {0}")]
    Failed(String),
}

/// The store. Calls block on the disk: never call them on a data-plane thread.
pub trait Store: Send + Sync {
    /// Every unit whose share was set at run time and not forgotten since, in the order of names.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn units(&self) -> Result<Vec<Record>, StoreError>;

    /// Makes a change durable. When it returns, the change survives `kill -9` and a power cut.
    ///
    /// # Errors
    /// When the change was not made.
    fn change(&self, change: &Change) -> Result<Record, StoreError>;

    /// Forgets the run-time share of a unit, so that the config decides again. Its history stays and gains an entry;
    /// a unit without a record is left as it is.
    ///
    /// # Errors
    /// When the change was not made.
    fn forget(&self, unit: &str, by: &str, why: &str, at: SystemTime) -> Result<(), StoreError>;

    /// The latest steps of a unit, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn history(&self, unit: &str, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// A secret of this name, made from `fresh` and kept when there is none yet.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    fn secret(&self, name: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError>;

    /// The URLs last given to [`Self::set_hot_urls`], in that order; none at first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn hot_urls(&self) -> Result<Vec<HotUrl>, StoreError>;

    /// Keeps these URLs, the most asked for first, in place of those kept before: all of them or, with an error, none. At
    /// most [`crate::MAX_HOT_URLS`] are kept, and none that is longer than [`crate::MAX_HOT_URL_BYTES`].
    ///
    /// # Errors
    /// When the store cannot be written; what was kept before is still there then.
    fn set_hot_urls(&self, urls: &[HotUrl]) -> Result<(), StoreError>;
}
