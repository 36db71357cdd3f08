//! The latest good value of each key, for when there is no fresh one.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Keeps so many users, of 24 bytes and a name each.
const MOST: usize = 10_000;

/// A bounded map. A value never ages here and the first key that came is the first to go: enough to show the idea. (A
/// cache with freshness, one fetch for many callers and limits by size will be a part of the library.)
#[derive(Debug)]
pub(crate) struct LastGood<V>(Mutex<Kept<V>>);

#[derive(Debug)]
struct Kept<V> {
    values: HashMap<u32, V>,
    /// Keys, oldest first.
    order: VecDeque<u32>,
}

impl<V: Clone> LastGood<V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Kept { values: HashMap::new(), order: VecDeque::new() }))
    }

    pub(crate) fn get(&self, key: u32) -> Option<V> {
        self.lock().values.get(&key).cloned()
    }

    pub(crate) fn put(&self, key: u32, value: V) {
        let mut kept = self.lock();
        if kept.values.insert(key, value).is_none() {
            kept.order.push_back(key);
        }
        if kept.order.len() > MOST
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.values.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_value_is_kept_and_the_oldest_key_goes_first() {
        let kept = LastGood::new();
        (0..10_000).for_each(|key| kept.put(key, "old"));
        kept.put(0, "new");
        assert_eq!((kept.get(0), kept.get(1)), (Some("new"), Some("old")));
        kept.put(10_000, "one more");
        assert_eq!((kept.get(0), kept.get(10_000)), (None, Some("one more")));
        assert_eq!(kept.lock().order.len(), MOST);
    }
}
