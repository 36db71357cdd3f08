//! Every event in every phase against the table, and any sequence of them against what must always hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use banyan_flags::Percent;
use proptest::prelude::*;

use super::*;
use crate::{
    Authority, Metric, Millis, Plan, Settings, Verdict, WriteSide,
    judge::{Gate, GateVerdict, Judgement, Worse},
};

fn percent(text: &str) -> Percent {
    text.parse().unwrap()
}

fn plan(safe: bool) -> Plan {
    let write = if safe { WriteSide::Both } else { WriteSide::Split };
    let authority = Authority { write, ..Authority::default() };
    let stages = ["1%", "5%", "25%", "100%"].map(percent).to_vec();
    Plan::new(Settings { stages, authority, writes: true, ..Settings::default() }).unwrap()
}

fn act() -> Act {
    Act { by: "ann".to_owned(), why: "it is Friday".to_owned() }
}

fn worse_evidence() -> Worse {
    Worse {
        metric: Metric::Errors,
        e_value: 5_000.0,
        threshold: 4_000.0,
        ratio: 10.0,
        subjects: 3,
        strata: Vec::new(),
        exhibits: Vec::new(),
    }
}

fn judgement(verdict: Verdict, gate: GateVerdict) -> Box<Judgement> {
    let gate = Gate {
        name: "requests",
        measured: None,
        threshold: None,
        sample: 0,
        verdict: gate,
        why: String::new(),
    };
    Box::new(Judgement { verdict, gates: vec![gate], figures: Vec::new() })
}

fn ready() -> Box<Judgement> {
    judgement(Verdict::Fine, GateVerdict::Pass)
}

fn worse() -> Box<Judgement> {
    judgement(Verdict::Worse(Box::new(worse_evidence())), GateVerdict::Pass)
}

fn events() -> Vec<Event> {
    let start = |percent| Event::Start { act: act(), percent };
    let changed = |text| Event::PercentChanged { percent: percent(text), act: act() };
    vec![
        start(Percent::ZERO),
        start(Percent::FULL),
        Event::Pause(act()),
        Event::Resume(act()),
        Event::Promote { act: act(), judgement: ready() },
        Event::Promote { act: act(), judgement: judgement(Verdict::Fine, GateVerdict::Hold) },
        Event::Promote { act: act(), judgement: worse() },
        Event::Abort { act: act(), force: false },
        Event::Abort { act: act(), force: true },
        Event::Tick,
        Event::Judged(ready()),
        Event::Judged(judgement(Verdict::Fine, GateVerdict::Hold)),
        Event::Judged(judgement(Verdict::Fine, GateVerdict::NotMeasured)),
        Event::Judged(worse()),
        changed("0%"),
        changed("1%"),
        changed("3%"),
        changed("5%"),
        Event::NodesDisagree("gw-2 has another config".to_owned()),
        Event::StoreCutOff,
        Event::NodesAgree,
    ]
}

fn held(seconds: u64) -> Held {
    (0..=seconds).map(|second| Millis(second * 1_000)).fold(Held::default(), Held::until)
}

/// One state for each way in which a phase can matter.
fn phases() -> Vec<Phase> {
    let running = |text, seconds| {
        Phase::Running(Running { percent: percent(text), since: Millis(0), held: held(seconds) })
    };
    let paused = |text, why| Phase::Paused(Paused { percent: percent(text), since: Millis(0), why });
    let unsafe_to = Why::Unsafe { why: "writes".to_owned(), evidence: Box::new(worse_evidence()) };
    vec![
        Phase::Idle,
        running("1%", 0),
        running("1%", 100),
        running("3%", 100),
        running("100%", 0),
        running("100%", 100),
        paused("5%", Why::Person(act())),
        paused("0%", Why::PercentSet(act())),
        paused("5%", unsafe_to),
        Phase::RolledBack(RolledBack {
            at: Millis(0),
            from: percent("5%"),
            evidence: Box::new(worse_evidence()),
        }),
        Phase::Complete { at: Millis(0), percent: Percent::FULL },
        Phase::Aborted { at: Millis(0), from: percent("5%"), act: act(), forced: false },
    ]
}

fn states() -> Vec<State> {
    let blocks = [None, Some(Blocked::StoreCutOff), Some(Blocked::NodesDisagree("gw-2".to_owned()))];
    let of = |blocked: Option<Blocked>| {
        phases().into_iter().map(move |phase| State {
            epoch: 3,
            lap: 2,
            blocked: blocked.clone(),
            phase,
            ..State::default()
        })
    };
    blocks.into_iter().flat_map(of).collect()
}

type Table = BTreeMap<(String, String), BTreeSet<String>>;

/// The table of the module's documentation.
fn documented() -> Table {
    let rows: Vec<Vec<&str>> = include_str!("mod.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! |"))
        .map(|line| line.trim_end_matches('|').split('|').map(str::trim).collect())
        .collect();
    let (head, rows) = (&rows[0], &rows[2..]);
    let mut table = Table::new();
    for row in rows {
        for (phase, cell) in head.iter().zip(row).skip(1) {
            let ends = match *cell {
                "-" => BTreeSet::from([(*phase).to_owned()]),
                ends => ends.split(", ").map(str::to_owned).collect(),
            };
            table.insert((row[0].to_owned(), (*phase).to_owned()), ends);
        }
    }
    table
}

#[test]
fn every_event_in_every_phase_does_what_the_table_says() {
    let mut found = Table::new();
    for plan in [plan(true), plan(false)] {
        for state in states() {
            for event in events() {
                let end = match step(&plan, &state, &event, Millis(200_000)) {
                    Ok(step) => {
                        assert!(
                            state.phase.name().may_become(step.state.phase.name()),
                            "{state:?} {event:?}"
                        );
                        step.state.phase.name().name().to_owned()
                    }
                    Err(_) => "refused".to_owned(),
                };
                let key = (event.name().to_owned(), state.phase.name().name().to_owned());
                found.entry(key).or_default().insert(end);
            }
        }
    }
    let documented = documented();
    assert_eq!(documented.len(), 11 * PhaseName::ALL.len());
    for (key, ends) in &documented {
        assert_eq!(found.get(key), Some(ends), "{key:?}");
    }
    assert_eq!(found.len(), documented.len());
}

#[test]
fn the_table_without_events_follows_from_the_one_with_them() {
    let name = |text: &str| PhaseName::ALL.into_iter().find(|phase| phase.name() == text);
    let mut followed = BTreeSet::new();
    for ((_, from), ends) in documented() {
        followed.extend(ends.iter().filter_map(|end| Some((name(&from)?, name(end)?))));
    }
    for from in PhaseName::ALL {
        for to in PhaseName::ALL {
            assert_eq!(from.may_become(to), from == to || followed.contains(&(from, to)), "{from} {to}");
        }
    }
}

fn follow(plan: &Plan, state: &State, event: Event, now: Millis) -> Step {
    step(plan, state, &event, now).unwrap()
}

#[test]
fn it_goes_up_by_itself_and_ends() {
    let plan = plan(true);
    let mut now = Millis(1_000_000);
    let start = Event::Start { act: act(), percent: Percent::ZERO };
    let started = follow(&plan, &State::default(), start, now);
    assert_eq!(started.actions, [Action::NewEpoch(1), Action::SetPercent(percent("1%"))]);
    let (mut state, mut reached) = (started.state, Vec::new());
    for _ in 0..400 {
        now = now.after(Duration::from_secs(1));
        let step = follow(&plan, &state, Event::Judged(ready()), now);
        reached.extend(step.actions.into_iter().map(|action| (now.0 / 1_000 - 1_000, action)));
        state = step.state;
    }
    let expected = [
        (60, Action::SetPercent(percent("5%"))),
        (120, Action::SetPercent(percent("25%"))),
        (180, Action::SetPercent(percent("100%"))),
        (240, Action::Alert(AlertKind::Completed)),
    ];
    assert_eq!(reached, expected);
    assert!(matches!(state.phase, Phase::Complete { percent: Percent::FULL, .. }));
    assert_eq!((state.epoch, state.lap), (1, 3));
}

#[test]
fn without_data_it_stays_where_it_is_for_ever() {
    let plan = plan(true);
    let mut state = State { phase: phases().remove(1), ..State::default() };
    let hold = judgement(Verdict::Fine, GateVerdict::Hold);
    for second in 0..100_000 {
        let step = follow(&plan, &state, Event::Judged(hold.clone()), Millis(second * 1_000));
        assert_eq!(step.actions, []);
        state = step.state;
    }
    assert_eq!(state.percent(), Some(percent("1%")));
}

#[test]
fn a_takeover_by_a_driver_whose_clock_is_ahead_does_not_cut_a_stage_short() {
    let plan = plan(true);
    let mut state = State { phase: phases().remove(1), ..State::default() };
    for second in 0..30 {
        state = follow(&plan, &state, Event::Tick, Millis(second * 1_000)).state;
    }
    let ahead = 180_000;
    for second in 30..50 {
        let step = follow(&plan, &state, Event::Judged(ready()), Millis(second * 1_000 + ahead));
        assert_eq!(step.actions, [], "{second}");
        state = step.state;
    }
    assert!(state.left(&plan).is_some_and(|left| left > Duration::ZERO && left < Duration::from_secs(20)));
}

#[test]
fn an_unsafe_rollback_holds_tells_once_and_goes_on_with_new_evidence() {
    let plan = plan(false);
    let running = State { epoch: 1, phase: phases().remove(2), ..State::default() };
    let held = follow(&plan, &running, Event::Judged(worse()), Millis(0));
    assert_eq!(held.actions, [Action::Alert(AlertKind::RollbackUnsafe)]);
    assert_eq!(held.state.percent(), Some(percent("1%")));
    let again = follow(&plan, &held.state, Event::Judged(worse()), Millis(1));
    assert_eq!((again.actions, &again.state), (Vec::new(), &held.state));

    let abort = Event::Abort { act: act(), force: false };
    let refused = step(&plan, &held.state, &abort, Millis(2)).unwrap_err();
    assert!(matches!(&refused, Refused::Unsafe(reason) if reason.alternatives.len() == 2), "{refused}");
    let forced = follow(&plan, &held.state, Event::Abort { act: act(), force: true }, Millis(2));
    assert_eq!(forced.actions, [Action::SetPercent(Percent::ZERO)]);
    assert!(matches!(forced.state.phase, Phase::Aborted { forced: true, .. }));

    let resumed = follow(&plan, &held.state, Event::Resume(act()), Millis(3));
    assert_eq!(resumed.actions, [Action::NewEpoch(2)]);
    assert_eq!(resumed.state.percent(), Some(percent("1%")));
}

#[test]
fn what_a_person_sets_stays_until_a_person_resumes() {
    let plan = plan(true);
    let running = State { phase: phases().remove(2), ..State::default() };
    let set = Event::PercentChanged { percent: percent("3%"), act: act() };
    let paused = follow(&plan, &running, set, Millis(0)).state;
    assert_eq!(paused.percent(), Some(percent("3%")));
    let resumed = follow(&plan, &paused, Event::Resume(act()), Millis(0));
    assert_eq!(resumed.actions, [], "it goes on from there");
    let promoted =
        follow(&plan, &resumed.state, Event::Promote { act: act(), judgement: ready() }, Millis(0));
    assert_eq!(promoted.actions, [Action::SetPercent(percent("5%"))]);
}

#[test]
fn a_rollout_begins_where_the_unit_is_and_never_below() {
    let plan = plan(true);
    let start = |text| {
        let event = Event::Start { act: act(), percent: percent(text) };
        step(&plan, &State::default(), &event, Millis(0)).map(|step| step.actions)
    };
    assert_eq!(start("3%").unwrap(), [Action::NewEpoch(1), Action::SetPercent(percent("5%"))]);
    assert_eq!(start("5%").unwrap(), [Action::NewEpoch(1)]);
    assert!(matches!(start("100%"), Err(Refused::NothingLeft { .. })));
}

fn any_event() -> impl Strategy<Value = (Event, i64)> {
    let jump = prop_oneof![8 => 0i64..2_000, 1 => -200_000i64..200_000];
    // What drives a rollout on comes often, or hardly any sequence would get anywhere.
    let common = prop::sample::select(vec![
        Event::Start { act: act(), percent: Percent::ZERO },
        Event::Resume(act()),
        Event::Judged(ready()),
        Event::Promote { act: act(), judgement: ready() },
        Event::NodesAgree,
    ]);
    (prop_oneof![common, prop::sample::select(events())], jump)
}

proptest! {
    #[test]
    fn whatever_happens_the_rules_hold(safe in any::<bool>(), happens in prop::collection::vec(any_event(), 1..120)) {
        let plan = plan(safe);
        let (mut state, mut live, mut now) = (State::default(), Percent::ZERO, Millis(1_000_000_000));
        for (event, jump) in happens {
            now = Millis(now.0.saturating_add_signed(jump));
            // Whoever starts a rollout says what the unit's percentage is.
            let event = match event {
                Event::Start { act, .. } => Event::Start { act, percent: live },
                other => other,
            };
            let Ok(step) = step(&plan, &state, &event, now) else { continue };
            let (from, to) = (state.phase.name(), step.state.phase.name());
            prop_assert!(from.may_become(to), "{from} {event:?} {to}");
            let before = match event {
                Event::PercentChanged { percent, .. } => percent,
                _ => live,
            };
            live = before;
            for action in &step.actions {
                let Action::SetPercent(next) = *action else { continue };
                live = next;
                if next > before {
                    let allowed = match event {
                        Event::Start { .. } => plan.stages().iter().copied().find(|&stage| stage >= before),
                        _ => plan.next(before),
                    };
                    prop_assert_eq!(Some(next), allowed, "no stage is skipped");
                    prop_assert_eq!(to, PhaseName::Running, "only what runs goes up");
                    prop_assert!(state.blocked.is_none(), "and nothing that is blocked");
                } else {
                    prop_assert_eq!(next, Percent::ZERO, "down is all the way down");
                    let forced = matches!(&step.state.phase, Phase::Aborted { forced: true, .. });
                    prop_assert!(safe || forced || before == Percent::ZERO, "nothing is lost without being asked");
                }
            }
            if let Some(percent) = step.state.percent() {
                prop_assert_eq!(percent, live, "the state knows the percentage");
            }
            prop_assert!((step.state.epoch, step.state.lap) >= (state.epoch, state.lap));
            prop_assert!(to == from || step.state != state);
            let text = serde_json::to_string(&step.state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<State>(&text).unwrap(), &step.state);
            state = step.state;
        }
    }
}
