//! What comparing needs to know about a unit.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use banyan_compare::{Ids, Rules};
use banyan_config::plan::Shadow;
use banyan_resilience::latency::Recent;
use banyan_state::{live::UnitLive, shadow::DropReason};

use super::pause;

/// A unit's rules, and the drops that workers noted. Workers only ever touch the atomics; the report belongs to the
/// shadow thread and the admin API.
#[derive(Debug)]
pub(crate) struct ShadowUnit {
    pub(crate) live: Arc<UnitLive>,
    pub(crate) rules: Rules,
    pub(crate) redact: bool,
    /// Which id of one side stands for which of the other, as far as that was learned. Only the shadow's thread looks.
    pub(crate) ids: Mutex<Ids>,
    /// How long live answers of the unit take, from either side.
    pub(crate) live_latency: Recent,
    /// How much above the usual the 99th percentile of that may be while copies are made, as a share.
    pub(crate) pause_above: f64,
    paused: AtomicBool,
    drops: [AtomicU64; DropReason::ALL.len()],
}

impl ShadowUnit {
    pub(crate) fn new(live: Arc<UnitLive>, config: &Shadow) -> Self {
        Self {
            live,
            rules: config.rules.clone(),
            redact: config.redact,
            ids: Mutex::default(),
            live_latency: Recent::over(pause::WINDOW),
            pause_above: config.pause_above,
            paused: AtomicBool::new(false),
            drops: Default::default(),
        }
    }

    /// Whether copies wait for live answers to become as quick as usual.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// Makes copies no longer, or again.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Relaxed);
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
