//! What the planes share while the process lives: where each unit stands, and what was counted about it.
//!
//! The control plane writes, the data plane reads with one atomic load per request, so a change is effective with
//! the next request and needs no reload. What must survive goes through [`crate::Store`] *before* it comes here.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed},
    },
};

use banyan_flags::Percent;
use banyan_rollout::Judge;

use crate::shadow::ShadowReport;

/// One unit at run time.
#[derive(Debug)]
pub struct UnitLive {
    /// Its name in the config.
    pub name: Arc<str>,
    percent: AtomicU16,
    /// What was counted since the process started.
    pub counts: UnitCounts,
    /// What comparing its two sides has found.
    pub shadow: Mutex<ShadowReport>,
    judge: Mutex<Option<Judge>>,
    /// Whether there is a judge: what the request path reads.
    judged: AtomicBool,
}

/// Requests of a unit, counted since the process started.
#[derive(Debug, Default)]
pub struct UnitCounts {
    /// Decided for legacy.
    pub legacy: AtomicU64,
    /// Decided for the replacement.
    pub replacement: AtomicU64,
    /// Failed on the replacement and answered by legacy.
    pub fallback: AtomicU64,
    /// Answers that the judge was not told of, since it had too much to do.
    pub unjudged: AtomicU64,
}

impl UnitLive {
    /// The share of subjects on the replacement.
    #[must_use]
    pub fn percent(&self) -> Percent {
        Percent::from_basis_points(self.percent.load(Relaxed)).unwrap_or(Percent::ZERO)
    }

    /// Makes a share effective for every request that is decided from now on.
    pub fn set_percent(&self, percent: Percent) {
        self.percent.store(percent.basis_points(), Relaxed);
    }

    /// Whether answers of this unit are judged.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        self.judged.load(Relaxed)
    }

    /// Has answers judged from now on, or no longer. The judge's routes are those of the unit in the order of the plan, by
    /// which the data plane numbers them.
    pub fn judge_by(&self, judge: Option<Judge>) {
        let is_judged = judge.is_some();
        *self.judge.lock().unwrap_or_else(PoisonError::into_inner) = judge;
        self.judged.store(is_judged, Relaxed);
    }

    /// Runs `f` on the judge, if there is one. Never called on the request path.
    pub fn with_judge<T>(&self, f: impl FnOnce(&mut Judge) -> T) -> Option<T> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(f)
    }

    /// Runs `f` on the shadow report. Never called on the request path.
    pub fn with_shadow<T>(&self, f: impl FnOnce(&mut ShadowReport) -> T) -> T {
        f(&mut self.shadow.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All units at run time, by name. A unit keeps its place over reloads.
#[derive(Debug, Default)]
pub struct Units {
    by_name: RwLock<BTreeMap<Arc<str>, Arc<UnitLive>>>,
}

impl Units {
    /// The unit of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<UnitLive>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The unit of this name, made with `percent` if there is none.
    pub fn get_or_insert(&self, name: &Arc<str>, percent: Percent) -> Arc<UnitLive> {
        let mut units = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            Arc::new(UnitLive {
                name: name.clone(),
                percent: AtomicU16::new(percent.basis_points()),
                counts: UnitCounts::default(),
                shadow: Mutex::default(),
                judge: Mutex::default(),
                judged: AtomicBool::new(false),
            })
        };
        units.entry(name.clone()).or_insert_with(make).clone()
    }

    /// Every unit, in the order of names.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<UnitLive>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
