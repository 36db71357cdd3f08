//! Why a store did not do what it was asked to.

use std::fmt;

/// Why a store did not do it. Nothing has changed then, except as [`Self::Unreachable`] says.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else holds what the change needs, and did not let go of it in time.
    #[error("the state store is locked by another process")]
    Locked,
    /// No room on the disk.
    #[error("the disk of the state store is full")]
    Full,
    /// Somebody else changed it first. Nothing was lost: what they did is in its history.
    #[error(
        "{of}'{name}' was changed by somebody else in the meantime: it is at version {found}, not {expected}"
    )]
    Conflict {
        /// What kind of thing it is.
        of: Kept,
        /// Its name.
        name: String,
        /// Version the change was decided on.
        expected: u64,
        /// Version in the store.
        found: u64,
    },
    /// The flag's key was retired. Applications that still ask for it were written for what it meant then, so it never
    /// comes back with another meaning.
    #[error("the flag '{key}' was retired, and a retired key is never used again: choose another key")]
    Retired {
        /// The key.
        key: String,
    },
    /// Another node has taken the role since this one had it: what it wants was decided on what no longer is.
    #[error("another node has taken over: this one acts by term {term}, and the newest is {newest}")]
    Fenced {
        /// The term of who asked.
        term: u64,
        /// The newest one.
        newest: u64,
    },
    /// More than a store keeps of one thing.
    #[error("{what} has {found} bytes, and the state store keeps at most {most}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// Its size, in bytes.
        found: usize,
        /// The most bytes that are kept.
        most: usize,
    },
    /// The server cannot be reached, did not answer in time, or broke off. The text names its address, never a password.
    ///
    /// A read can be asked again. Of a change nobody knows whether it was made, for the answer may be what was lost:
    /// read what is there before trying again. Trying again is safe all the same where a change names the version that it
    /// was decided on, since it is then refused if it was made.
    #[error("the state store cannot be reached: {0}")]
    Unreachable(String),
    /// Anything else the store's engine says.
    #[error("the state store failed: {0}")]
    Failed(String),
}

/// The kinds of things that have versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The share of a unit.
    Unit,
    /// A flag.
    Flag,
    /// The rollout of a unit.
    Rollout,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unit => "",
            Self::Flag => "the flag ",
            Self::Rollout => "the rollout of ",
        })
    }
}
