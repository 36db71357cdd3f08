//! A store and the rules by which it is used.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Begun, Key, Memory};
use crate::{
    cache::{Kind, Lookup, Rules, Store},
    dice::Dice,
};

/// A store and the rules by which it is used.
pub(crate) struct InStore<T> {
    pub(crate) store: Arc<Store<Key, T>>,
    pub(crate) rules: Rules,
}

impl<T: Clone + Send + Sync> Memory<T> for InStore<T> {
    fn look(&self, key: &Key, now: Instant, dice: &Dice) -> Lookup<T> {
        self.store.lookup(key, now, self.rules.early_refresh(), dice)
    }

    fn begin(&self, key: &Key) -> Begun {
        Begun { at: Instant::now(), fill: self.store.begin(key) }
    }

    fn keep(&self, key: &Key, begun: Begun, value: &T, kind: Kind, now: Instant, dice: &Dice) {
        if let Some(entry) = self.rules.entry(value.clone(), kind, begun.at, now, dice) {
            // Whether it was kept makes no difference to anybody here.
            let _put = self.store.put(key, begun.fill, entry, now);
        }
    }

    fn forget(&self, key: &Key) {
        self.store.invalidate(key);
    }
}
