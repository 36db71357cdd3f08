//! Flags that were defined at run time. A store does not know what a definition means: to it, it is text.

use std::time::SystemTime;

/// Where a flag stands, as last acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagRecord {
    /// Its key.
    pub key: String,
    /// Its definition, as it was given; `None` once it was retired.
    pub definition: Option<String>,
    /// Counts up by one with each change of this flag, from 1.
    pub version: u64,
    /// When, by the clock of the node that made the change.
    pub at: SystemTime,
    /// Who made the change.
    pub by: String,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// A change of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagChange {
    /// Its key.
    pub key: String,
    /// Its new definition; `None` retires the key for ever, also one that was never defined.
    pub definition: Option<String>,
    /// The version the change was decided on (0: no such flag); a store refuses it when another came first.
    pub expected_version: u64,
    /// When.
    pub at: SystemTime,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// One line of a flag's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagEntry {
    /// Its key.
    pub key: String,
    /// Its place in the history of this flag, from 1.
    pub version: u64,
    /// The definition before; `None` if there was none.
    pub from: Option<String>,
    /// The definition since; `None` if the key was retired.
    pub to: Option<String>,
    /// When, by the clock of the node that did it.
    pub at: SystemTime,
    /// Who did it.
    pub by: String,
    /// Why, in their words; may be empty.
    pub why: String,
}
