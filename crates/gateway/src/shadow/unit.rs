//! What comparing needs to know about a unit.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use banyan_compare::Rules;
use banyan_state::{live::UnitLive, shadow::DropReason};

/// A unit's rules, and the drops that workers noted. Workers only ever touch the atomics; the report belongs to the
/// shadow thread and the admin API.
#[derive(Debug)]
pub(crate) struct ShadowUnit {
    pub(crate) live: Arc<UnitLive>,
    pub(crate) rules: Rules,
    pub(crate) redact: bool,
    drops: [AtomicU64; DropReason::ALL.len()],
}

impl ShadowUnit {
    pub(crate) fn new(live: Arc<UnitLive>, rules: Rules, redact: bool) -> Self {
        Self { live, rules, redact, drops: Default::default() }
    }

    /// Counts a copy that is not compared.
    pub(crate) fn note_drop(&self, reason: DropReason) {
        if let Some(index) = DropReason::ALL.iter().position(|&known| known == reason) {
            self.drops[index].fetch_add(1, Relaxed);
        }
    }

    /// Moves the counts into the report.
    pub(crate) fn fold(&self) {
        for (reason, count) in DropReason::ALL.iter().zip(&self.drops) {
            let count = count.swap(0, Relaxed);
            if count > 0 {
                self.live.with_shadow(|report| *report.dropped.entry(*reason).or_default() += count);
            }
        }
    }
}
