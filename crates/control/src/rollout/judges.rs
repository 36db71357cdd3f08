//! The judges of live units: which there are follows from where the rollouts stand.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use banyan_config::plan::{Plan, Unit};
use banyan_rollout::{Evidence, Judge, Millis, judge::Scope};
use banyan_state::live::{UnitLive, Units};

use super::{known::Rollouts, routes};

/// Puts judges to work, and sends them home.
pub(crate) struct Judges {
    units: Arc<Units>,
    /// The routes that each judge knows, by unit.
    routes: Mutex<HashMap<Arc<str>, Vec<String>>>,
}

impl Judges {
    pub(crate) fn new(units: Arc<Units>) -> Self {
        Self { units, routes: Mutex::default() }
    }

    /// What the judge of this unit should look at.
    pub(crate) fn scope(unit: &Unit, rollouts: &Rollouts) -> Option<Scope> {
        unit.rollout.as_ref()?;
        rollouts.get(&unit.name).state.scope()
    }

    /// Makes the judges those that the rollouts need. `before` is asked for what this node had seen of a unit in an epoch
    /// when a judge begins in the midst of one: after a restart.
    pub(crate) fn settle(
        &self,
        plan: &Plan,
        rollouts: &Rollouts,
        now: Millis,
        before: impl Fn(&str, u64) -> Option<Evidence>,
    ) {
        for unit in &plan.units {
            let Some(live) = self.units.get(&unit.name) else { continue };
            match Self::scope(unit, rollouts) {
                Some(scope) => self.seat(plan, unit, &live, scope, now, &before),
                None if live.is_judged() => {
                    self.lock().remove(&unit.name);
                    live.judge_by(None);
                }
                None => {}
            }
        }
    }

    fn seat(
        &self,
        plan: &Plan,
        unit: &Unit,
        live: &UnitLive,
        scope: Scope,
        now: Millis,
        before: &impl Fn(&str, u64) -> Option<Evidence>,
    ) {
        let names = routes::names(plan, unit);
        let known = self.lock().insert(unit.name.clone(), names.clone());
        let same_routes = known.as_ref() == Some(&names);
        let entered = live.with_judge(|judge| {
            if *judge.scope() != scope {
                judge.enter(scope, now);
            }
            (!same_routes).then(|| judge.evidence())
        });
        let evidence = match entered {
            Some(None) => return,
            Some(Some(evidence)) => Some(evidence),
            None => before(&unit.name, scope.epoch),
        };
        let evidence = evidence.unwrap_or_else(|| Evidence::none(scope.epoch, scope.lap));
        live.judge_by(Some(Judge::resume(scope, names, evidence, now)));
    }

    /// What this node has seen of a unit, if it is judged in this epoch.
    pub(crate) fn evidence(&self, unit: &str, epoch: u64) -> Option<Evidence> {
        let live = self.units.get(unit)?;
        let evidence = live.with_judge(|judge| judge.evidence())?;
        (evidence.epoch == epoch).then_some(evidence)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, Vec<String>>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
