//! One arm for each event.

use banyan_flags::Percent;

use super::{
    event::{Act, Action, AlertKind, Event, Refused, Step},
    state::{Blocked, Held, Paused, Phase, RolledBack, Running, State, Why},
};
use crate::{
    Millis, Plan, Unsafe, Verdict,
    judge::{Judgement, Worse},
};

/// What an event makes of a state.
///
/// # Errors
/// [`Refused`] for a command that cannot be followed; nothing changes then. Facts are never refused.
pub fn step(plan: &Plan, state: &State, event: &Event, now: Millis) -> Result<Step, Refused> {
    let moved = Moved { plan, state: watched(state, now), now };
    match event {
        Event::Start { act: _, percent } => moved.start(*percent),
        Event::Pause(act) => moved.pause(act),
        Event::Resume(_) => moved.resume(),
        Event::Promote { act: _, judgement } => moved.promote(judgement),
        Event::Abort { act, force } => moved.abort(act, *force),
        Event::Tick => Ok(moved.stay()),
        Event::Judged(judgement) => Ok(moved.judged(judgement)),
        Event::PercentChanged { percent, act } => Ok(moved.percent_changed(*percent, act)),
        Event::NodesDisagree(what) => {
            Ok(moved.blocked(Blocked::NodesDisagree(what.clone()), AlertKind::NodesDisagree))
        }
        Event::StoreCutOff => Ok(moved.blocked(Blocked::StoreCutOff, AlertKind::StoreCutOff)),
        Event::NodesAgree => Ok(moved.free()),
    }
}

/// The state with the time until `now` counted.
fn watched(state: &State, now: Millis) -> State {
    let mut state = state.clone();
    if let Phase::Running(running) = &mut state.phase {
        running.held = running.held.until(now);
    }
    state
}

/// A state on which an event falls.
struct Moved<'a> {
    plan: &'a Plan,
    state: State,
    now: Millis,
}

impl Moved<'_> {
    fn stay(self) -> Step {
        Step { state: self.state, actions: Vec::new() }
    }

    fn become_phase(self, phase: Phase, actions: Vec<Action>) -> Step {
        Step { state: State { phase, ..self.state }, actions }
    }

    fn not_now(&self, event: &'static str, hint: &'static str) -> Refused {
        Refused::NotNow { phase: self.state.phase.name(), event, hint }
    }

    fn may_go_up(&self) -> Result<(), Refused> {
        self.state.blocked.clone().map_or(Ok(()), |why| Err(Refused::Blocked(why)))
    }

    /// Idle, rolled back, complete, aborted -> running.
    fn start(self, percent: Percent) -> Result<Step, Refused> {
        if matches!(self.state.phase, Phase::Running(_) | Phase::Paused(_)) {
            return Err(self.not_now("start", "it has started; resume it, or abort it first"));
        }
        self.may_go_up()?;
        let stages = self.plan.stages();
        let last = stages.last().copied().unwrap_or(Percent::FULL);
        let first = stages.iter().copied().find(|&stage| stage >= percent && percent < last);
        let Some(first) = first else { return Err(Refused::NothingLeft { percent, last }) };
        let mut step = self.anew(first);
        if first != percent {
            step.actions.push(Action::SetPercent(first));
        }
        Ok(step)
    }

    /// Running at `percent`, with evidence that begins anew.
    fn anew(mut self, percent: Percent) -> Step {
        self.state.epoch = self.state.epoch.saturating_add(1);
        self.state.lap = 0;
        self.state.began = self.now;
        let epoch = Action::NewEpoch(self.state.epoch);
        let phase = self.running(percent);
        self.become_phase(phase, vec![epoch])
    }

    const fn running(&self, percent: Percent) -> Phase {
        Phase::Running(Running { percent, since: self.now, held: Held::from(self.now) })
    }

    /// Running -> paused.
    fn pause(self, act: &Act) -> Result<Step, Refused> {
        match &self.state.phase {
            Phase::Running(running) => {
                let percent = running.percent;
                let phase = self.paused(percent, Why::Person(act.clone()));
                Ok(self.become_phase(phase, Vec::new()))
            }
            Phase::Paused(_) => Err(self.not_now("pause", "it is paused already")),
            _ => Err(self.not_now("pause", "nothing is under way")),
        }
    }

    const fn paused(&self, percent: Percent, why: Why) -> Phase {
        Phase::Paused(Paused { percent, since: self.now, why })
    }

    /// Paused -> running.
    fn resume(mut self) -> Result<Step, Refused> {
        let (percent, anew) = match &self.state.phase {
            Phase::Paused(paused) => (paused.percent, self.is_held_as_unsafe()),
            Phase::Running(_) => return Err(self.not_now("resume", "it is not paused")),
            _ => return Err(self.not_now("resume", "nothing is under way; start it")),
        };
        self.may_go_up()?;
        let mut actions = Vec::new();
        let mut target = percent;
        if percent == Percent::ZERO {
            target = self.plan.stages()[0];
            self.state.lap = self.state.lap.saturating_add(1);
            actions.push(Action::SetPercent(target));
        }
        if anew {
            let mut step = self.anew(target);
            step.actions.extend(actions);
            return Ok(step);
        }
        let phase = self.running(target);
        Ok(self.become_phase(phase, actions))
    }

    /// Running -> running at the next stage, complete.
    fn promote(self, judgement: &Judgement) -> Result<Step, Refused> {
        let Phase::Running(running) = &self.state.phase else {
            let paused = matches!(self.state.phase, Phase::Paused(_));
            let hint = if paused { "resume it first" } else { "nothing is under way; start it" };
            return Err(self.not_now("promote", hint));
        };
        if let Verdict::Worse(worse) = &judgement.verdict {
            return Err(Refused::Worse(worse.metric));
        }
        self.may_go_up()?;
        let percent = running.percent;
        Ok(self.go_on(percent))
    }

    /// From `percent` to the next stage, or to the end.
    fn go_on(mut self, percent: Percent) -> Step {
        let Some(next) = self.plan.next(percent) else {
            let phase = Phase::Complete { at: self.now, percent };
            return self.become_phase(phase, vec![Action::Alert(AlertKind::Completed)]);
        };
        self.state.lap = self.state.lap.saturating_add(1);
        let phase = self.running(next);
        self.become_phase(phase, vec![Action::SetPercent(next)])
    }

    /// Running, paused -> aborted.
    fn abort(self, act: &Act, force: bool) -> Result<Step, Refused> {
        let Some(from) = self.state.percent() else {
            return Err(self.not_now("abort", "nothing is under way"));
        };
        let safe = self.rollback_is_safe(from);
        let forced = safe.is_err();
        if !force {
            safe.map_err(Refused::Unsafe)?;
        }
        let phase = Phase::Aborted { at: self.now, from, act: act.clone(), forced };
        Ok(self.become_phase(phase, vec![Action::SetPercent(Percent::ZERO)]))
    }

    /// At 0 % there is nobody to lose anything.
    fn rollback_is_safe(&self, from: Percent) -> Result<(), Unsafe> {
        if from == Percent::ZERO { Ok(()) } else { self.plan.rollback_is_safe() }
    }

    /// Running -> running at the next stage, complete, rolled back, paused. Paused -> rolled back, paused.
    fn judged(self, judgement: &Judgement) -> Step {
        let Some(percent) = self.state.percent() else { return self.stay() };
        if let Verdict::Worse(worse) = &judgement.verdict {
            return self.worse(percent, worse);
        }
        let ready = match &self.state.phase {
            Phase::Running(running) => {
                running.held.time() >= self.plan.hold()
                    && judgement.may_advance()
                    && self.state.blocked.is_none()
            }
            _ => false,
        };
        if ready { self.go_on(percent) } else { self.stay() }
    }

    fn worse(self, percent: Percent, worse: &Worse) -> Step {
        let evidence = Box::new(worse.clone());
        match self.rollback_is_safe(percent) {
            Ok(()) => {
                let phase = Phase::RolledBack(RolledBack { at: self.now, from: percent, evidence });
                let alert = Action::Alert(AlertKind::RolledBack);
                self.become_phase(phase, vec![Action::SetPercent(Percent::ZERO), alert])
            }
            // It was said already, and the evidence of the first time is the one that counts.
            Err(_) if self.is_held_as_unsafe() => self.stay(),
            Err(Unsafe { why, .. }) => {
                let phase = self.paused(percent, Why::Unsafe { why, evidence });
                self.become_phase(phase, vec![Action::Alert(AlertKind::RollbackUnsafe)])
            }
        }
    }

    const fn is_held_as_unsafe(&self) -> bool {
        matches!(&self.state.phase, Phase::Paused(Paused { why: Why::Unsafe { .. }, .. }))
    }

    /// Running -> paused. Paused -> paused.
    fn percent_changed(mut self, percent: Percent, act: &Act) -> Step {
        if self.state.percent().is_none_or(|before| before == percent) {
            return self.stay();
        }
        self.state.lap = self.state.lap.saturating_add(1);
        match &mut self.state.phase {
            Phase::Paused(paused) => {
                (paused.percent, paused.since) = (percent, self.now);
                self.stay()
            }
            _ => {
                let phase = self.paused(percent, Why::PercentSet(act.clone()));
                self.become_phase(phase, vec![Action::Alert(AlertKind::PercentSet)])
            }
        }
    }

    /// Whoever is blocked for the same reason is not told again. Where nothing is under way, nobody needs to be told.
    fn blocked(mut self, why: Blocked, alert: AlertKind) -> Step {
        let new = self.state.blocked.as_ref() != Some(&why);
        self.state.blocked = Some(why);
        let tell = new && self.state.percent().is_some();
        let actions = if tell { vec![Action::Alert(alert)] } else { Vec::new() };
        Step { state: self.state, actions }
    }

    fn free(mut self) -> Step {
        self.state.blocked = None;
        self.stay()
    }
}
