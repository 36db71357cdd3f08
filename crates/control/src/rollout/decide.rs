//! What the driver makes of what it sees: facts in, at most one step out. Pure.

use banyan_flags::Percent;
use banyan_rollout::{
    Action, Event, Judgement, Millis, Plan, State, Verdict,
    machine::{Act, Held, Phase},
    step,
};

use crate::nodes::Hindrance;

/// What is seen of a rollout that is under way.
pub(crate) struct Facts<'f> {
    /// Where it stands, with the time that was counted since that was stored.
    pub(crate) state: &'f State,
    /// Where the unit stands, and who put it there.
    pub(crate) percent: Percent,
    pub(crate) set_by: Act,
    /// Who holds the unit, if somebody does.
    pub(crate) held_by: Option<Act>,
    /// Why nothing may go up.
    pub(crate) hindrance: Option<&'f Hindrance>,
    /// Whether that has lasted for so long that people should know.
    pub(crate) lasting: bool,
    /// What the evidence of all nodes says.
    pub(crate) judgement: Judgement,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decided {
    pub(crate) state: State,
    pub(crate) actions: Vec<Action>,
    /// Whether more has changed than the time that was counted.
    pub(crate) moved: bool,
    /// The person whose act it follows from; `None` when nobody did anything.
    pub(crate) act: Option<Act>,
}

impl Facts<'_> {
    /// At most one step: what else there is to do follows from the state after it, a moment later.
    pub(crate) fn decide(self, plan: &Plan, now: Millis) -> Decided {
        let before = self.state;
        let mut state = before.clone();
        for (event, act) in self.events() {
            // Facts are never refused, and a pause only where there is nothing to pause.
            let Ok(step) = step(plan, &state, &event, now) else { continue };
            if !step.actions.is_empty() || differs(before, &step.state) {
                return Decided { state: step.state, actions: step.actions, moved: true, act };
            }
            state = step.state;
        }
        Decided { state, actions: Vec::new(), moved: false, act: None }
    }

    /// What happened, with what a person did first: whoever acts by hand is not overtaken.
    fn events(self) -> Vec<(Event, Option<Act>)> {
        let Self { state, percent, set_by, held_by, hindrance, lasting, judgement } = self;
        let mut events = Vec::new();
        if state.percent().is_some_and(|expected| expected != percent) {
            events.push((Event::PercentChanged { percent, act: set_by.clone() }, Some(set_by)));
        }
        if let Some(act) = held_by.filter(|_| matches!(state.phase, Phase::Running(_))) {
            events.push((Event::Pause(act.clone()), Some(act)));
        }
        let passing = hindrance.is_some() && !lasting && state.blocked.is_none();
        if !passing {
            events.push((allowed(hindrance), None));
        }
        if passing && judgement.verdict == Verdict::Fine {
            // Nodes that read a new config do so one after the other. Nothing goes up meanwhile, and nobody is alarmed.
            events.push((Event::Tick, None));
        } else {
            events.push((Event::Judged(Box::new(judgement)), None));
        }
        events
    }
}

/// Whether something may go up, as an event.
pub(crate) fn allowed(hindrance: Option<&Hindrance>) -> Event {
    match hindrance {
        None => Event::NodesAgree,
        Some(Hindrance::CutOff) => Event::StoreCutOff,
        Some(Hindrance::Differ(what)) => Event::NodesDisagree(what.clone()),
    }
}

/// Whether two states differ in more than the time that was counted.
pub(crate) fn differs(one: &State, other: &State) -> bool {
    timeless(one) != timeless(other)
}

fn timeless(state: &State) -> State {
    let mut state = state.clone();
    if let Phase::Running(running) = &mut state.phase {
        running.held = Held::default();
    }
    state
}

#[cfg(test)]
mod tests {
    use banyan_rollout::{Evidence, Settings, machine::PhaseName};

    use super::*;

    fn plan() -> Plan {
        Plan::new(Settings::default()).unwrap()
    }

    fn percent(text: &str) -> Percent {
        text.parse().unwrap()
    }

    fn started(plan: &Plan) -> State {
        let event = Event::Start { act: Act::default(), percent: Percent::ZERO };
        step(plan, &State::default(), &event, Millis(0)).unwrap().state
    }

    fn facts<'f>(plan: &Plan, state: &'f State, at: &str) -> Facts<'f> {
        let judgement = Evidence::none(state.epoch, state.lap).judge(plan, percent(at));
        let act = Act { by: "ada".to_owned(), why: String::new() };
        Facts {
            state,
            percent: percent(at),
            set_by: act,
            held_by: None,
            hindrance: None,
            lasting: true,
            judgement,
        }
    }

    #[test]
    fn without_data_only_time_is_counted() {
        let plan = plan();
        let state = started(&plan);
        let decided = facts(&plan, &state, "1%").decide(&plan, Millis(3_000));
        assert!(!decided.moved && decided.actions.is_empty());
        let Phase::Running(running) = &decided.state.phase else { panic!("{decided:?}") };
        assert_eq!(running.held.time().as_secs(), 3);
    }

    #[test]
    fn a_percentage_set_by_hand_pauses_it_before_anything_else() {
        let plan = plan();
        let state = started(&plan);
        let mut facts = facts(&plan, &state, "7%");
        facts.held_by = Some(Act::default());
        let decided = facts.decide(&plan, Millis(1));
        assert_eq!(decided.state.phase.name(), PhaseName::Paused);
        assert_eq!(
            (decided.state.percent(), decided.act.unwrap().by),
            (Some(percent("7%")), "ada".to_owned())
        );
    }

    #[test]
    fn a_held_unit_holds_its_rollout() {
        let plan = plan();
        let state = started(&plan);
        let mut facts = facts(&plan, &state, "1%");
        facts.held_by = Some(Act { by: "bob".to_owned(), why: "incident".to_owned() });
        let decided = facts.decide(&plan, Millis(1));
        assert_eq!(decided.state.phase.name(), PhaseName::Paused);
        assert_eq!(decided.act.unwrap().by, "bob");
    }

    #[test]
    fn nodes_that_differ_are_told_of_once_and_so_is_their_agreement() {
        let plan = plan();
        let state = started(&plan);
        let differ = Hindrance::Differ("b runs version 2".to_owned());
        let look = |state: &State, hindrance: Option<&Hindrance>| {
            Facts { hindrance, ..facts(&plan, state, "1%") }.decide(&plan, Millis(1))
        };
        let blocked = look(&state, Some(&differ));
        assert!(blocked.moved && blocked.actions.len() == 1, "{blocked:?}");
        assert!(!look(&blocked.state, Some(&differ)).moved);
        let free = look(&blocked.state, None);
        assert!(free.moved && free.actions.is_empty() && free.state.blocked.is_none());
    }

    #[test]
    fn a_difference_that_passes_holds_and_alarms_nobody() {
        let plan = plan();
        let state = started(&plan);
        let differ = Hindrance::Differ("b runs version 2".to_owned());
        let facts = Facts { hindrance: Some(&differ), lasting: false, ..facts(&plan, &state, "1%") };
        let decided = facts.decide(&plan, Millis(1_000));
        assert!(!decided.moved && decided.state.blocked.is_none() && decided.actions.is_empty());
    }
}
