//! Evidence as a whole: put together, written down, and what it takes to call a candidate worse.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{Millis, Plan, Settings, Side, Sides, Source};

const START: Millis = Millis(1_700_000_000_000);

fn scope(percent: &str) -> Scope {
    Scope { epoch: 1, lap: 1, percent: percent.parse().unwrap(), began: START }
}

fn at(seconds: u64) -> Millis {
    START.after(Duration::from_secs(seconds))
}

fn plan() -> Plan {
    Plan::new(Settings::default()).unwrap()
}

fn judge() -> Judge {
    Judge::new(scope("1%"), ["/a", "/b"], START)
}

fn answer(side: Side, failed: bool, subject: u64) -> Observation {
    Observation {
        route: RouteIndex(0),
        side,
        failed,
        latency_us: 1_000,
        degraded: false,
        compared: false,
        subject,
    }
}

fn pair(candidate_failed: bool, control_failed: bool, subject: u64) -> Compared {
    Compared {
        route: RouteIndex(1),
        answers: Sides { candidate: Count::one(candidate_failed), control: Count::one(control_failed) },
        contents: None,
        subject,
    }
}

fn is_worse(judge: &Judge) -> bool {
    judge.verdict(&plan()) != Verdict::Fine
}

#[test]
fn one_subject_that_fails_for_ever_is_no_reason_to_roll_back() {
    let mut judge = judge();
    for _ in 0..1_000 {
        assert!(judge.observe(&answer(Side::Candidate, true, 7), at(1)).contains(Metric::Errors));
    }
    assert!(!is_worse(&judge));
    for subject in [8, 9] {
        assert!(!is_worse(&judge));
        let _ = judge.observe(&answer(Side::Candidate, true, subject), at(1));
    }
    let Verdict::Worse(worse) = judge.verdict(&plan()) else { panic!("three subjects failed") };
    assert_eq!((worse.metric, worse.subjects), (Metric::Errors, 3));
    assert_eq!(worse.strata[0].counts.candidate, Count { failures: 1_002, of: 1_002 });
}

#[test]
fn subjects_that_failed_long_ago_do_not_make_one_that_fails_now_a_reason() {
    let mut judge = judge();
    for subject in 0..3 {
        let _ = judge.observe(&answer(Side::Candidate, true, subject), at(1));
    }
    // What the control fails meanwhile takes the money of the bets of that time away.
    for second in 0..3_600 {
        for n in 0..200 {
            let side = if n % 100 == 50 { Side::Candidate } else { Side::Control };
            let _ = judge.observe(&answer(side, n == 0, n), at(second));
        }
        judge.tick(at(second));
        assert!(second < 10 || !is_worse(&judge), "{second}");
    }
    for _ in 0..12 {
        let _ = judge.observe(&answer(Side::Candidate, true, 7), at(3_600));
    }
    assert!(!is_worse(&judge));
}

#[test]
fn what_the_control_fails_as_often_is_not_held_against_the_candidate() {
    let mut judge = judge();
    for n in 0..200_000_u64 {
        let side = if n % 100 == 0 { Side::Candidate } else { Side::Control };
        let _ = judge.observe(&answer(side, n / 100 % 10 == 0, n), at(n / 1_000));
        judge.tick(at(n / 1_000));
        assert!(n % 100 != 0 || !is_worse(&judge));
    }
}

#[test]
fn a_failure_that_is_told_twice_counts_once() {
    let mut judge = judge();
    for subject in 0..50 {
        let observed =
            judge.observe(&Observation { compared: true, ..answer(Side::Candidate, true, subject) }, at(1));
        assert!(observed.is_empty(), "its pair tells it");
    }
    assert!(!is_worse(&judge));
    assert_eq!(judge.evidence().tally.errors.candidate.failures, 50, "gates see it nevertheless");
    for subject in 0..50 {
        assert!(judge.compare(&pair(true, false, subject), at(1)).contains(Metric::Errors));
    }
    assert!(is_worse(&judge));
}

#[test]
fn latency_is_judged_by_the_control_alone() {
    let mut judge = judge();
    let slow = |side, subject| Observation { latency_us: 90_000, ..answer(side, false, subject) };
    for subject in 0..100 {
        assert!(
            judge.observe(&slow(Side::Candidate, subject), at(1)).is_empty(),
            "nobody knows yet what is slow"
        );
    }
    (0..1_000).for_each(|n| {
        let _ = judge.observe(&answer(Side::Control, false, n), at(1));
    });
    // However many are slow at once, that is one moment, and may be a hiccup.
    for subject in 0..1_000 {
        assert!(judge.observe(&slow(Side::Candidate, subject), at(2)).contains(Metric::Latency));
        let _ = judge.observe(&answer(Side::Control, false, subject), at(2));
    }
    assert!(!is_worse(&judge));
    for second in 3..40 {
        for subject in 0..30 {
            let _ = judge.observe(&slow(Side::Candidate, subject), at(second));
            let _ = judge.observe(&answer(Side::Control, false, subject), at(second));
        }
    }
    let Verdict::Worse(worse) = judge.verdict(&plan()) else { panic!("all are slow, all the time") };
    assert_eq!(worse.metric, Metric::Latency);
    let failed = Observation { failed: true, ..slow(Side::Candidate, 1) };
    assert!(!judge.observe(&failed, at(2)).contains(Metric::Latency), "a timeout is an error already");
}

#[test]
fn mismatches_need_the_control_asked_again() {
    let mut judge = judge();
    let differs = Contents { other_only: true, again_only: false };
    let triple = Compared { contents: Some(differs), ..pair(false, false, 0) };
    for subject in 0..30 {
        let _ = judge.compare(&Compared { subject, ..triple }, at(1));
    }
    let Verdict::Worse(worse) = judge.verdict(&plan()) else { panic!("thirty of thirty differ") };
    assert_eq!((worse.metric, worse.strata[0].source), (Metric::Mismatches, Source::Pair));
    let noise = Compared { contents: Some(Contents { other_only: true, again_only: true }), ..triple };
    assert!(judge.compare(&noise, at(1)).is_empty(), "where both differ there is noise");
}

#[test]
fn exhibits_of_the_metric_come_with_the_verdict() {
    let mut judge = judge();
    for subject in 0..4 {
        let failed = judge.observe(&answer(Side::Candidate, true, subject), at(subject));
        let metric = failed.first().unwrap();
        judge.exhibit(Exhibit {
            at: at(subject),
            metric,
            route: "/a".to_owned(),
            source: Source::Live,
            what: "502".to_owned(),
            latency_us: Some(1_200),
            trace: format!("{subject:032x}"),
        });
    }
    let Verdict::Worse(worse) = judge.verdict(&plan()) else { panic!("four of four failed") };
    assert_eq!(worse.exhibits.len(), 4);
    assert_eq!(worse.exhibits[0].at, at(3), "the newest first");
}

#[test]
fn a_new_percentage_starts_the_gates_anew_and_keeps_the_evidence() {
    let mut judge = judge();
    let _ = judge.observe(&answer(Side::Candidate, true, 1), at(1));
    judge.enter(Scope { lap: 2, percent: "5%".parse().unwrap(), ..scope("1%") }, at(60));
    let evidence = judge.evidence();
    assert_eq!((evidence.lap, evidence.tally.errors.candidate.of), (2, 0));
    let Some(figures) = evidence.judge(&plan(), judge.scope().percent).figures.into_iter().next() else {
        panic!("errors are judged")
    };
    assert!(figures.e_value > 1.0 && figures.subjects == 1, "{figures:?}");
    judge.enter(Scope { epoch: 2, lap: 0, ..scope("1%") }, at(120));
    assert_eq!(judge.evidence().strata, []);
}

#[test]
fn a_restarted_node_goes_on_with_what_it_had() {
    let mut first = judge();
    for subject in 0..2 {
        let _ = first.observe(&answer(Side::Candidate, true, subject), at(1));
    }
    assert!(!is_worse(&first));
    let text = serde_json::to_string(&first.evidence()).unwrap();
    let mut second = Judge::resume(scope("1%"), ["/a", "/b"], serde_json::from_str(&text).unwrap(), at(5));
    for subject in 2..4 {
        let _ = second.observe(&answer(Side::Candidate, true, subject), at(6));
    }
    assert!(is_worse(&second));
    let tally = second.evidence().tally;
    assert_eq!(tally.errors.candidate, Count { failures: 4, of: 4 });
}

#[test]
fn more_routes_than_are_told_apart_share_one_name() {
    let names: Vec<String> = (0..100).map(|n| format!("/{n}")).collect();
    let mut judge = Judge::new(scope("1%"), names, START);
    for route in 0..=u16::MAX {
        let seen =
            Observation { route: RouteIndex(route), ..answer(Side::Candidate, true, u64::from(route)) };
        let _ = judge.observe(&seen, at(1));
    }
    let evidence = judge.evidence();
    assert_eq!(evidence.strata.len(), 65);
    let other = evidence.strata.iter().find(|stratum| stratum.route == "(other)").unwrap();
    assert_eq!(other.seen.candidate, 65_536 - 64);
}

#[test]
fn evidence_is_compact() {
    let mut judge = judge();
    for n in 0..100_000_u64 {
        let side = if n % 100 == 0 { Side::Candidate } else { Side::Control };
        let seen = Observation { latency_us: 1_000 + n * 7_919 % 40_000, ..answer(side, n % 1_009 == 0, n) };
        let _ = judge.observe(&seen, at(n / 100));
        judge.tick(at(n / 100));
    }
    let text = serde_json::to_string(&judge.evidence()).unwrap();
    assert!(text.len() < 16_384, "{}: {text}", text.len());
}

#[test]
fn gates_hold_without_data_and_pass_with_enough() {
    let (plan, percent) = (plan(), scope("1%").percent);
    let mut judge = judge();
    let nothing = judge.evidence().judge(&plan, percent);
    assert!(nothing.gates.iter().all(|gate| gate.verdict == GateVerdict::Hold), "{:?}", nothing.gates);
    assert!(!nothing.may_advance());

    for n in 0..30_000_u64 {
        let side = if n % 100 == 0 { Side::Candidate } else { Side::Control };
        let _ = judge.observe(&answer(side, false, n), at(n / 1_000));
    }
    let held = judge.evidence().judge(&plan, percent);
    let verdicts = |judgement: &Judgement| {
        let verdicts = judgement.gates.iter().map(|gate| (gate.name, gate.verdict));
        verdicts.filter(|(_, verdict)| *verdict != GateVerdict::Pass).collect::<Vec<_>>()
    };
    assert_eq!(
        verdicts(&held),
        [("mismatches", GateVerdict::Hold)],
        "nothing was compared yet: {:?}",
        held.gates
    );

    let same = Compared { contents: Some(Contents::default()), ..pair(false, false, 0) };
    for subject in 0..3_000 {
        let _ = judge.compare(&Compared { subject, ..same }, at(31));
    }
    let passed = judge.evidence().judge(&plan, percent);
    assert_eq!(verdicts(&passed), []);
    assert!(passed.may_advance());
    let full = judge.evidence().judge(&plan, Percent::FULL);
    let alone = [("latency_p99", GateVerdict::NotMeasured)];
    assert_eq!(verdicts(&full), alone, "at 100% there is nobody to compare with but what legacy did before");
}

#[test]
fn whoever_fails_everybody_at_100_percent_is_not_well() {
    let mut judge = judge();
    for n in 0..10_000_u64 {
        let _ = judge.observe(&answer(Side::Control, n % 1_000 == 0, n), at(n / 1_000));
    }
    let before = judge.evidence();
    let at_100 = |failing: u64| {
        let mut judge =
            Judge::resume(Scope { lap: 2, ..scope("100%") }, ["/a", "/b"], before.clone(), at(20));
        for n in 0..2_000 {
            let _ = judge.observe(&answer(Side::Candidate, n < failing, n), at(20 + n / 1_000));
        }
        let judgement = judge.evidence().judge(&plan(), Percent::FULL);
        judgement.gates.into_iter().find(|gate| gate.name == "excess_errors").unwrap()
    };
    let (well, ill) = (at_100(2), at_100(1_900));
    assert_eq!(well.verdict, GateVerdict::Pass, "{well:?}");
    assert_eq!(ill.verdict, GateVerdict::Hold, "{ill:?}");
    assert!(ill.why.contains("more often than legacy before"), "{}", ill.why);
    // Nobody ever saw legacy: nothing is claimed.
    let mut alone = Judge::new(scope("100%"), ["/a", "/b"], START);
    let _ = alone.observe(&answer(Side::Candidate, true, 1), at(1));
    let judgement = alone.evidence().judge(&plan(), Percent::FULL);
    assert_eq!(judgement.gates[1].verdict, GateVerdict::NotMeasured);
}

#[test]
fn a_slow_candidate_does_not_pass_the_latency_gate() {
    let mut judge = judge();
    for n in 0..60_000_u64 {
        let (side, scale) = if n % 100 == 0 { (Side::Candidate, 2) } else { (Side::Control, 1) };
        let seen = Observation { latency_us: scale * (1_000 + n / 100 % 100), ..answer(side, false, n) };
        let _ = judge.observe(&seen, at(n / 1_000));
    }
    let judgement = judge.evidence().judge(&plan(), scope("1%").percent);
    let gate = judgement.gates.iter().find(|gate| gate.name == "latency_p99").unwrap();
    assert_eq!(gate.verdict, GateVerdict::Hold);
    assert!(gate.measured.is_some_and(|measured| (measured - 1.0).abs() < 0.13), "{gate:?}");
}

/// What may happen on a node, with the seconds until it does.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Answer(Observation),
    Pair(Compared),
}

fn any_subject() -> impl Strategy<Value = u64> {
    0u64..100
}

prop_compose! {
    fn any_answer()(
        route in 0u16..4, candidate in any::<bool>(), failed in any::<bool>(), latency_us in 0u64..100_000,
        degraded in any::<bool>(), compared in any::<bool>(), subject in any_subject(),
    ) -> Observation {
        let side = if candidate { Side::Candidate } else { Side::Control };
        Observation { route: RouteIndex(route), side, failed, latency_us, degraded, compared, subject }
    }
}

prop_compose! {
    fn any_pair()(
        route in 0u16..4, candidate in any_count(), control in any_count(),
        contents in prop::option::of((any::<bool>(), any::<bool>())), subject in any_subject(),
    ) -> Compared {
        let contents = contents.map(|(other_only, again_only)| Contents { other_only, again_only });
        Compared { route: RouteIndex(route), answers: Sides { candidate, control }, contents, subject }
    }
}

prop_compose! {
    fn any_count()(of in 0u64..3, failures in 0u64..3) -> Count {
        Count { failures: failures.min(of), of }
    }
}

fn any_happenings() -> impl Strategy<Value = Vec<(Happens, u64)>> {
    let happens = prop_oneof![any_answer().prop_map(Happens::Answer), any_pair().prop_map(Happens::Pair)];
    prop::collection::vec((happens, 0u64..90), 0..80)
}

fn played(happens: &[(Happens, u64)]) -> Evidence {
    let (mut judge, mut seconds) = (judge(), 0);
    for (happens, wait) in happens {
        seconds += wait;
        judge.tick(at(seconds));
        let _ = match happens {
            Happens::Answer(seen) => judge.observe(seen, at(seconds)),
            Happens::Pair(seen) => judge.compare(seen, at(seconds)),
        };
    }
    judge.evidence()
}

fn merged(first: &Evidence, second: &Evidence) -> Evidence {
    let mut merged = first.clone();
    merged.merge(second).unwrap();
    merged
}

proptest! {
    #[test]
    fn merging_does_not_depend_on_the_order(a in any_happenings(), b in any_happenings(), c in any_happenings()) {
        let [a, b, c] = [a, b, c].map(|happens| played(&happens));
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
    }

    #[test]
    fn evidence_of_another_epoch_is_refused(a in any_happenings()) {
        let mut own = Evidence::none(2, 1);
        prop_assert!(own.merge(&played(&a)).is_err());
        prop_assert_eq!(own, Evidence::none(2, 1));
    }

    /// In pairs the share is the same for all, so it does not matter who saw what.
    #[test]
    fn what_two_nodes_saw_is_what_one_would_have_seen(
        happens in prop::collection::vec((any_pair(), any::<bool>(), 0u64..90), 0..80),
    ) {
        let mut all = judge();
        let mut nodes = [judge(), judge()];
        let mut seconds = 0;
        for (seen, second, wait) in happens {
            seconds += wait;
            [&mut all].into_iter().chain(&mut nodes).for_each(|judge| judge.tick(at(seconds)));
            let _ = all.compare(&seen, at(seconds));
            let _ = nodes[usize::from(second)].compare(&seen, at(seconds));
        }
        let both = merged(&nodes[0].evidence(), &nodes[1].evidence());
        let one = merged(&all.evidence(), &Evidence::none(1, 1));
        prop_assert_eq!(both, one);
    }

    #[test]
    fn what_is_written_down_reads_back(happens in any_happenings()) {
        let evidence = played(&happens);
        let text = serde_json::to_string(&evidence).unwrap();
        prop_assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
    }

    #[test]
    fn bets_never_leave_what_can_be_written(happens in any_happenings()) {
        let judgement = played(&happens).judge(&plan(), scope("1%").percent);
        for figures in judgement.figures {
            prop_assert!(figures.e_value.is_finite() && figures.e_value >= 0.0);
            if let Some(excess) = figures.excess {
                prop_assert!(excess.low <= excess.measured && excess.measured <= excess.high);
            }
        }
    }
}
