use std::{cell::Cell, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::{Cause, Dice, Verdict};

const FAILURE: Verdict = Verdict::retryable(Cause::Error);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn overload(retry_after: Duration) -> Verdict {
    Verdict::Overload { retry_after: Some(retry_after) }
}

/// The first attempt of a request that may run twice, with ten seconds left.
fn situation(verdict: &Verdict) -> Situation<'_> {
    let now = Instant::now();
    Situation { attempt: 1, verdict, repeatable: true, now, deadline: Some(now + millis(10_000)) }
}

fn next(situation: &Situation<'_>) -> Next {
    decide(&Settings::default(), situation, &Dice::seeded(1), || true)
}

#[test]
fn a_failure_is_followed_by_another_attempt_until_there_were_enough() {
    let first = situation(&FAILURE);
    assert!(matches!(next(&first), Next::After(wait) if wait <= millis(50)));
    assert!(matches!(next(&Situation { attempt: 2, ..first }), Next::After(wait) if wait <= millis(100)));
    for attempt in [3, 4, u32::MAX] {
        assert_eq!(next(&Situation { attempt, ..first }), Next::Stop(Stop::Attempts));
    }
}

#[test]
fn nothing_but_failures_that_may_pass_is_repeated() {
    for (verdict, stop) in [
        (Verdict::Success, Stop::Success),
        (Verdict::Cancelled, Stop::Cancelled),
        (Verdict::fatal(Cause::Error), Stop::Fatal),
        (Verdict::fatal(Cause::Unreachable), Stop::Fatal),
    ] {
        assert_eq!(next(&situation(&verdict)), Next::Stop(stop), "{verdict:?}");
    }
}

#[test]
fn a_refusal_by_an_open_breaker_is_never_repeated() {
    for attempt in 1..=10 {
        for repeatable in [true, false] {
            let refused = Situation { attempt, repeatable, ..situation(&Verdict::Ignored) };
            assert_eq!(next(&refused), Next::Stop(Stop::Ignored));
        }
    }
}

#[test]
fn what_may_not_run_twice_is_repeated_only_when_it_was_not_reached() {
    let once = |verdict: &Verdict| next(&Situation { repeatable: false, ..situation(verdict) });
    for cause in Cause::ALL {
        let verdict = Verdict::retryable(cause);
        match cause {
            Cause::Unreachable => assert!(matches!(once(&verdict), Next::After(_))),
            _ => assert_eq!(once(&verdict), Next::Stop(Stop::NotRepeatable), "{cause}"),
        }
    }
    assert_eq!(once(&overload(millis(10))), Next::Stop(Stop::NotRepeatable));
}

#[test]
fn a_post_needs_a_key_or_the_proof_that_it_was_not_sent() {
    let facts = |method| Facts { idempotent: is_idempotent(method), body_kept: true, ..Facts::default() };
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
        assert!(facts(method).repeatable(), "{method}");
    }
    for method in ["POST", "PATCH", "CONNECT", "get", "BREW", ""] {
        assert!(!facts(method).repeatable(), "{method}");
        assert!(Facts { keyed: true, ..facts(method) }.repeatable(), "{method} with a key");
        assert!(Facts { unsent: true, ..facts(method) }.repeatable(), "{method} that was not sent");
    }
}

#[test]
fn a_body_over_the_limit_or_an_answer_under_way_forbids_it_whatever_else_is_true() {
    let best = Facts { idempotent: true, keyed: true, unsent: true, body_kept: true, answered: false };
    assert!(best.repeatable());
    assert!(!Facts { body_kept: false, ..best }.repeatable());
    assert!(!Facts { answered: true, ..best }.repeatable());
}

#[test]
fn the_deadline_passing_in_the_backoff_stops() {
    // The wait of the seed is known, so the deadline can be put exactly on either side of it.
    let wait = Settings::default().delay(1, &Dice::seeded(1));
    assert!(!wait.is_zero());
    let first = situation(&FAILURE);
    let until = |deadline| next(&Situation { deadline: Some(deadline), ..first });
    assert_eq!(until(first.now + wait), Next::Stop(Stop::Deadline));
    assert_eq!(until(first.now + wait + Duration::from_nanos(1)), Next::After(wait));
    assert_eq!(until(first.now), Next::Stop(Stop::Deadline));
    assert_eq!(until(first.now - millis(1)), Next::Stop(Stop::Deadline));
}

#[test]
fn retry_after_is_waited_for_when_it_fits_before_the_deadline() {
    let verdict = overload(millis(2_000));
    let asked = situation(&verdict);
    // With room: at least what was asked, and not everybody at the same instant.
    let waits: Vec<_> = (0..20)
        .map(|seed| decide(&Settings::default(), &asked, &Dice::seeded(seed), || true))
        .map(|next| match next {
            Next::After(wait) => wait,
            Next::Stop(stop) => panic!("{stop}"),
        })
        .collect();
    assert!(waits.iter().all(|wait| (millis(2_000)..=millis(2_050)).contains(wait)));
    assert!(waits.windows(2).any(|pair| pair[0] != pair[1]));
    // With just enough room for what was asked.
    let tight = Situation { deadline: Some(asked.now + millis(2_000) + Duration::from_nanos(1)), ..asked };
    assert_eq!(next(&tight), Next::After(millis(2_000)));
}

#[test]
fn retry_after_beyond_the_deadline_stops() {
    for asked in [millis(10_000), millis(10_001), Duration::MAX] {
        let verdict = overload(asked);
        assert_eq!(next(&situation(&verdict)), Next::Stop(Stop::RetryAfter), "{asked:?}");
    }
    // Without a deadline the patience of a call still ends.
    for (asked, stops) in [(millis(60_000), false), (millis(60_001), true), (Duration::MAX, true)] {
        let verdict = overload(asked);
        let next = next(&Situation { deadline: None, ..situation(&verdict) });
        assert_eq!(next == Next::Stop(Stop::RetryAfter), stops, "{asked:?}");
    }
}

#[test]
fn an_overload_that_names_no_time_waits_like_any_failure() {
    let verdict = Verdict::Overload { retry_after: None };
    assert!(matches!(next(&situation(&verdict)), Next::After(wait) if wait <= millis(50)));
}

#[test]
fn the_budget_is_asked_last_and_only_for_what_would_be_sent() {
    let asked = Cell::new(0);
    let with = |situation: &Situation<'_>, answer: bool| {
        decide(&Settings::default(), situation, &Dice::seeded(1), || {
            asked.set(asked.get() + 1);
            answer
        })
    };
    let first = situation(&FAILURE);
    assert_eq!(with(&first, false), Next::Stop(Stop::Budget));
    assert_eq!(asked.get(), 1);
    for stopped in [
        Situation { attempt: 3, ..first },
        Situation { repeatable: false, ..first },
        Situation { deadline: Some(first.now), ..first },
        Situation { verdict: &Verdict::Ignored, ..first },
        Situation { verdict: &overload(Duration::MAX), ..first },
    ] {
        assert!(matches!(with(&stopped, true), Next::Stop(_)));
    }
    assert_eq!(asked.get(), 1, "nothing was spent on what is not sent");
}

#[test]
fn every_reason_to_stop_has_a_word_of_its_own() {
    let mut words: Vec<_> = Stop::ALL.iter().map(|stop| stop.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Stop::ALL.len());
    assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let second = millis(1_000);
    for (settings, error) in [
        (Settings::new(0, millis(1), second), SettingsError::Attempts(0)),
        (Settings::new(11, millis(1), second), SettingsError::Attempts(11)),
        (Settings::new(3, Duration::ZERO, second), SettingsError::BaseZero),
        (
            Settings::new(3, millis(2_000), second),
            SettingsError::CapBelowBase { base: millis(2_000), cap: second },
        ),
        (Settings::new(3, second, millis(3_600_001)), SettingsError::CapTooLong(millis(3_600_001))),
    ] {
        assert_eq!(settings, Err(error));
        assert!(error.to_string().contains(": "), "it says what to do: {error}");
    }
    assert_eq!(Settings::new(3, millis(50), second), Ok(Settings::default()));
}

#[test]
fn waits_fill_the_whole_range_evenly_and_do_not_gather_at_the_cap() {
    let (settings, dice) = (Settings::default(), Dice::seeded(3));
    let waits: Vec<_> = (0..10_000).map(|_| settings.delay(9, &dice).as_secs_f64()).collect();
    let mean = waits.iter().sum::<f64>() / 10_000.0;
    assert!((mean - 0.5).abs() < 0.02, "{mean}");
    let at_the_cap = waits.iter().filter(|wait| **wait > 0.95).count();
    assert!((350..650).contains(&at_the_cap), "{at_the_cap} of 10,000 in the last twentieth");
}

proptest! {
    #[test]
    fn a_wait_never_exceeds_base_doubled_nor_the_cap(
        base in 1_u64..5_000,
        over in 0_u64..60_000,
        retry in prop_oneof![0_u32..40, any::<u32>()],
        seed: u64,
    ) {
        let cap = millis(base + over);
        let settings = Settings::new(10, millis(base), cap).unwrap();
        let doubled = u128::from(base) << retry.saturating_sub(1).min(64);
        let ceiling = settings.ceiling(retry);
        prop_assert_eq!(ceiling.as_millis(), doubled.min(cap.as_millis()));
        prop_assert!(settings.delay(retry, &Dice::seeded(seed)) <= ceiling);
    }

    #[test]
    fn no_attempt_ever_begins_at_or_after_the_deadline(
        attempt in 1_u32..5,
        repeatable: bool,
        left in 0_u64..3_000,
        asked in proptest::option::of(0_u64..5_000),
        seed: u64,
    ) {
        let verdict = asked.map_or(FAILURE, |asked| overload(millis(asked)));
        let now = Instant::now();
        let deadline = now + millis(left);
        let situation = Situation { attempt, verdict: &verdict, repeatable, now, deadline: Some(deadline) };
        if let Next::After(wait) = decide(&Settings::default(), &situation, &Dice::seeded(seed), || true) {
            prop_assert!(now + wait < deadline);
            prop_assert!(wait >= millis(asked.unwrap_or(0)));
            prop_assert!(repeatable && attempt < 3);
        }
    }
}
