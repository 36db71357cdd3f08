//! The breaker beside naive ones: lists of calls that are searched from end to end, and a state machine that is written
//! down a second time without any of the ways around the lock.

use std::time::Duration;

use banyan_resilience::{
    Cause, Dice, Verdict,
    breaker::{Breaker, Change, Forced, Permit, Settings, State, Ticket},
};
use proptest::{collection::vec, prelude::*, sample::Index};
use tokio::time::Instant;

const QUICK: Duration = Duration::from_millis(1);
const SLOW: Duration = Duration::from_millis(200);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A call that ended.
#[derive(Clone, Copy, Debug)]
struct Call {
    bucket: u64,
    failed: bool,
    slow: bool,
    /// A failure noted late: its success is in the list as well.
    late: bool,
}

/// Calls, failures and slow calls among those of the bucket `now` and the nine before it.
fn count(calls: &[Call], now: u64) -> (u64, u64, u64) {
    let seen = || calls.iter().filter(|call| call.bucket <= now && now - call.bucket < 10);
    let number = |wanted: fn(&&Call) -> bool| seen().filter(wanted).count() as u64;
    let (all, failed) = (number(|_| true), number(|call| call.failed));
    (all.saturating_sub(number(|call| call.late)).max(failed), failed, number(|call| call.slow))
}

mod window {
    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_list_of_calls_holds(
            calls in vec((0_u64..2_500, 0..3_u8), 1..300), within in prop_oneof![Just(1_000_u64), Just(10_000), Just(700)],
        ) {
            let settings = Settings::default().with_ratio(1.0, u32::MAX, millis(within)).unwrap();
            let (breaker, dice) = (Breaker::new(settings.with_slow(QUICK, 1.0).unwrap()), Dice::seeded(1));
            let start = Instant::now();
            prop_assert_eq!(breaker.status(start).calls, 0);
            let (mut list, mut passed) = (Vec::new(), 0);
            for (gap, kind) in calls {
                passed += gap;
                let (now, bucket) = (start + millis(passed), passed / (within / 10));
                let (verdict, took) = match kind {
                    0 => (Verdict::Success, QUICK),
                    1 => (Verdict::Success, SLOW),
                    _ => (Verdict::fatal(Cause::Error), QUICK),
                };
                let change = breaker.acquire(now, &dice).unwrap().record(&verdict, took, now, &dice);
                prop_assert_eq!(change, None);
                list.push(Call { bucket, failed: kind == 2, slow: kind == 1, late: false });
                let status = breaker.status(now);
                prop_assert_eq!((status.calls, status.failures, status.slow), count(&list, bucket));
            }
        }

        #[test]
        fn a_clock_that_jumps_about_neither_breaks_it_nor_leaves_a_trace(
            moments in vec((0_u64..100_000, any::<bool>()), 0..200),
        ) {
            let settings = Settings::default().with_open(millis(1), millis(1)).unwrap();
            let (breaker, dice, start) = (Breaker::new(settings), Dice::seeded(1), Instant::now());
            for (at, fails) in moments {
                let now = start + millis(at);
                let verdict = if fails { Verdict::fatal(Cause::Reset) } else { Verdict::Success };
                if let Ok(permit) = breaker.acquire(now, &dice) {
                    permit.record(&verdict, QUICK, now, &dice);
                }
                let status = breaker.status(now);
                prop_assert!(status.failures <= status.calls && status.probes == 0);
            }
            // After a while it is as good as new.
            let now = start + Duration::from_secs(1_000);
            for _ in 0..2 {
                breaker.acquire(now, &dice).unwrap().record(&Verdict::Success, QUICK, now, &dice);
            }
            let now = now + Duration::from_secs(100);
            let fail = || breaker.acquire(now, &dice).unwrap().record(&Verdict::fatal(Cause::Reset), QUICK, now, &dice);
            for _ in 0..19 {
                prop_assert_eq!(fail(), None);
            }
            prop_assert!(fail().is_some());
        }
    }
}

/// What is done to a breaker.
#[derive(Clone, Debug)]
enum Deed {
    Pass(u64),
    Ask,
    End(Index, Ending),
    Drop(Index),
    NoteLate(Index),
    Force(Forced, u64),
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Well,
    Slow,
    Failed,
    Unknown,
}

const AT_LEAST: u32 = 4;
const WITHIN: u64 = 1_000;
const OPEN_FOR: u64 = 100;
const OPEN_AT_MOST: u64 = 400;
const PROBES: u32 = 2;
const CLOSE_AFTER: u32 = 3;
const PROBE_TIMEOUT: u64 = 250;

fn settings() -> Settings {
    Settings::default()
        .with_ratio(0.5, AT_LEAST, millis(WITHIN))
        .and_then(|settings| settings.with_slow(SLOW, 0.75))
        .and_then(|settings| settings.with_open(millis(OPEN_FOR), millis(OPEN_AT_MOST)))
        .and_then(|settings| settings.with_probes(PROBES, CLOSE_AFTER))
        .and_then(|settings| settings.with_probe_timeout(millis(PROBE_TIMEOUT)))
        .expect("sound settings")
}

/// The breaker, told again. Times are milliseconds since its start.
#[derive(Debug, Default)]
struct Model {
    mode: Mode,
    /// Changes so far: what permits and tickets of another number say is late.
    stay: u32,
    trips: u32,
    calls: Vec<Call>,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Mode {
    #[default]
    Closed,
    /// Until when is the real breaker's secret as long as the dice lie; it is asked and its answer checked.
    Open(Duration),
    HalfOpen {
        began: Vec<(u64, usize)>,
        well: u32,
    },
    Forced(Forced, u64),
}

#[derive(Debug, PartialEq)]
enum Asked {
    Pass,
    Probe,
    Refuse,
}

impl Model {
    fn state(&self) -> State {
        match self.mode {
            Mode::Closed | Mode::Forced(Forced::Closed, _) => State::Closed,
            Mode::Open(_) | Mode::Forced(Forced::Open, _) => State::Open,
            Mode::HalfOpen { .. } => State::HalfOpen,
        }
    }

    fn enter(&mut self, mode: Mode) -> Option<(State, State)> {
        let from = self.state();
        self.mode = mode;
        self.stay += 1;
        self.calls.clear();
        Some((from, self.state()))
    }

    fn half_open(&mut self) -> Option<(State, State)> {
        self.enter(Mode::HalfOpen { began: Vec::new(), well: 0 })
    }

    fn open(&mut self, breaker: &Breaker, now: u64, start: Instant) -> Option<(State, State)> {
        let most = millis((OPEN_FOR << self.trips.min(10)).min(OPEN_AT_MOST));
        let remaining = breaker.status(start + millis(now)).open_remaining.expect("the real one is open too");
        assert!((most.mul_f64(0.8)..=most).contains(&remaining), "{remaining:?} of {most:?}");
        self.trips += 1;
        self.enter(Mode::Open(millis(now) + remaining))
    }

    fn hangs(&self, now: u64) -> bool {
        match &self.mode {
            Mode::HalfOpen { began, .. } => began.iter().any(|(at, _)| at + PROBE_TIMEOUT <= now),
            _ => false,
        }
    }

    fn ask(
        &mut self,
        id: usize,
        breaker: &Breaker,
        now: u64,
        start: Instant,
    ) -> (Asked, Option<(State, State)>) {
        let change = match self.mode {
            Mode::Open(until) if until <= millis(now) => self.half_open(),
            Mode::Forced(Forced::Open, until) if until <= now => self.half_open(),
            Mode::Forced(Forced::Closed, until) if until <= now => self.enter(Mode::Closed),
            Mode::HalfOpen { .. } if self.hangs(now) => self.open(breaker, now, start),
            _ => None,
        };
        let answer = match &mut self.mode {
            Mode::Closed | Mode::Forced(Forced::Closed, _) => Asked::Pass,
            Mode::Open(_) | Mode::Forced(Forced::Open, _) => Asked::Refuse,
            Mode::HalfOpen { began, .. } if began.len() == PROBES as usize => Asked::Refuse,
            Mode::HalfOpen { began, .. } => {
                began.push((now, id));
                Asked::Probe
            }
        };
        (answer, change)
    }

    fn free(&mut self, id: usize) {
        if let Mode::HalfOpen { began, .. } = &mut self.mode {
            began.retain(|(_, other)| *other != id);
        }
    }

    fn end(
        &mut self,
        id: usize,
        ending: Ending,
        breaker: &Breaker,
        now: u64,
        start: Instant,
    ) -> Option<(State, State)> {
        if let Mode::HalfOpen { .. } = self.mode {
            if self.hangs(now) || matches!(ending, Ending::Failed | Ending::Slow) {
                return self.open(breaker, now, start);
            }
            self.free(id);
            if let Mode::HalfOpen { well, .. } = &mut self.mode
                && ending == Ending::Well
            {
                *well += 1;
                if *well == CLOSE_AFTER {
                    self.trips = 0;
                    return self.enter(Mode::Closed);
                }
            }
            return None;
        }
        if ending == Ending::Unknown {
            return None;
        }
        let (failed, slow) = (ending == Ending::Failed, ending == Ending::Slow);
        self.calls.push(Call { bucket: now / (WITHIN / 10), failed, slow, late: false });
        if ending == Ending::Well { None } else { self.judge(breaker, now, start) }
    }

    fn note_late(&mut self, breaker: &Breaker, now: u64, start: Instant) -> Option<(State, State)> {
        if let Mode::HalfOpen { .. } = self.mode {
            return self.open(breaker, now, start);
        }
        self.calls.push(Call { bucket: now / (WITHIN / 10), failed: true, slow: false, late: true });
        self.judge(breaker, now, start)
    }

    fn judge(&mut self, breaker: &Breaker, now: u64, start: Instant) -> Option<(State, State)> {
        let (calls, failures, slow) = count(&self.calls, now / (WITHIN / 10));
        let too_many = calls >= u64::from(AT_LEAST) && (failures * 2 >= calls || slow * 4 >= calls * 3);
        if too_many && self.mode == Mode::Closed { self.open(breaker, now, start) } else { None }
    }

    fn force(&mut self, to: Forced, until: u64, now: u64) -> Option<(State, State)> {
        if until <= now || self.mode == Mode::Forced(to, until) {
            return None;
        }
        self.trips = 0;
        self.enter(Mode::Forced(to, until))
    }

    fn release(&mut self) -> Option<(State, State)> {
        match self.mode {
            Mode::Forced(Forced::Closed, _) => self.enter(Mode::Closed),
            Mode::Forced(Forced::Open, _) => self.half_open(),
            _ => None,
        }
    }
}

/// Permits that are out, and tickets of successes, with the stay they were issued in.
#[derive(Default)]
struct Held<'a> {
    permits: Vec<(usize, u32, Permit<'a>)>,
    tickets: Vec<(u32, Ticket)>,
    issued: usize,
}

fn moved(change: Option<Change>) -> Option<(State, State)> {
    change.map(|change| (change.from, change.to))
}

fn do_deeds(deeds: Vec<Deed>) -> Result<u32, TestCaseError> {
    let (breaker, dice, start) = (Breaker::new(settings()), Dice::seeded(7), Instant::now());
    let (mut model, mut held, mut passed) = (Model::default(), Held::default(), 0);
    prop_assert_eq!(breaker.status(start).state, State::Closed);
    for deed in deeds {
        let now = start + millis(passed);
        match deed {
            Deed::Pass(time) => passed += time,
            Deed::Ask => ask(&breaker, &dice, &mut model, &mut held, passed, start)?,
            Deed::End(which, ending) if !held.permits.is_empty() => {
                let (id, stay, permit) = held.permits.swap_remove(which.index(held.permits.len()));
                let (verdict, took) = match ending {
                    Ending::Well => (Verdict::Success, QUICK),
                    Ending::Slow => (Verdict::Success, SLOW * 2),
                    Ending::Failed => (Verdict::fatal(Cause::Error), QUICK),
                    Ending::Unknown => (Verdict::Ignored, QUICK),
                };
                if verdict == Verdict::Success {
                    held.tickets.push((stay, permit.ticket()));
                }
                let change = moved(permit.record(&verdict, took, now, &dice));
                let is_late = stay != model.stay;
                let expected = if is_late { None } else { model.end(id, ending, &breaker, passed, start) };
                prop_assert_eq!(change, expected);
            }
            Deed::Drop(which) if !held.permits.is_empty() => {
                let (id, stay, permit) = held.permits.swap_remove(which.index(held.permits.len()));
                drop(permit);
                if stay == model.stay {
                    model.free(id);
                }
            }
            Deed::NoteLate(which) if !held.tickets.is_empty() => {
                let (stay, ticket) = held.tickets.swap_remove(which.index(held.tickets.len()));
                let change = moved(breaker.note_late_failure(ticket, Cause::Reset, now, &dice));
                let is_late = stay != model.stay;
                let expected = if is_late { None } else { model.note_late(&breaker, passed, start) };
                prop_assert_eq!(change, expected);
            }
            Deed::Force(to, time) => {
                let until = passed + time;
                let change = moved(breaker.force(to, start + millis(until), now));
                prop_assert_eq!(change, model.force(to, until, passed));
            }
            Deed::Release => prop_assert_eq!(moved(breaker.release(now)), model.release()),
            Deed::End(..) | Deed::Drop(_) | Deed::NoteLate(_) => {}
        }
        check(&breaker, &model, passed, start)?;
    }
    Ok(model.stay)
}

fn ask<'a>(
    breaker: &'a Breaker,
    dice: &Dice,
    model: &mut Model,
    held: &mut Held<'a>,
    passed: u64,
    start: Instant,
) -> Result<(), TestCaseError> {
    let id = held.issued;
    held.issued += 1;
    let answer = breaker.acquire(start + millis(passed), dice);
    let (expected, change) = model.ask(id, breaker, passed, start);
    match answer {
        Ok(permit) => {
            let found = if permit.is_probe() { Asked::Probe } else { Asked::Pass };
            prop_assert_eq!((found, moved(permit.change())), (expected, change));
            held.permits.push((id, model.stay, permit));
        }
        Err(refusal) => {
            prop_assert_eq!((Asked::Refuse, moved(refusal.change)), (expected, change));
            prop_assert!(refusal.retry_after > Duration::ZERO && refusal.state == model.state());
        }
    }
    Ok(())
}

fn check(breaker: &Breaker, model: &Model, passed: u64, start: Instant) -> Result<(), TestCaseError> {
    let status = breaker.status(start + millis(passed));
    prop_assert_eq!(status.state, model.state());
    let counted = count(&model.calls, passed / (WITHIN / 10));
    prop_assert_eq!((status.calls, status.failures, status.slow), counted);
    let probes = match &model.mode {
        Mode::HalfOpen { began, .. } => began.len(),
        _ => 0,
    };
    prop_assert_eq!(status.probes as usize, probes);
    prop_assert!(status.probes <= PROBES);
    let forced = match model.mode {
        Mode::Forced(to, until) if passed < until => Some((to, start + millis(until))),
        _ => None,
    };
    prop_assert_eq!(status.forced, forced);
    Ok(())
}

fn endings() -> impl Strategy<Value = Ending> {
    prop_oneof![
        4 => Just(Ending::Well),
        1 => Just(Ending::Slow),
        2 => Just(Ending::Failed),
        1 => Just(Ending::Unknown),
    ]
}

fn deeds() -> impl Strategy<Value = Deed> {
    let forced = prop_oneof![Just(Forced::Open), Just(Forced::Closed)];
    prop_oneof![
        20 => prop_oneof![4 => 0..60_u64, 1 => 60..1_500_u64].prop_map(Deed::Pass),
        40 => Just(Deed::Ask),
        40 => (any::<Index>(), endings()).prop_map(|(which, ending)| Deed::End(which, ending)),
        6 => any::<Index>().prop_map(Deed::Drop),
        4 => any::<Index>().prop_map(Deed::NoteLate),
        1 => (forced, 0..500_u64).prop_map(|(to, time)| Deed::Force(to, time)),
        1 => Just(Deed::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_does_what_a_naive_one_does(deeds in vec(deeds(), 1..400)) {
        do_deeds(deeds)?;
    }
}

#[test]
fn the_deeds_lead_through_every_state() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    let mut runner = TestRunner::deterministic();
    let stays: u32 = (0..50)
        .map(|_| vec(deeds(), 400).new_tree(&mut runner).expect("deeds").current())
        .map(|deeds| do_deeds(deeds).expect("as the naive one does"))
        .sum();
    assert!(stays > 50 * 5, "only {stays} changes: the comparison would prove little");
}
