//! What the library did, counted by an observer. A real service would feed its metrics and logs from here.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use banyan_resilience::{Event, Observer};

/// Counts for each policy.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<BTreeMap<String, Counted>>);

/// What happened under one policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Further attempts after one that failed.
    pub(crate) retries: u64,
    /// Second questions beside one that was late.
    pub(crate) hedges: u64,
    /// Attempts that were not made, to protect the dependency.
    pub(crate) refused: u64,
    /// Calls that were answered with a substitute.
    pub(crate) fallbacks: u64,
    /// Times that the breaker changed its state.
    pub(crate) breaker_changes: u64,
}

impl Counts {
    /// All of them by the name of the policy.
    pub(crate) fn all(&self) -> BTreeMap<String, Counted> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Counts {
    fn observe(&self, policy: &str, event: &Event<'_>) {
        let mut all = self.lock();
        let counted = all.entry(policy.to_owned()).or_default();
        match event {
            Event::Retry { .. } => counted.retries += 1,
            Event::Hedge { .. } => counted.hedges += 1,
            Event::Refused(_) => counted.refused += 1,
            Event::Fallback(_) => counted.fallbacks += 1,
            Event::Breaker(_) => counted.breaker_changes += 1,
            _ => {}
        }
    }
}
