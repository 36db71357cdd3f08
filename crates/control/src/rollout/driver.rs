//! The task that drives rollouts, and follows what others do.
//!
//! Every node runs it: it makes live what others changed, keeps judges where rollouts are under way, and tells the others
//! what it sees. One of them, the one that has the lead, also decides.

use std::{collections::HashMap, sync::Arc, time::Duration};

use banyan_config::plan::{Rollout, Unit};
use banyan_rollout::{State, machine::Act};
use banyan_state::Term;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    conductor::{Conductor, Decision, is_worse, rollouts_of, sample_of},
    decide::Facts,
    refused::NotDone,
};
use crate::nodes::Hindrance;

/// How often evidence is looked at.
const TICK: Duration = Duration::from_millis(250);
/// How often the store is read though nothing woke this node: a net.
const READ: Duration = Duration::from_secs(1);
/// How often the time that a stage was held is stored. As much is held again at most after a takeover.
const KEEP: Duration = Duration::from_secs(5);
/// How long nodes may differ before people are told: they read a new config one after the other.
const GRACE: Duration = Duration::from_secs(10);
/// A store that is full or away says the same thing all the time.
const COMPLAIN: Duration = Duration::from_secs(10);

/// Drives.
pub(crate) struct Driver {
    conductor: Arc<Conductor>,
    /// Moves whenever the store does.
    changes: watch::Receiver<u64>,
    /// The time counted since the state was stored, by unit.
    counted: HashMap<Arc<str>, Counted>,
    /// When it was last said that a step could not be made.
    complained: Since,
    /// Since when the nodes differ.
    differ_since: Option<Instant>,
}

/// A state with more time in it than the stored one.
struct Counted {
    /// The stored one's version.
    version: u64,
    state: State,
    stored_at: Instant,
}

/// When something was done last.
struct Since(Instant);

impl Driver {
    pub(crate) fn new(conductor: Arc<Conductor>, changes: watch::Receiver<u64>) -> Self {
        Self { conductor, changes, counted: HashMap::new(), complained: Since::now(), differ_since: None }
    }

    /// For ever.
    pub(crate) async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut read = Since::now();
        let mut plan = self.conductor.standing.plan();
        let mut watched = true;
        loop {
            let woken = tokio::select! {
                _ = ticks.tick() => false,
                changed = self.changes.changed(), if watched => {
                    watched = changed.is_ok();
                    watched
                }
            };
            if self.conductor.nodes.cut_off_since().is_some() {
                // What was counted before says nothing about now.
                self.counted.clear();
                continue;
            }
            // A new plan may have other rollouts, and other routes for the judges.
            let running = self.conductor.standing.plan();
            let reloaded = !Arc::ptr_eq(&plan, &running);
            plan = running;
            if woken || reloaded || read.is_over(READ) {
                self.follow().await;
            }
            self.look().await;
        }
    }

    async fn follow(&self) {
        if let Err(error) = self.conductor.follow().await {
            tracing::debug!(?error, "where units and rollouts stand cannot be read");
        }
    }

    /// Shares what this node sees, and decides if that is for it to do.
    async fn look(&mut self) {
        let plan = self.conductor.standing.plan();
        let term = self.conductor.nodes.term();
        for (unit, rollout) in rollouts_of(&plan) {
            let known = self.conductor.known(&unit.name);
            if known.state.percent().is_none() {
                self.counted.remove(&unit.name);
                continue;
            }
            if let Err(error) = self.conductor.pool.share(&unit.name, known.state.epoch).await {
                tracing::debug!(unit = %unit.name, %error, "what this node sees cannot be told to others");
            }
            let Some(term) = term else {
                self.counted.remove(&unit.name);
                continue;
            };
            match self.drive(unit, rollout, term).await {
                Ok(()) => {}
                Err(error) if error.is_conflict() => self.follow().await,
                // Whether the step was made may be in doubt; it is read from the store before the next one.
                Err(error) => {
                    if self.complained.is_over(COMPLAIN) {
                        tracing::error!(unit = %unit.name, ?error, "a step of a rollout is not made; the unit stays as it is");
                    }
                    self.follow().await;
                }
            }
        }
    }

    async fn drive(&mut self, unit: &Unit, rollout: &Rollout, term: Term) -> Result<(), NotDone> {
        let conductor = &self.conductor;
        let hindrance = conductor.hindrance();
        if hindrance == Some(Hindrance::CutOff) {
            // Nothing that is decided now could be stored, and what could not be stored is not decided.
            return Ok(());
        }
        let differ_since = hindrance.as_ref().map(|_| self.differ_since.unwrap_or_else(Instant::now));
        self.differ_since = differ_since;
        // In this order: a percentage that is newer than the rollout is refused by the rollout's version.
        let known = conductor.known(&unit.name);
        let record = conductor.standing.record(&unit.name);
        let (version, stored) = (known.version, known.state);
        let counted = self.counted.remove(&unit.name).filter(|counted| counted.version == version);
        let counted =
            counted.unwrap_or_else(|| Counted { version, state: stored.clone(), stored_at: Instant::now() });
        let judgement = conductor.judgement(&rollout.plan, &unit.name, &stored).await?;
        let (sample, worse) = (sample_of(&judgement), is_worse(&judgement));
        let by_hand = record.as_ref().map(|record| Act { by: record.by.clone(), why: record.why.clone() });
        let facts = Facts {
            state: &counted.state,
            percent: record.as_ref().map_or(unit.percent, |record| record.percent),
            set_by: by_hand
                .clone()
                .unwrap_or_else(|| Act { by: "the config".to_owned(), why: String::new() }),
            held_by: by_hand.filter(|_| record.as_ref().is_some_and(|record| record.held)),
            hindrance: hindrance.as_ref(),
            lasting: differ_since.is_some_and(|since| since.elapsed() >= GRACE),
            judgement,
        };
        let decided = facts.decide(&rollout.plan, conductor.clock.now());
        if !decided.moved && counted.stored_at.elapsed() < KEEP {
            self.counted.insert(unit.name.clone(), Counted { state: decided.state, ..counted });
            return Ok(());
        }
        if worse && decided.moved {
            tracing::warn!(unit = %unit.name, "the replacement is worse");
        }
        let decision = Decision {
            unit: unit.name.clone(),
            version,
            before: stored,
            record,
            after: decided.state,
            actions: decided.actions,
            act: decided.act,
            term: Some(term),
            sample,
        };
        let name = decision.name();
        self.conductor.commit(decision, rollout, name).await
    }
}

impl Since {
    fn now() -> Self {
        Self(Instant::now())
    }

    /// Whether `every` is over; if so, it begins anew.
    fn is_over(&mut self, every: Duration) -> bool {
        let over = self.0.elapsed() >= every;
        if over {
            self.0 = Instant::now();
        }
        over
    }
}
