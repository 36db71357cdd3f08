//! Where units stand: the one place where that changes.
//!
//! A change goes to the store first, then becomes live, then is acknowledged. Changes and reloads take turns under
//! one lock, which the thread that waits for the disk holds until the disk has answered, whoever has lost patience
//! meanwhile. So live share, record and store never disagree, and nobody sees a change that could be lost.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use banyan_config::plan::{Plan, Unit};
use banyan_flags::Percent;
use banyan_state::{Entry, Record, RolloutRecord, RolloutStep, Store, StoreError, live::Units};
use banyan_telemetry::timeline::{Kind, Timeline};
use tokio::{
    sync::Mutex,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use crate::{
    order::{Action, Effect, Order, Refusal, version},
    restore::{Records, prepare, restore, settle},
};

/// How long a change may take, turns and disk together, before the caller is told that it was not made or may not
/// have been. A healthy disk takes milliseconds, and the store itself waits up to 1 s for a backup.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The units, their records and the store that keeps them.
pub(crate) struct Standing {
    store: Arc<dyn Store>,
    units: Arc<Units>,
    plan: ArcSwap<Plan>,
    /// As in the store; kept here so that reading needs no disk.
    records: RwLock<Records>,
    turn: Arc<Mutex<()>>,
    timeline: Arc<Timeline>,
}

impl Standing {
    /// Restores every unit of the plan. Blocks on the disk.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        units: Arc<Units>,
        plan: Arc<Plan>,
        timeline: Arc<Timeline>,
    ) -> Result<Self, StoreError> {
        let records = restore(&*store, &units, &plan)?;
        let records = records.into_iter().map(|record| (record.unit.clone(), record)).collect();
        let plan = ArcSwap::new(plan);
        Ok(Self { store, units, plan, records: RwLock::new(records), turn: Arc::default(), timeline })
    }

    /// The running plan.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        self.plan.load_full()
    }

    /// The live units.
    pub(crate) fn units(&self) -> &Units {
        &self.units
    }

    /// The live units, to be kept.
    pub(crate) fn shared_units(&self) -> Arc<Units> {
        self.units.clone()
    }

    /// The run-time record of a unit; `None` while the config decides.
    pub(crate) fn record(&self, unit: &str) -> Option<Record> {
        self.records.read().unwrap_or_else(PoisonError::into_inner).get(unit).cloned()
    }

    /// The latest steps of a unit, newest first.
    pub(crate) async fn history(&self, unit: &str, limit: usize) -> Result<Vec<Entry>, Refusal> {
        let (store, unit) = (self.store.clone(), unit.to_owned());
        let read = spawn_blocking(move || store.history(&unit, limit));
        match timeout_at(Instant::now() + PATIENCE, read).await {
            Ok(Ok(history)) => history.map_err(Refusal::Store),
            Ok(Err(failed)) => Err(Refusal::Store(StoreError::Failed(failed.to_string()))),
            Err(_) => Err(Refusal::Unanswered),
        }
    }

    /// Carries out an order: when this returns `Ok`, it is durable and live.
    pub(crate) async fn carry_out(self: &Arc<Self>, order: Order) -> Result<(), Refusal> {
        self.in_turn(move |standing| standing.carry_out_now(&order)).await?
    }

    /// Does something while nobody else changes a unit, on a thread that may block. Once begun it is finished, whoever has
    /// lost patience meanwhile.
    pub(crate) async fn in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let deadline = Instant::now() + PATIENCE;
        let turn =
            timeout_at(deadline, self.turn.clone().lock_owned()).await.map_err(|_| Refusal::Waiting)?;
        let standing = self.clone();
        let work = spawn_blocking(move || {
            let done = work(&standing);
            // Whoever comes next must not overtake the disk, even when this caller has given up.
            drop(turn);
            done
        });
        match timeout_at(deadline, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(failed)) => Err(Refusal::Store(StoreError::Failed(failed.to_string()))),
            Err(_) => Err(Refusal::Unanswered),
        }
    }

    /// Makes a step of a rollout durable, and then live what it changed of its unit. Blocks; only within [`Self::in_turn`].
    pub(crate) fn step_now(&self, step: &RolloutStep) -> Result<RolloutRecord, StoreError> {
        let (rollout, record) = self.store.step_rollout(step)?;
        if let Some(record) = record {
            self.put(&self.plan.load(), &step.unit, Some(record));
        }
        Ok(rollout)
    }

    /// Makes live what others have changed of units, and returns where rollouts stand at that moment. Blocks; only within
    /// [`Self::in_turn`].
    pub(crate) fn follow_now(&self) -> Result<Vec<RolloutRecord>, StoreError> {
        let rollouts = self.store.rollouts()?;
        let found = self.store.units()?;
        let known = self.records.read().unwrap_or_else(PoisonError::into_inner).clone();
        let gone: Vec<_> =
            known.keys().filter(|unit| !found.iter().any(|record| record.unit == **unit)).cloned().collect();
        let plan = self.plan.load();
        for record in found.into_iter().filter(|record| known.get(&record.unit) != Some(record)) {
            self.note_other(&plan, &record.unit, Some(&record));
            self.put(&plan, &record.unit.clone(), Some(record));
        }
        for unit in gone {
            self.note_other(&plan, &unit, None);
            self.put(&plan, &unit, None);
        }
        Ok(rollouts)
    }

    /// Tells of a change that another node has made.
    fn note_other(&self, plan: &Plan, name: &str, record: Option<&Record>) {
        let Some(unit) = plan.units.iter().find(|unit| *unit.name == *name) else { return };
        let (from, to) = (self.units.get(name).map(|live| live.percent()), share(unit, record));
        if from == Some(to) {
            return;
        }
        let from = from.map_or_else(String::new, |from| format!("{from} -> "));
        let by = record.map_or_else(String::new, |record| format!(" by {}", record.by));
        self.timeline.note(Kind::Unit, format!("{name}: {from}{to}{by}, on another node"));
    }

    /// Makes `plan` the running one if `apply` succeeds; no unit changes while it is under way.
    pub(crate) async fn adopt<E>(
        &self,
        plan: Arc<Plan>,
        apply: impl AsyncFnOnce(Arc<Plan>) -> Result<(), E>,
    ) -> Result<(), E> {
        let _turn = self.turn.lock().await;
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner).clone();
        prepare(&records, &self.units, &plan);
        apply(plan.clone()).await?;
        let before = self.shares(&plan);
        settle(&records, &self.units, &plan);
        for (before, after) in
            before.iter().zip(self.shares(&plan)).filter(|(before, after)| before.1 != after.1)
        {
            let text = format!("{}: {} -> {} by the config", after.0, before.1, after.1);
            self.timeline.note(Kind::Unit, text);
        }
        self.plan.store(plan);
        Ok(())
    }

    /// Where the units of a plan stand now, as far as they are live.
    fn shares(&self, plan: &Plan) -> Vec<(Arc<str>, Percent)> {
        let live = plan.units.iter().filter_map(|unit| self.units.get(&unit.name));
        live.map(|unit| (unit.name.clone(), unit.percent())).collect()
    }

    /// Blocks on the disk. Only while it is the caller's turn.
    fn carry_out_now(&self, order: &Order) -> Result<(), Refusal> {
        let plan = self.plan.load();
        let unit = find(&plan, &order.unit)?;
        let current = self.record(&order.unit);
        let at = SystemTime::now();
        let after = match order.decide(unit, current.as_ref())? {
            Effect::Nothing => return Ok(()),
            Effect::Set { percent, held } => {
                let change = order.change(percent, held, current.as_ref(), at);
                Some(self.store.change(&change).map_err(Refusal::Store)?)
            }
            Effect::Forget => {
                self.store.forget(&order.unit, &order.by, &order.why, at).map_err(Refusal::Store)?;
                None
            }
        };
        self.put(&plan, &order.unit, after.clone());
        self.timeline.note(Kind::Unit, in_words(order, unit, current.as_ref(), after.as_ref()));
        audit(order, unit, current.as_ref(), after.as_ref());
        Ok(())
    }

    /// Makes live what a record says, and keeps it. Of a unit that the plan has not it is only kept.
    fn put(&self, plan: &Plan, name: &str, record: Option<Record>) {
        if let Some(unit) = plan.units.iter().find(|unit| *unit.name == *name) {
            let percent = share(unit, record.as_ref());
            self.units.get_or_insert(&unit.name, percent).set_percent(percent);
        }
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        match record {
            Some(record) => records.insert(record.unit.clone(), record),
            None => records.remove(name),
        };
    }
}

/// The unit of this name in a plan.
pub(crate) fn find<'p>(plan: &'p Plan, name: &str) -> Result<&'p Unit, Refusal> {
    plan.units.iter().find(|unit| *unit.name == *name).ok_or_else(|| Refusal::UnknownUnit {
        name: name.to_owned(),
        known: plan.units.iter().map(|unit| unit.name.to_string()).collect(),
    })
}

fn share(unit: &Unit, record: Option<&Record>) -> Percent {
    record.map_or(unit.percent, |record| record.percent)
}

/// `articles: 5% -> 20% by ada: step two`.
fn in_words(order: &Order, unit: &Unit, before: Option<&Record>, after: Option<&Record>) -> String {
    let (from, to) = (share(unit, before), share(unit, after));
    let moved = if from == to { format!("{to}") } else { format!("{from} -> {to}") };
    let done = match order.action {
        Action::Hold => ", held",
        Action::Release => ", released",
        Action::Reset => ", as the config says,",
        Action::Set(_) | Action::Back => "",
    };
    let why = if order.why.is_empty() { String::new() } else { format!(": {}", order.why) };
    format!("{}: {moved}{done} by {}{why}", order.unit, order.by)
}

fn audit(order: &Order, unit: &Unit, before: Option<&Record>, after: Option<&Record>) {
    let percent = |record: Option<&Record>| share(unit, record);
    tracing::info!(
        target: "audit",
        unit = %order.unit,
        action = order.action.as_str(),
        from = %percent(before),
        to = %percent(after),
        held = after.is_some_and(|record| record.held),
        version = version(after),
        by = %order.by,
        why = %order.why,
        "unit changed"
    );
}
