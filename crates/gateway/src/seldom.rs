//! Saying something once in a while, however often it happens.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Pause between two times that the same is said.
const PAUSE: Duration = Duration::from_secs(30);

/// When it was said last.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether it is time to say it; then it counts as said.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_and_then_not_for_a_while() {
        let (seldom, now) = (Seldom::default(), Instant::now());
        assert!(seldom.is_due(now));
        assert!(!seldom.is_due(now + PAUSE / 2));
        assert!(seldom.is_due(now + PAUSE));
        assert!(!seldom.is_due(now));
    }
}
