//! The one place where rollouts change: by people's orders, and by what the driver decides.
//!
//! The order is that of units: the store, then live, then whoever hears of it. State, percentage, history and alerts of a
//! step are one transaction, so a process that is killed anywhere has made a step or has not; and each step names the
//! version that it was decided on, so of two at once one is refused, looks again, and decides anew.

use std::sync::Arc;

use banyan_config::plan::{Plan, Rollout, Unit};
use banyan_flags::Percent;
use banyan_rollout::{
    Action, Event, Evidence, Judgement, Millis, State, Verdict,
    judge::Exhibit,
    machine::{Act, Phase},
    step,
};
use banyan_state::{Change, Record, RolloutEntry, RolloutStep, Store, StoreError, Term};
use banyan_telemetry::{
    metrics::{Metrics, RolloutLabels},
    timeline::{Kind, Timeline},
};
use tokio::sync::Notify;

use super::{
    clock::Clock,
    decide::{allowed, differs},
    judges::Judges,
    known::{Known, Rollouts},
    letters::Told,
    pool::Pool,
    refused::NotDone,
    words,
};
use crate::{
    ask::ask,
    nodes::{Hindrance, Nodes},
    order::{Refusal, version},
    standing::{Standing, find},
};

/// Who does what nobody did.
const SYSTEM: &str = "banyan";
/// How often an order is tried when others are faster.
const TRIES: usize = 4;

/// What people may want of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Start,
    Pause,
    Resume,
    Promote,
    Abort { force: bool },
}

/// Rollouts as they change.
pub(crate) struct Conductor {
    pub(super) store: Arc<dyn Store>,
    pub(super) standing: Arc<Standing>,
    pub(super) nodes: Arc<Nodes>,
    pub(super) rollouts: Rollouts,
    pub(super) judges: Arc<Judges>,
    pub(super) pool: Pool,
    pub(super) clock: Clock,
    timeline: Arc<Timeline>,
    metrics: Arc<Metrics>,
    /// Told when there is an alert to send.
    alerted: Arc<Notify>,
}

/// A step as it was decided.
pub(super) struct Decision {
    pub(super) unit: Arc<str>,
    /// Version of the rollout that it was decided on, and the state.
    pub(super) version: u64,
    pub(super) before: State,
    /// The unit's record that it was decided on.
    pub(super) record: Option<Record>,
    pub(super) after: State,
    pub(super) actions: Vec<Action>,
    /// The person whose act it is.
    pub(super) act: Option<Act>,
    pub(super) term: Option<Term>,
    /// Answers of the replacement that it was decided by.
    pub(super) sample: u64,
}

impl Conductor {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        standing: Arc<Standing>,
        nodes: Arc<Nodes>,
        timeline: Arc<Timeline>,
        metrics: Arc<Metrics>,
        alerted: Arc<Notify>,
    ) -> Self {
        let judges = Arc::new(Judges::new(standing.shared_units()));
        let pool = Pool::new(store.clone(), nodes.clone(), judges.clone());
        let (rollouts, clock) = (Rollouts::default(), Clock::start());
        Self { store, standing, nodes, rollouts, judges, pool, clock, timeline, metrics, alerted }
    }

    /// Takes over where rollouts stand, before anything is served. Blocks on the store.
    pub(crate) fn restore(&self) -> Result<(), StoreError> {
        self.rollouts.adopt(self.standing.follow_now()?);
        self.settle();
        Ok(())
    }

    /// Makes live what others have changed.
    pub(crate) async fn follow(self: &Arc<Self>) -> Result<(), NotDone> {
        let conductor = self.clone();
        let followed = self.standing.in_turn(move |standing| {
            conductor.rollouts.adopt(standing.follow_now()?);
            conductor.settle();
            Ok::<_, StoreError>(())
        });
        Ok(followed.await??)
    }

    /// Judges where they are needed. May block on the store when one begins in the midst of an epoch.
    fn settle(&self) {
        let plan = self.standing.plan();
        self.judges
            .settle(&plan, &self.rollouts, self.clock.now(), |unit, epoch| self.pool.before(unit, epoch));
    }

    /// Where the rollout of a unit stands.
    pub(crate) fn known(&self, unit: &str) -> Known {
        self.rollouts.get(unit)
    }

    /// Why nothing may go up now.
    pub(crate) fn hindrance(&self) -> Option<Hindrance> {
        self.nodes.hindrance(&self.standing.plan().fingerprint)
    }

    /// What the evidence of all nodes says of a unit that is judged.
    pub(crate) async fn judgement(
        &self,
        plan: &banyan_rollout::Plan,
        unit: &str,
        state: &State,
    ) -> Result<Judgement, StoreError> {
        let evidence = self.pool.gather(unit, state.epoch, state.lap).await?;
        Ok(evidence.judge(plan, state.percent().unwrap_or(Percent::ZERO)))
    }

    /// The same for a screen, with the requests that failed on the replacement: while what others have seen cannot be read,
    /// of this node alone. `None` where nothing is judged.
    pub(crate) async fn seen(
        &self,
        plan: &banyan_rollout::Plan,
        unit: &str,
        state: &State,
    ) -> Option<(Judgement, Vec<Exhibit>)> {
        let percent = state.percent()?;
        let evidence = match self.pool.gather(unit, state.epoch, state.lap).await {
            Ok(evidence) => evidence,
            Err(_) => {
                let own = self.judges.evidence(unit, state.epoch);
                own.unwrap_or_else(|| Evidence::none(state.epoch, state.lap))
            }
        };
        Some((evidence.judge(plan, percent), evidence.exhibits()))
    }

    /// The steps of a rollout, newest first.
    pub(crate) async fn history(&self, unit: &str, limit: usize) -> Result<Vec<RolloutEntry>, StoreError> {
        let unit = unit.to_owned();
        ask(&self.store, move |store| store.rollout_history(&unit, limit)).await
    }

    /// Does what a person wants: when this returns `Ok`, it is durable and live.
    pub(crate) async fn command(
        self: &Arc<Self>,
        unit: &str,
        command: Command,
        act: Act,
        tags: Option<&[u64]>,
    ) -> Result<(), NotDone> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_command(unit, command, &act, tags).await {
                // The driver counts time, and others do things: what they did may not matter to this order.
                Err(error) if error.is_conflict() && tries < TRIES => self.follow().await?,
                end => return end,
            }
        }
    }

    async fn try_command(
        self: &Arc<Self>,
        name: &str,
        command: Command,
        act: &Act,
        tags: Option<&[u64]>,
    ) -> Result<(), NotDone> {
        let plan = self.standing.plan();
        let unit = find(&plan, name)?;
        let rollout = configured(unit)?;
        let known = self.readable(name)?;
        let found = known.tag();
        if tags.is_some_and(|tags| !tags.contains(&found)) {
            return Err(Refusal::Stale { found }.into());
        }
        let record = self.standing.record(name);
        let percent = record.as_ref().map_or(unit.percent, |record| record.percent);
        if let Some(held) = record.clone().filter(|record| record.held && command.goes_up()) {
            return Err(Refusal::Held(held).into());
        }
        let mut sample = 0;
        let event = match command {
            Command::Start => Event::Start { act: act.clone(), percent },
            Command::Pause => Event::Pause(act.clone()),
            Command::Resume => Event::Resume(act.clone()),
            Command::Promote => {
                let judgement = self.judgement(&rollout.plan, name, &known.state).await?;
                sample = sample_of(&judgement);
                Event::Promote { act: act.clone(), judgement: Box::new(judgement) }
            }
            Command::Abort { force } => Event::Abort { act: act.clone(), force },
        };
        let now = self.clock.now();
        let mut before = known.state.clone();
        let hindrance = self.hindrance().filter(|_| command.goes_up());
        if hindrance == Some(Hindrance::CutOff) {
            return Err(NotDone::CutOff { since: self.nodes.cut_off_since() });
        }
        if command.goes_up() {
            before = step(&rollout.plan, &before, &allowed(hindrance.as_ref()), now)?.state;
        }
        let stepped = step(&rollout.plan, &before, &event, now)?;
        let decision = Decision {
            unit: unit.name.clone(),
            version: known.version,
            before: known.state,
            record,
            after: stepped.state,
            actions: stepped.actions,
            act: Some(act.clone()),
            term: None,
            sample,
        };
        self.commit(decision, rollout, command.name()).await
    }

    /// The state of a rollout, if this version of the program can read it.
    fn readable(&self, unit: &str) -> Result<Known, NotDone> {
        let known = self.rollouts.get(unit);
        match known.unreadable.clone() {
            Some(why) => Err(NotDone::Unreadable { unit: unit.to_owned(), why }),
            None => Ok(known),
        }
    }

    /// Makes a step durable, live and known, in this order. Once begun it is finished, whether or not anybody waits.
    pub(super) async fn commit(
        self: &Arc<Self>,
        decision: Decision,
        rollout: &Rollout,
        name: &'static str,
    ) -> Result<(), NotDone> {
        let (conductor, rollout) = (self.clone(), rollout.clone());
        let done =
            self.standing.in_turn(move |standing| conductor.commit_now(standing, &decision, &rollout, name));
        Ok(done.await??)
    }

    /// Blocks.
    fn commit_now(
        &self,
        standing: &Standing,
        decision: &Decision,
        rollout: &Rollout,
        name: &'static str,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let stored = decision.to_store(rollout, &self.nodes.me().name, self.clock, now)?;
        let record = standing.step_now(&stored)?;
        self.rollouts.adopt(vec![record]);
        self.settle();
        if !stored.alerts.is_empty() {
            self.alerted.notify_one();
        }
        if !stored.what.is_empty() {
            self.tell(decision, &stored, name);
        }
        Ok(())
    }

    /// The timeline, the audit log and the metrics.
    fn tell(&self, decision: &Decision, stored: &RolloutStep, step: &'static str) {
        let RolloutStep { unit, what, by, why, .. } = stored;
        let reason = if why.is_empty() { String::new() } else { format!(": {why}") };
        self.timeline.note(Kind::Rollout, format!("{unit}: {what} by {by}{reason}"));
        self.metrics.rollout_steps.get_or_create(&RolloutLabels { unit: unit.clone(), step }).inc();
        let percent = stored.percent.as_ref().map(|change| change.percent.to_string());
        tracing::info!(
            target: "audit",
            unit, step, what, percent, by, why,
            phase = decision.after.phase.name().name(),
            version = decision.version + 1,
            alerts = stored.alerts.len(),
            "rollout changed"
        );
    }
}

impl Command {
    /// Its name, for metrics and the audit log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::Abort { .. } => "abort",
        }
    }

    /// Whether somebody may get the replacement who had not before.
    const fn goes_up(self) -> bool {
        matches!(self, Self::Start | Self::Resume | Self::Promote)
    }
}

impl Decision {
    /// As the store takes it.
    fn to_store(
        &self,
        rollout: &Rollout,
        node: &str,
        clock: Clock,
        now: Millis,
    ) -> Result<RolloutStep, StoreError> {
        let Self { unit, version: on, before, record, after, actions, act, term, sample } = self;
        let at = clock.time();
        let state = serde_json::to_string(after).map_err(|error| StoreError::Failed(error.to_string()))?;
        let told = differs(before, after) || !actions.is_empty();
        let what = if told { words::what(before, after) } else { String::new() };
        let reason = match act {
            _ if !told => String::new(),
            Some(act) if !matches!(after.phase, Phase::Paused(_)) => words::signed(&act.by, &act.why),
            _ => words::why(before, after, *sample),
        };
        let (by, why) = match act {
            Some(act) => (act.by.clone(), act.why.clone()),
            None => (SYSTEM.to_owned(), reason.clone()),
        };
        let percent = actions.iter().find_map(|action| match action {
            Action::SetPercent(percent) => Some(*percent),
            _ => None,
        });
        let change = percent.map(|percent| Change {
            unit: unit.to_string(),
            percent,
            held: record.as_ref().is_some_and(|record| record.held),
            expected_version: version(record.as_ref()),
            at,
            by: by.clone(),
            why: format!("rollout: {what}"),
        });
        let letter = Told { unit, node, version: on + 1, before, after, why: &reason, at: now };
        let alerts = actions.iter().flat_map(|action| match action {
            Action::Alert(kind) => letter.alerts(*kind, &rollout.alerts),
            _ => Vec::new(),
        });
        Ok(RolloutStep {
            unit: unit.to_string(),
            expected_version: *on,
            state,
            what,
            percent: change,
            alerts: alerts.collect(),
            term: *term,
            at,
            by,
            why,
        })
    }

    /// What it is called where no person did it.
    pub(super) fn name(&self) -> &'static str {
        match &self.after.phase {
            Phase::Running(_) if self.before.percent() == self.after.percent() => {
                if self.after.blocked.is_some() { "hold" } else { "free" }
            }
            Phase::Running(_) => "advance",
            Phase::Paused(_) => "hold",
            Phase::RolledBack(_) => "roll_back",
            Phase::Complete { .. } => "complete",
            Phase::Aborted { .. } | Phase::Idle => "end",
        }
    }
}

/// The rollout of a unit.
pub(crate) fn configured(unit: &Unit) -> Result<&Rollout, NotDone> {
    unit.rollout.as_ref().ok_or_else(|| NotDone::NoRollout { unit: unit.name.to_string() })
}

/// Answers of the replacement that the gates look at.
pub(super) fn sample_of(judgement: &Judgement) -> u64 {
    judgement.gates.iter().map(|gate| gate.sample).max().unwrap_or_default()
}

/// Whether the replacement is worse.
pub(super) const fn is_worse(judgement: &Judgement) -> bool {
    matches!(judgement.verdict, Verdict::Worse(_))
}

/// The units of a plan that have a rollout.
pub(crate) fn rollouts_of(plan: &Plan) -> impl Iterator<Item = (&Unit, &Rollout)> {
    plan.units.iter().filter_map(|unit| Some((unit, unit.rollout.as_ref()?)))
}
