//! Keys whose calls are not joined for a while (hit-for-miss).

use std::{collections::HashMap, hash::Hash, time::Duration};

use tokio::time::Instant;

/// The most keys that are remembered: bounds memory.
pub(super) const MOST: usize = 10_000;
/// How often what is over is looked for when the table is full.
const SWEEP: Duration = Duration::from_secs(1);

/// Keys whose values turned out to be for their callers alone. Those who wait for such a value wait for nothing, one after
/// the other, so for a while nobody waits.
///
/// When it is full it remembers no more. Nothing goes wrong then: others find out once more.
#[derive(Debug)]
pub(super) struct Apart<K> {
    until: HashMap<K, Instant>,
    swept: Option<Instant>,
}

impl<K: Clone + Eq + Hash> Apart<K> {
    pub(super) fn new() -> Self {
        Self { until: HashMap::new(), swept: None }
    }

    pub(super) fn mark(&mut self, key: &K, until: Instant, now: Instant) {
        if self.until.len() >= MOST {
            self.sweep(now);
        }
        if self.until.len() < MOST || self.until.contains_key(key) {
            self.until.insert(key.clone(), until);
        }
    }

    pub(super) fn holds(&mut self, key: &K, now: Instant) -> bool {
        match self.until.get(key) {
            Some(until) if now < *until => true,
            Some(_) => {
                self.until.remove(key);
                false
            }
            None => false,
        }
    }

    pub(super) fn unmark(&mut self, key: &K) {
        self.until.remove(key);
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP) {
            self.swept = Some(now);
            self.until.retain(|_, until| now < *until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_key_is_apart_for_its_time_and_no_longer() {
        let (mut apart, now) = (Apart::new(), Instant::now());
        apart.mark(&1, now + SECOND, now);
        assert!(apart.holds(&1, now) && !apart.holds(&2, now));
        assert!(!apart.holds(&1, now + SECOND));
        assert!(apart.until.is_empty());
        apart.mark(&1, now + SECOND, now);
        apart.unmark(&1);
        assert!(!apart.holds(&1, now));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_over_makes_room() {
        let (mut apart, now) = (Apart::new(), Instant::now());
        (0..2 * MOST).for_each(|key| apart.mark(&key, now + 10 * SECOND, now));
        assert_eq!(apart.until.len(), MOST);
        assert!(apart.holds(&0, now) && !apart.holds(&MOST, now));
        let later = now + 10 * SECOND;
        apart.mark(&MOST, later + SECOND, later);
        assert!(apart.holds(&MOST, later));
        assert_eq!(apart.until.len(), 1);
    }
}
