//! The store: what must survive, and what nodes share.

use std::time::SystemTime;

use crate::{
    AlertRecord, Beat, Change, Entry, FlagChange, FlagEntry, FlagRecord, HotUrl, NodeRecord, Record,
    RolloutEntry, RolloutRecord, RolloutStep, StoreError, Term, Watch,
};

/// The store. Calls block on the disk or the network, for a few seconds at most: never call them on a data-plane thread.
///
/// What is in it is the same for every node that has opened it, and each change is made as a whole or not at all. Changes
/// of a unit, a flag or a rollout name the version they were decided on, so that of two at once one is refused.
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

    /// Every flag that was ever defined at run time, also the retired ones, in the order of keys.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn flags(&self) -> Result<Vec<FlagRecord>, StoreError>;

    /// Makes a change of a flag durable.
    ///
    /// # Errors
    /// When the change was not made: [`StoreError::Retired`] if the key was retired, [`StoreError::Conflict`] if the flag
    /// is at another version.
    fn change_flag(&self, change: &FlagChange) -> Result<FlagRecord, StoreError>;

    /// The latest changes of a flag, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn flag_history(&self, key: &str, limit: usize) -> Result<Vec<FlagEntry>, StoreError>;

    /// Every rollout that was ever started, in the order of units.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn rollouts(&self) -> Result<Vec<RolloutRecord>, StoreError>;

    /// Makes a step durable: the rollout's state, the unit's share, a line of history and the alerts, all of them or, with
    /// an error, none. Returns where the rollout stands, and where the unit does if the step changed that.
    ///
    /// # Errors
    /// When the step was not made: [`StoreError::Fenced`] if another driver has taken over, [`StoreError::Conflict`] if
    /// the rollout or the unit is at another version.
    fn step_rollout(&self, step: &RolloutStep) -> Result<(RolloutRecord, Option<Record>), StoreError>;

    /// The latest steps of a unit's rollout that left a line, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn rollout_history(&self, unit: &str, limit: usize) -> Result<Vec<RolloutEntry>, StoreError>;

    /// Alerts that were not sent and whose time has come at `now`, those that have waited longest first. They stay until
    /// [`Self::alert_sent`]. One that was never tried is due whatever `now` is: it may have been written by the clock of
    /// another node, which is ahead.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn alerts_due(&self, now: SystemTime, limit: usize) -> Result<Vec<AlertRecord>, StoreError>;

    /// Notes that an alert was sent. One that is not there any more is left alone.
    ///
    /// # Errors
    /// When it was not noted.
    fn alert_sent(&self, id: u64) -> Result<(), StoreError>;

    /// Notes that sending an alert failed, and when to try again.
    ///
    /// # Errors
    /// When it was not noted.
    fn alert_failed(&self, id: u64, next_at: SystemTime, why: &str) -> Result<(), StoreError>;

    /// Says that a node is there, now.
    ///
    /// # Errors
    /// When it was not noted.
    fn beat(&self, beat: &Beat) -> Result<(), StoreError>;

    /// Every node that was heard of and not forgotten, in the order of names.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn nodes(&self) -> Result<Vec<NodeRecord>, StoreError>;

    /// Forgets a node that will not come back. If it does, it is there again with its next beat.
    ///
    /// # Errors
    /// When it was not forgotten.
    fn forget_node(&self, node: &str) -> Result<(), StoreError>;

    /// Keeps what a node has seen of a unit in an epoch, in place of what it said before. Evidence of the unit's older
    /// epochs, from any node, is dropped; what comes late, for an older epoch than the newest, is not kept.
    ///
    /// # Errors
    /// When it was not kept: [`StoreError::TooLarge`] beyond [`crate::MAX_EVIDENCE_BYTES`].
    fn put_evidence(&self, node: &str, unit: &str, epoch: u64, body: &[u8]) -> Result<(), StoreError>;

    /// What each node has seen of a unit in an epoch, in the order of nodes.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn evidence(&self, unit: &str, epoch: u64) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Asks for the role of the one who drives rollouts: the term in which this node has it, or `None` while another has
    /// it. Who has it asks again about every second, which gives the same term while the role is kept, and is how losing
    /// it is noticed; who has it not takes it over within 10 s after the other has gone. It ends with the store, or with
    /// the process.
    ///
    /// A file has one process, so there it is always this one. A process that asks for another node than before takes
    /// the role over from itself.
    ///
    /// # Errors
    /// When the store cannot be asked; the role is lost then.
    fn lead(&self, node: &str) -> Result<Option<Term>, StoreError>;

    /// Somebody who waits for changes from now on.
    fn watch(&self) -> Box<dyn Watch>;

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
