//! The breaker as its callers see it.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use banyan_resilience::{
    Cause, Dice, Verdict,
    breaker::{Breaker, Change, Forced, Mode, Permit, Refusal, Settings, SettingsError, State, Ticket},
};
use tokio::time::Instant;

const FAILED: Verdict = Verdict::retryable(Cause::Timeout);
const QUICK: Duration = Duration::from_millis(10);

/// A breaker, and a clock that moves when told to.
struct Scene {
    breaker: Breaker,
    dice: Dice,
    now: Instant,
}

impl Scene {
    fn new(settings: Settings) -> Self {
        let scene = Self { breaker: Breaker::new(settings), dice: Dice::seeded(1), now: Instant::now() };
        // A breaker counts from the first moment it is told.
        assert_eq!(scene.state(), State::Closed);
        scene
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn ask(&self) -> Result<Permit<'_>, Refusal> {
        self.breaker.acquire(self.now, &self.dice)
    }

    fn end(&self, permit: Permit<'_>, verdict: Verdict, took: Duration) -> Option<Change> {
        permit.record(&verdict, took, self.now, &self.dice)
    }

    /// One call that takes no time.
    fn call(&self, verdict: Verdict) -> Option<Change> {
        let permit = self.ask().expect("the call may pass");
        self.end(permit, verdict, QUICK)
    }

    fn calls(&self, count: u32, verdict: Verdict) -> Vec<Change> {
        (0..count).filter_map(|_| self.call(verdict)).collect()
    }

    fn state(&self) -> State {
        self.breaker.status(self.now).state
    }

    /// Lets as much time pass as the breaker stays open.
    fn wait_until_half_open(&mut self) {
        let remaining = self.breaker.status(self.now).open_remaining.expect("it is open");
        self.pass(remaining);
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A breaker that has just opened.
fn opened(settings: Settings) -> Scene {
    let scene = Scene::new(settings);
    assert_eq!(scene.calls(20, FAILED).len(), 1);
    assert_eq!(scene.state(), State::Open);
    scene
}

/// A breaker whose next caller probes.
fn about_to_probe() -> Scene {
    let mut scene = opened(Settings::default());
    scene.wait_until_half_open();
    scene
}

mod settings {
    use super::*;

    #[test]
    fn defaults_are_the_ones_in_the_documentation() {
        let settings = Settings::default();
        let Mode::Ratio { failures, of_at_least, within, slow } = settings.mode() else {
            panic!("{settings:?}")
        };
        assert_eq!((failures.to_string().as_str(), of_at_least), ("50 %", 20));
        assert_eq!((within, slow), (seconds(10), None));
        assert_eq!((settings.open_for(), settings.open_at_most()), (seconds(5), seconds(8)));
        assert_eq!((settings.probes(), settings.close_after()), (3, 2));
        assert_eq!(settings.probe_timeout(), seconds(15));
    }

    #[test]
    fn a_breaker_that_could_never_open_or_close_is_refused() {
        let some = Settings::default();
        let zero = Duration::ZERO;
        let refused: [(Result<Settings, SettingsError>, &str); 15] = [
            (some.with_ratio(0.0, 20, seconds(10)), "failures is 0;"),
            (some.with_ratio(0.00001, 20, seconds(10)), "failures is"),
            (some.with_ratio(1.01, 20, seconds(10)), "failures is 1.01;"),
            (some.with_ratio(f64::NAN, 20, seconds(10)), "failures is NaN;"),
            (some.with_ratio(-0.5, 20, seconds(10)), "failures is -0.5;"),
            (some.with_ratio(0.5, 0, seconds(10)), "of_at_least is 0;"),
            (some.with_ratio(0.5, 20, zero), "within is 0ns;"),
            (some.with_slow(zero, 0.5), "slow.over is 0ns;"),
            (some.with_slow(seconds(1), 0.0), "slow.share is 0;"),
            (some.with_consecutive(0), "failures is 0;"),
            (some.with_open(zero, seconds(1)), "open_for is 0ns;"),
            (some.with_open(seconds(2), seconds(1)), "open_at_most is 1s;"),
            (some.with_probes(0, 1), "probes is 0;"),
            (some.with_probes(1, 0), "close_after is 0;"),
            (some.with_probe_timeout(zero), "probe_timeout is 0ns;"),
        ];
        for (result, message) in refused {
            let error = result.expect_err(message).to_string();
            assert!(error.starts_with(message) && error.contains("give "), "{error}");
        }
        let in_a_row = some.with_consecutive(5).unwrap();
        assert_eq!(in_a_row.with_slow(seconds(1), 0.5), Err(SettingsError::SlowWithoutRatio));
    }

    #[test]
    fn a_new_ratio_keeps_what_was_said_about_slow_calls() {
        let with_slow = Settings::default().with_slow(seconds(2), 0.8).unwrap();
        let Mode::Ratio { slow, .. } = with_slow.with_ratio(0.1, 5, seconds(1)).unwrap().mode() else {
            panic!("{with_slow:?}")
        };
        assert_eq!(slow.map(|slow| (slow.over, slow.share.get())), Some((seconds(2), 0.8)));
    }

    #[test]
    fn shares_are_exact_where_floating_point_is_not() {
        let Mode::Ratio { failures, .. } =
            Settings::default().with_ratio(0.07, 1, seconds(1)).unwrap().mode()
        else {
            panic!("a ratio")
        };
        assert!(failures.get() * 100.0 > 7.0, "the reason for this test");
        assert!(failures.is_reached(7, 100) && !failures.is_reached(6, 100));
        assert!(!failures.is_reached(0, 0));
    }
}

mod closed {
    use super::*;

    #[test]
    fn it_opens_at_the_share_of_at_least_so_many_calls_and_says_why() {
        let scene = Scene::new(Settings::default());
        assert_eq!(scene.calls(8, Verdict::Success), []);
        assert_eq!(scene.calls(8, FAILED), []);
        assert_eq!(scene.calls(3, Verdict::fatal(Cause::Reset)), []);
        assert_eq!(scene.breaker.status(scene.now).calls, 19);
        let change = scene.call(FAILED).expect("20 calls are enough");
        assert_eq!((change.from, change.to), (State::Closed, State::Open));
        assert_eq!(change.why.to_string(), "12 of 20 failed in 10 s (9 timeouts, 3 resets)");
    }

    #[test]
    fn below_the_share_it_stays_closed() {
        let scene = Scene::new(Settings::default());
        assert_eq!(scene.calls(11, Verdict::Success), []);
        assert_eq!(scene.calls(10, FAILED), []);
        assert_eq!(scene.state(), State::Closed);
        assert_eq!(scene.calls(1, FAILED).len(), 1, "11 of 22");
    }

    #[test]
    fn nothing_that_is_ignored_cancelled_or_dropped_counts() {
        let scene = Scene::new(Settings::default());
        for _ in 0..50 {
            assert_eq!(scene.call(Verdict::Ignored), None);
            assert_eq!(scene.call(Verdict::Cancelled), None);
            drop(scene.ask().unwrap());
        }
        let status = scene.breaker.status(scene.now);
        assert_eq!((status.calls, status.failures, status.slow), (0, 0, 0));
    }

    #[test]
    fn overload_is_a_failure_of_its_own_kind() {
        let scene = Scene::new(Settings::default());
        let changes = scene.calls(20, Verdict::Overload { retry_after: Some(seconds(1)) });
        assert_eq!(changes[0].why.to_string(), "20 of 20 failed in 10 s (20 overloads)");
    }

    #[test]
    fn an_idle_gap_is_forgotten() {
        let mut scene = Scene::new(Settings::default());
        assert_eq!(scene.calls(19, FAILED), []);
        scene.pass(seconds(3_600));
        assert_eq!(scene.breaker.status(scene.now).calls, 0);
        assert_eq!(scene.calls(19, FAILED), []);
        assert_eq!(scene.calls(1, FAILED).len(), 1);
    }

    #[test]
    fn the_window_slides_and_does_not_jump() {
        let mut scene = Scene::new(Settings::default());
        // Two failures a second for ten seconds make twenty, wherever in the clock's tens of seconds they begin.
        assert_eq!(scene.calls(1, Verdict::Success), []);
        scene.pass(seconds(17));
        for _ in 0..9 {
            assert_eq!(scene.calls(2, FAILED), []);
            scene.pass(seconds(1));
        }
        assert_eq!(scene.calls(1, FAILED), []);
        assert_eq!(scene.calls(1, FAILED).len(), 1);
    }

    #[test]
    fn slow_calls_open_it_though_they_succeed() {
        let scene = Scene::new(Settings::default().with_slow(seconds(2), 0.8).unwrap());
        let call = |took| scene.end(scene.ask().unwrap(), Verdict::Success, took);
        for _ in 0..3 {
            assert_eq!(call(seconds(2)), None, "exactly as long is not slower");
        }
        let changes: Vec<_> = (0..17).filter_map(|_| call(Duration::from_millis(2_001))).collect();
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].why.to_string(), "17 of 20 were slower than 2 s in 10 s");
    }

    #[test]
    fn a_slow_failure_is_one_call_that_is_both() {
        let scene = Scene::new(Settings::default().with_slow(seconds(2), 0.8).unwrap());
        assert_eq!(scene.end(scene.ask().unwrap(), FAILED, seconds(3)), None);
        let status = scene.breaker.status(scene.now);
        assert_eq!((status.calls, status.failures, status.slow), (1, 1, 1));
    }

    #[test]
    fn a_failure_noted_late_takes_the_place_of_its_success() {
        let scene = Scene::new(Settings::default());
        let tickets: Vec<Ticket> = (0..20)
            .map(|_| {
                let permit = scene.ask().unwrap();
                let ticket = permit.ticket();
                assert_eq!(scene.end(permit, Verdict::Success, QUICK), None);
                ticket
            })
            .collect();
        let note = |ticket| scene.breaker.note_late_failure(ticket, Cause::Invalid, scene.now, &scene.dice);
        for ticket in &tickets[..9] {
            assert_eq!(note(*ticket), None);
        }
        let status = scene.breaker.status(scene.now);
        assert_eq!((status.calls, status.failures, status.causes.of(Cause::Invalid)), (20, 9, 9));
        let change = note(tickets[9]).expect("10 of 20");
        assert_eq!(change.why.to_string(), "10 of 20 failed in 10 s (10 invalid answers)");
        assert_eq!(note(tickets[10]), None, "it has opened since that permit was issued");
    }
}

mod open {
    use super::*;

    #[test]
    fn it_refuses_until_its_time_is_over_and_says_how_long_that_is() {
        let mut scene = opened(Settings::default());
        let first = scene.ask().expect_err("it is open");
        assert!((seconds(4)..=seconds(5)).contains(&first.retry_after), "{first:?}");
        assert_eq!((first.state, first.change), (State::Open, None));
        scene.pass(seconds(1));
        assert_eq!(scene.ask().expect_err("it is open").retry_after, first.retry_after - seconds(1));
        scene.pass(first.retry_after - seconds(1));
        let permit = scene.ask().expect("its time is over");
        let change = permit.change().expect("asking has made it half-open");
        assert_eq!((change.from, change.to), (State::Open, State::HalfOpen));
        assert!(permit.is_probe());
    }

    #[test]
    fn it_stays_open_twice_as_long_each_time_up_to_the_most_and_starts_over_when_closed() {
        let mut scene = opened(Settings::default().with_open(seconds(5), seconds(60)).unwrap());
        for most in [5, 10, 20, 40, 60, 60, 60] {
            let remaining = scene.breaker.status(scene.now).open_remaining.unwrap();
            let most = seconds(most);
            assert!((most.mul_f64(0.8)..=most).contains(&remaining), "{remaining:?} of {most:?}");
            scene.wait_until_half_open();
            assert_eq!(scene.call(FAILED).unwrap().to, State::Open);
        }
        scene.wait_until_half_open();
        assert_eq!(scene.calls(2, Verdict::Success)[0].to, State::Closed);
        assert_eq!(scene.calls(20, FAILED).len(), 1);
        assert!(scene.breaker.status(scene.now).open_remaining.unwrap() <= seconds(5));
    }

    #[test]
    fn jitter_takes_up_to_a_fifth_and_uses_all_of_it() {
        let remaining = |seed| {
            let scene = Scene { dice: Dice::seeded(seed), ..Scene::new(Settings::default()) };
            scene.calls(20, FAILED);
            scene.breaker.status(scene.now).open_remaining.unwrap().as_secs_f64()
        };
        let times: Vec<f64> = (0..1_000).map(remaining).collect();
        let (least, most) = times.iter().fold((5.0_f64, 0.0_f64), |(a, b), t| (a.min(*t), b.max(*t)));
        assert!((4.0..4.05).contains(&least) && (4.95..=5.0).contains(&most), "{least} to {most}");
    }

    #[test]
    fn late_results_neither_close_it_nor_open_it_again() {
        let (breaker, dice, start) = (Breaker::new(Settings::default()), Dice::seeded(1), Instant::now());
        let mut early: Vec<_> = (0..100).map(|_| breaker.acquire(start, &dice).unwrap()).collect();
        let mut end = |verdict: Verdict, count: usize, now| -> Vec<Change> {
            let ended = early.drain(..count);
            ended.filter_map(|permit| permit.record(&verdict, QUICK, now, &dice)).collect()
        };
        assert_eq!(end(FAILED, 20, start).len(), 1);
        assert_eq!(end(Verdict::Success, 20, start), [], "open");

        let later = start + breaker.status(start).open_remaining.unwrap();
        let probe = breaker.acquire(later, &dice).unwrap();
        assert_eq!(end(Verdict::Success, 10, later), [], "half-open");
        assert_eq!(end(FAILED, 10, later), [], "half-open");

        assert_eq!(probe.record(&Verdict::Success, QUICK, later, &dice), None);
        let probe = breaker.acquire(later, &dice).unwrap();
        let change = probe.record(&Verdict::Success, QUICK, later, &dice).unwrap();
        assert_eq!(change.why.to_string(), "2 probes succeeded");
        assert_eq!(end(FAILED, 40, later), [], "closed again");
        let status = breaker.status(later);
        assert_eq!((status.state, status.calls, status.failures), (State::Closed, 0, 0));
    }

    #[test]
    fn closing_begins_with_an_empty_window() {
        let mut scene = opened(Settings::default().with_open(QUICK, QUICK).unwrap());
        scene.wait_until_half_open();
        assert_eq!(scene.calls(2, Verdict::Success).len(), 1);
        // The twenty failures were a moment ago.
        assert_eq!(scene.breaker.status(scene.now).calls, 0);
        assert_eq!(scene.calls(19, FAILED), []);
        assert_eq!(scene.calls(1, FAILED).len(), 1);
    }

    #[test]
    fn what_it_saw_is_shown_while_it_is_open() {
        let mut scene = opened(Settings::default());
        scene.pass(seconds(3));
        let (change, ago) = scene.breaker.status(scene.now).last.unwrap();
        assert_eq!(change.why.to_string(), "20 of 20 failed in 10 s (20 timeouts)");
        assert_eq!(ago, seconds(3));
    }
}

mod half_open {
    use super::*;

    #[test]
    fn as_many_probe_at_once_as_there_are_places() {
        let scene = about_to_probe();
        let probes: Vec<_> = (0..3).map(|_| scene.ask().unwrap()).collect();
        assert_eq!(scene.breaker.status(scene.now).probes, 3);
        let refusal = scene.ask().expect_err("all places are taken");
        assert_eq!(refusal.state, State::HalfOpen);
        assert!(refusal.retry_after > Duration::ZERO);
        drop(probes);
        assert_eq!(scene.breaker.status(scene.now).probes, 0);
    }

    #[test]
    fn one_failure_opens_it_again() {
        let scene = about_to_probe();
        let (first, second) = (scene.ask().unwrap(), scene.ask().unwrap());
        assert_eq!(scene.end(first, Verdict::Success, QUICK), None);
        let change = scene.end(second, FAILED, QUICK).unwrap();
        assert_eq!((change.from, change.to), (State::HalfOpen, State::Open));
        assert_eq!(change.why.to_string(), "a probe failed (1 timeout)");
    }

    #[test]
    fn a_probe_of_an_earlier_half_open_time_says_nothing_about_this_one() {
        let scene = about_to_probe();
        let breaker = &scene.breaker;
        let (early, bad) = (scene.ask().unwrap(), scene.ask().unwrap());
        assert!(scene.end(bad, FAILED, QUICK).is_some());
        let later = scene.now + seconds(10);
        let probe = breaker.acquire(later, &scene.dice).unwrap();
        assert_eq!(early.record(&Verdict::Success, QUICK, later, &scene.dice), None);
        assert_eq!(probe.record(&Verdict::Success, QUICK, later, &scene.dice), None, "the first of two");
        assert_eq!(breaker.status(later).state, State::HalfOpen);
    }

    #[test]
    fn a_probe_that_says_nothing_gives_its_place_back_and_counts_as_nothing() {
        let scene = about_to_probe();
        for turn in 0..30 {
            let probes: Vec<_> = (0..3).map(|_| scene.ask().unwrap()).collect();
            assert!(scene.ask().is_err());
            for probe in probes {
                match turn % 3 {
                    0 => drop(probe),
                    1 => assert_eq!(scene.end(probe, Verdict::Ignored, QUICK), None),
                    _ => assert_eq!(scene.end(probe, Verdict::Cancelled, QUICK), None),
                }
            }
        }
        assert_eq!(scene.state(), State::HalfOpen);
        assert_eq!(scene.calls(2, Verdict::Success).len(), 1);
    }

    #[test]
    fn a_probe_that_hangs_opens_it_again_when_the_next_one_asks() {
        let scene = about_to_probe();
        let hanging = scene.ask().unwrap();
        let just_before = scene.now + seconds(15) - QUICK;
        drop(scene.breaker.acquire(just_before, &scene.dice).expect("it may still answer"));
        let over = scene.now + seconds(15);
        let refusal = scene.breaker.acquire(over, &scene.dice).expect_err("it hung");
        let change = refusal.change.expect("asking has opened it");
        assert_eq!((change.from, change.to), (State::HalfOpen, State::Open));
        assert_eq!(change.why.to_string(), "a probe did not answer within 15 s");
        assert!((seconds(6)..=seconds(8)).contains(&refusal.retry_after), "{refusal:?}");
        assert_eq!(hanging.record(&Verdict::Success, seconds(15), over, &scene.dice), None);
        assert_eq!(scene.breaker.status(over).state, State::Open);
    }

    #[test]
    fn hanging_probes_do_not_keep_others_out_for_ever() {
        let scene = about_to_probe();
        let hanging: Vec<_> = (0..3).map(|_| scene.ask().unwrap()).collect();
        assert!(scene.breaker.acquire(scene.now + seconds(14), &scene.dice).is_err());
        let refusal = scene.breaker.acquire(scene.now + seconds(15), &scene.dice).unwrap_err();
        assert!(refusal.change.is_some());
        let later = scene.now + seconds(15) + refusal.retry_after;
        assert!(scene.breaker.acquire(later, &scene.dice).is_ok());
        drop(hanging);
        assert_eq!(scene.breaker.status(later).probes, 0);
    }

    #[test]
    fn a_success_after_the_probes_time_is_none() {
        let scene = about_to_probe();
        let probe = scene.ask().unwrap();
        let late = scene.now + seconds(16);
        let change = probe.record(&Verdict::Success, seconds(16), late, &scene.dice).unwrap();
        assert_eq!(change.to, State::Open);
    }

    #[test]
    fn a_slow_probe_has_failed() {
        let mut scene = opened(Settings::default().with_slow(seconds(2), 0.8).unwrap());
        scene.wait_until_half_open();
        let change = scene.end(scene.ask().unwrap(), Verdict::Success, seconds(3)).unwrap();
        assert_eq!(change.why.to_string(), "a probe was slower than 2 s");
    }

    #[test]
    fn places_serve_again_when_more_successes_are_wanted_than_there_are_places() {
        let mut scene = opened(Settings::default().with_probes(1, 5).unwrap());
        scene.wait_until_half_open();
        assert_eq!(scene.calls(4, Verdict::Success), []);
        assert_eq!(scene.call(Verdict::Success).unwrap().why.to_string(), "5 probes succeeded");
    }

    #[test]
    fn the_answer_to_a_probe_that_breaks_late_opens_it_again() {
        let scene = about_to_probe();
        let probe = scene.ask().unwrap();
        let ticket = probe.ticket();
        assert_eq!(scene.end(probe, Verdict::Success, QUICK), None);
        let note = || scene.breaker.note_late_failure(ticket, Cause::Reset, scene.now, &scene.dice);
        assert_eq!(note().unwrap().why.to_string(), "a probe failed (1 reset)");
        assert_eq!(note(), None, "it is open now");
    }

    #[test]
    fn a_probe_dropped_after_its_time_gives_back_nobody_elses_place() {
        let scene = about_to_probe();
        let early = scene.ask().unwrap();
        // Half-open again at the very same moment, so that only the epochs tell the probes apart.
        assert!(scene.breaker.force(Forced::Open, scene.now + seconds(1), scene.now).is_some());
        assert!(scene.breaker.release(scene.now).is_some());
        let probe = scene.ask().unwrap();
        drop(early);
        assert_eq!(scene.breaker.status(scene.now).probes, 1);
        drop(probe);
        assert_eq!(scene.breaker.status(scene.now).probes, 0);
    }

    #[test]
    fn nobody_asking_leaves_it_as_it_is() {
        let mut scene = about_to_probe();
        drop(scene.ask().unwrap());
        scene.pass(seconds(100_000));
        assert_eq!(scene.state(), State::HalfOpen);
        assert!(scene.ask().unwrap().is_probe());
    }
}

mod failures_in_a_row {
    use super::*;

    fn five() -> Settings {
        Settings::default().with_consecutive(5).expect("five is a number")
    }

    #[test]
    fn it_opens_after_so_many_however_far_apart() {
        let mut scene = Scene::new(five());
        for _ in 0..4 {
            assert_eq!(scene.call(FAILED), None);
            scene.pass(seconds(86_400));
        }
        assert_eq!(scene.call(FAILED).unwrap().why.to_string(), "5 failures in a row (5 timeouts)");
    }

    #[test]
    fn a_success_in_between_begins_anew_and_what_says_nothing_does_not() {
        let scene = Scene::new(five());
        for _ in 0..10 {
            assert_eq!(scene.calls(4, FAILED), []);
            assert_eq!(scene.breaker.status(scene.now).failures, 4);
            assert_eq!(scene.call(Verdict::Success), None);
            assert_eq!(scene.breaker.status(scene.now).failures, 0);
        }
        assert_eq!(scene.calls(4, FAILED), []);
        assert_eq!(scene.call(Verdict::Ignored), None);
        assert_eq!(scene.call(FAILED).unwrap().to, State::Open);
    }

    #[test]
    fn it_recovers_like_any_other_and_counts_from_nothing() {
        let mut scene = Scene::new(five());
        assert_eq!(scene.calls(5, FAILED).len(), 1);
        scene.wait_until_half_open();
        assert_eq!(scene.calls(2, Verdict::Success)[0].to, State::Closed);
        assert_eq!(scene.calls(4, FAILED), []);
        assert_eq!(scene.calls(1, FAILED).len(), 1);
    }

    #[test]
    fn late_failures_and_late_successes_do_not_matter() {
        let scene = Scene::new(five());
        let early: Vec<_> = (0..20).map(|_| scene.ask().unwrap()).collect();
        assert_eq!(scene.calls(5, FAILED).len(), 1);
        for permit in early {
            assert_eq!(scene.end(permit, FAILED, QUICK), None);
        }
        assert_eq!(scene.state(), State::Open);
    }

    #[test]
    fn an_answer_that_breaks_late_goes_on_with_the_run() {
        let scene = Scene::new(five());
        let permit = scene.ask().unwrap();
        let ticket = permit.ticket();
        assert_eq!(scene.end(permit, Verdict::Success, QUICK), None);
        assert_eq!(scene.calls(4, FAILED), []);
        let change = scene.breaker.note_late_failure(ticket, Cause::Reset, scene.now, &scene.dice);
        assert_eq!(change.unwrap().why.to_string(), "5 failures in a row (4 timeouts, 1 reset)");
    }
}

mod forced {
    use super::*;

    #[test]
    fn closed_lets_everything_pass_and_ends_by_itself_with_nothing_held_against_it() {
        let mut scene = Scene::new(Settings::default());
        let until = scene.now + seconds(60);
        let change = scene.breaker.force(Forced::Closed, until, scene.now).unwrap();
        assert_eq!(change.why.to_string(), "forced closed for 60 s");
        assert_eq!(scene.calls(100, FAILED), []);
        let status = scene.breaker.status(scene.now);
        assert_eq!((status.state, status.failures), (State::Closed, 100), "it goes on counting");
        assert_eq!(status.forced, Some((Forced::Closed, until)));

        scene.pass(seconds(60));
        assert_eq!(scene.breaker.status(scene.now).forced, None);
        let permit = scene.ask().unwrap();
        let change = permit.change().unwrap();
        assert_eq!(change.why.to_string(), "the time of the forced state is over");
        assert_eq!(scene.end(permit, FAILED, QUICK), None);
        assert_eq!(scene.breaker.status(scene.now).calls, 1);
        assert_eq!(scene.calls(19, FAILED).len(), 1, "its own again");
    }

    #[test]
    fn open_refuses_everything_and_ends_by_itself_with_probes() {
        let mut scene = Scene::new(Settings::default());
        assert!(scene.breaker.force(Forced::Open, scene.now + seconds(60), scene.now).is_some());
        let refusal = scene.ask().unwrap_err();
        assert_eq!((refusal.retry_after, refusal.state), (seconds(60), State::Open));
        scene.pass(seconds(59));
        assert!(scene.ask().is_err());
        scene.pass(seconds(1));
        let permit = scene.ask().unwrap();
        let change = permit.change().unwrap();
        assert_eq!((change.from, change.to), (State::Open, State::HalfOpen));
        assert!(permit.is_probe());
    }

    #[test]
    fn it_ends_when_released() {
        let scene = Scene::new(Settings::default());
        let until = scene.now + seconds(60);
        assert_eq!(scene.breaker.release(scene.now), None, "nothing is forced");
        assert!(scene.breaker.force(Forced::Open, until, scene.now).is_some());
        assert_eq!(scene.breaker.force(Forced::Open, until, scene.now), None, "it is forced already");
        assert_eq!(scene.breaker.release(scene.now).unwrap().to, State::HalfOpen);
        assert!(scene.breaker.force(Forced::Closed, until, scene.now).is_some());
        let change = scene.breaker.release(scene.now).unwrap();
        assert_eq!((change.from, change.to), (State::Closed, State::Closed));
    }

    #[test]
    fn a_breaker_that_nobody_has_used_can_be_forced() {
        let (breaker, now) = (Breaker::new(Settings::default()), Instant::now());
        assert!(breaker.force(Forced::Open, now + seconds(60), now).is_some());
        assert_eq!(breaker.acquire(now, &Dice::seeded(1)).unwrap_err().retry_after, seconds(60));
    }

    #[test]
    fn a_time_that_is_over_forces_nothing() {
        let scene = opened(Settings::default());
        assert_eq!(scene.breaker.force(Forced::Closed, scene.now, scene.now), None);
        assert_eq!(scene.state(), State::Open);
        assert_eq!(scene.breaker.release(scene.now), None, "what opened by itself is not released by hand");
    }

    #[test]
    fn an_open_breaker_can_be_forced_closed_and_the_other_way_round() {
        let scene = opened(Settings::default());
        let until = scene.now + seconds(60);
        let change = scene.breaker.force(Forced::Closed, until, scene.now).unwrap();
        assert_eq!((change.from, change.to), (State::Open, State::Closed));
        assert_eq!(scene.calls(100, FAILED), []);
        let change = scene.breaker.force(Forced::Open, until, scene.now).unwrap();
        assert_eq!((change.from, change.to), (State::Closed, State::Open));
        assert!(scene.ask().is_err());
    }

    #[test]
    fn results_of_before_do_not_end_it() {
        let scene = about_to_probe();
        let probes: Vec<_> = (0..3).map(|_| scene.ask().unwrap()).collect();
        assert!(scene.breaker.force(Forced::Open, scene.now + seconds(60), scene.now).is_some());
        for probe in probes {
            assert_eq!(scene.end(probe, Verdict::Success, QUICK), None);
        }
        assert!(scene.ask().is_err());
    }
}

mod clocks {
    use super::*;

    #[test]
    fn a_moment_before_the_first_is_the_first() {
        let start = Instant::now() + seconds(100);
        let (breaker, dice) = (Breaker::new(Settings::default()), Dice::seeded(1));
        assert_eq!(breaker.status(start).calls, 0);
        for back in 0..19 {
            let permit = breaker.acquire(start - seconds(back), &dice).unwrap();
            assert_eq!(permit.record(&FAILED, QUICK, start - seconds(back), &dice), None);
        }
        assert_eq!(breaker.status(start).failures, 19);
        let permit = breaker.acquire(start, &dice).unwrap();
        assert!(permit.record(&FAILED, QUICK, start, &dice).is_some());
        assert!(breaker.acquire(start - seconds(50), &dice).is_err());
    }

    #[test]
    fn a_moment_in_the_past_is_counted_where_it_belongs() {
        let mut scene = Scene::new(Settings::default());
        let start = scene.now;
        scene.pass(seconds(12));
        assert_eq!(scene.calls(3, FAILED), []);
        let ahead = scene.now;
        scene.now = start + seconds(7);
        assert_eq!(scene.calls(4, FAILED), []);
        assert_eq!(scene.breaker.status(ahead).failures, 7);
        assert_eq!(scene.breaker.status(ahead + seconds(4)).failures, 7);
        assert_eq!(scene.breaker.status(ahead + seconds(5)).failures, 3, "those of the past left first");
    }

    #[test]
    fn a_moment_of_before_the_window_is_dropped() {
        let mut scene = Scene::new(Settings::default());
        let start = scene.now;
        scene.pass(seconds(10));
        assert_eq!(scene.calls(3, FAILED), []);
        assert_eq!(scene.calls(3, Verdict::Success), []);
        let ahead = scene.now;
        scene.now = start;
        assert_eq!(scene.calls(5, FAILED), []);
        assert_eq!(scene.calls(5, Verdict::Success), []);
        let status = scene.breaker.status(ahead);
        assert_eq!((status.calls, status.failures), (6, 3));
    }

    #[test]
    fn probes_of_a_clock_that_went_back_take_and_free_places_all_the_same() {
        let scene = about_to_probe();
        let earlier = scene.now - seconds(2);
        let first = scene.ask().unwrap();
        let second = scene.breaker.acquire(earlier, &scene.dice).unwrap();
        assert_eq!(second.record(&Verdict::Success, QUICK, earlier, &scene.dice), None);
        assert_eq!(scene.breaker.status(earlier).probes, 1);
        assert!(first.record(&Verdict::Success, QUICK, earlier, &scene.dice).is_some());
    }
}

mod threads {
    use super::*;

    const THREADS: u32 = 8;

    #[test]
    fn ten_thousand_racing_callers_take_three_places() {
        for _ in 0..20 {
            let scene = about_to_probe();
            let (start, let_in) = (Barrier::new(THREADS as usize), AtomicU32::new(0));
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        start.wait();
                        let permits: Vec<_> =
                            (0..10_000 / THREADS).filter_map(|_| scene.ask().ok()).collect();
                        let_in.fetch_add(u32::try_from(permits.len()).unwrap(), SeqCst);
                        // Nobody gives a place back before everybody has asked.
                        start.wait();
                    });
                }
            });
            assert_eq!(let_in.into_inner(), 3);
            assert_eq!(scene.breaker.status(scene.now).probes, 0, "all places came back");
        }
    }

    #[test]
    fn places_that_come_and_go_are_never_more_than_there_are() {
        let settings = Settings::default().with_probes(3, 1_000).unwrap();
        let mut scene = opened(settings);
        scene.wait_until_half_open();
        let (probing, most, done) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (scene, probing, most, done) = (&scene, &probing, &most, &done);
                scope.spawn(move || {
                    for call in 0..10_000 / THREADS {
                        let Ok(permit) = scene.ask() else { continue };
                        most.fetch_max(probing.fetch_add(1, SeqCst) + 1, SeqCst);
                        std::hint::black_box(call);
                        probing.fetch_sub(1, SeqCst);
                        done.fetch_add(1, SeqCst);
                        if (call + thread) % 2 == 0 {
                            drop(permit);
                        } else {
                            assert_eq!(scene.end(permit, Verdict::Ignored, QUICK), None);
                        }
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.into_inner()));
        assert!(done.into_inner() >= 3);
        assert_eq!(scene.breaker.status(scene.now).probes, 0);
    }

    #[test]
    fn no_result_is_lost_and_none_is_counted_twice() {
        let never = Settings::default().with_ratio(1.0, u32::MAX, seconds(3_600)).unwrap();
        let scene = Scene::new(never);
        const EACH: u64 = 20_000;
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let scene = &scene;
                scope.spawn(move || {
                    for call in 0..EACH {
                        let verdict = if call % 100 == 0 { FAILED } else { Verdict::Success };
                        let now = scene.now + seconds(u64::from(thread) * 60) + QUICK * (call % 7) as u32;
                        let permit = scene.breaker.acquire(now, &scene.dice).unwrap();
                        assert_eq!(permit.record(&verdict, QUICK, now, &scene.dice), None);
                    }
                });
            }
        });
        let status = scene.breaker.status(scene.now + seconds(480));
        let all = u64::from(THREADS) * EACH;
        assert_eq!((status.calls, status.failures), (all, all / 100));
    }

    #[test]
    fn one_of_many_failures_at_once_is_told_that_it_opened_the_breaker() {
        for _ in 0..50 {
            let scene = Scene::new(Settings::default());
            let (start, changes) = (Barrier::new(THREADS as usize), AtomicU32::new(0));
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        let permits: Vec<_> = (0..50).map(|_| scene.ask().unwrap()).collect();
                        start.wait();
                        for permit in permits {
                            if scene.end(permit, FAILED, QUICK).is_some() {
                                changes.fetch_add(1, SeqCst);
                            }
                        }
                    });
                }
            });
            assert_eq!(changes.into_inner(), 1);
        }
    }

    #[test]
    fn it_is_shared_between_threads_and_permits_may_cross_them() {
        fn sent<T: Send + Sync>() {}
        sent::<Breaker>();
        sent::<Permit<'_>>();
    }
}
