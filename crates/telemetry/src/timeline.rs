//! The timeline: what changed lately, newest last. A symptom on a dashboard is explained by what stands beside it here.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

/// Entries kept; older ones go. Each is about a line of text, so this is well under a megabyte.
const KEPT: usize = 1_000;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A config was applied or refused.
    Reload,
    /// A unit's percentage was changed.
    Unit,
    /// A flag for applications was changed.
    Flag,
    /// A circuit breaker changed its state.
    Breaker,
    /// Faults were switched on or off.
    Chaos,
    /// Kept answers were thrown away, or fetched ahead.
    Cache,
    /// A rollout went on, was held or was rolled back.
    Rollout,
    /// This node lost the state store or found it again.
    Node,
    /// Comparing the sides of a unit stopped by itself, or began again.
    Shadow,
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts up from 1; never used twice within a process.
    pub number: u64,
    /// When.
    pub at: SystemTime,
    /// What it is about.
    pub kind: Kind,
    /// In words, without secrets.
    pub text: String,
}

/// The last entries, bounded.
#[derive(Debug, Default)]
pub struct Timeline {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Entry>,
    last: u64,
}

impl Kind {
    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Unit => "unit",
            Self::Flag => "flag",
            Self::Breaker => "breaker",
            Self::Chaos => "chaos",
            Self::Cache => "cache",
            Self::Rollout => "rollout",
            Self::Node => "node",
            Self::Shadow => "shadow",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Timeline {
    /// Adds an entry of now. Takes a lock for a moment: for changes, not for requests.
    pub fn note(&self, kind: Kind, text: impl Into<String>) {
        self.note_at(kind, text, SystemTime::now());
    }

    fn note_at(&self, kind: Kind, text: impl Into<String>, at: SystemTime) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last += 1;
        let number = inner.last;
        if inner.entries.len() == KEPT {
            inner.entries.pop_front();
        }
        inner.entries.push_back(Entry { number, at, kind, text: text.into() });
    }

    /// The entries after the one of this number, oldest first; 0 for all that are kept.
    #[must_use]
    pub fn since(&self, number: u64) -> Vec<Entry> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.entries.iter().filter(|entry| entry.number > number).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_and_counts_on() {
        let timeline = Timeline::default();
        for number in 0..KEPT + 5 {
            timeline.note(Kind::Unit, format!("{number}"));
        }
        let entries = timeline.since(0);
        assert_eq!(entries.len(), KEPT);
        assert_eq!((entries[0].number, entries[0].text.as_str()), (6, "5"));
        let newest = timeline.since(entries[KEPT - 2].number);
        assert_eq!(newest.len(), 1);
        assert_eq!(newest[0].text, format!("{}", KEPT + 4));
    }
}
