//! The engine as its users meet it: one call through all patterns, on paused time.

use std::{
    cell::RefCell,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use banyan_resilience::{
    Attempt, CallError, Caller, Cause, Event, Observer, Policy, PolicyBuilder, PolicyError, Refuser, Request,
    Source, Verdict, Why,
    breaker::{self, Breaker, State},
    budget::{self, RetryBudget},
    hedge::{self, Hedge},
    limit::{self, Limit},
};
use tokio::time::{Instant, sleep};

/// What is built here is as it should be.
const SOUND: &str = "sound settings";
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

type Builder = PolicyBuilder<u32, &'static str>;

fn policy(with: impl FnOnce(Builder) -> Builder) -> Policy<u32, &'static str> {
    with(Policy::builder("users")).build().expect(SOUND)
}

fn caller() -> Caller {
    Caller::new().seeded(7)
}

/// Opens after this many failures in a row.
fn breaker(failures: u32) -> Arc<Breaker> {
    Arc::new(Breaker::new(breaker::Settings::default().with_consecutive(failures).expect(SOUND)))
}

fn state(breaker: &Breaker) -> State {
    breaker.status(Instant::now()).state
}

fn bulkhead(places: u32, queue: Duration) -> Arc<Limit> {
    Limit::new(limit::Settings::fixed(places).expect(SOUND).queue(queue).expect(SOUND))
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn observe(&self, policy: &str, event: &Event<'_>) {
        let text = match event {
            Event::Attempt { number, hedge, verdict, .. } => format!("attempt {number} {hedge} {verdict:?}"),
            Event::Retry { number, .. } => format!("retry {number}"),
            Event::GaveUp(stop) => format!("gave up: {stop}"),
            Event::Hedge { .. } => "hedge".to_owned(),
            Event::Refused(refused) => format!("refused by {}", refused.by.as_str()),
            Event::Breaker(change) => format!("{policy}: {}", change.why),
            Event::Fallback(why) => format!("fallback: {}", why.as_str()),
            _ => "other".to_owned(),
        };
        self.0.lock().expect(SOUND).push(text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_says_where_it_came_from_and_what_it_took() {
    let policy = policy(|builder| builder.retries(2));
    let tries = AtomicU32::new(0);
    let answer = caller()
        .call(&policy, || async { if tries.fetch_add(1, SeqCst) < 2 { Err("not yet") } else { Ok(7) } })
        .await
        .unwrap();
    assert_eq!((answer.value, answer.source, answer.attempts), (7, Source::Fresh, 3));
    assert_eq!(answer.verdict, Verdict::Success);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_comes_after_all_attempts_and_never_hides_them() {
    let policy = policy(|builder| {
        builder.retries(2).fallback(|why| {
            assert_eq!(*why, Why::Failure(Cause::Other));
            Some(0)
        })
    });
    let answer = caller().call(&policy, || async { Err("down") }).await.unwrap();
    assert_eq!((answer.value, answer.source, answer.attempts), (0, Source::Fallback, 3));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_may_decline() {
    let policy = policy(|builder| builder.fallback(|_| None));
    let failed = caller().call(&policy, || async { Err("down") }).await.unwrap_err();
    assert_eq!((failed.error, failed.attempts), (CallError::Inner("down"), 1));
}

#[tokio::test(start_paused = true)]
async fn every_attempt_counts_for_the_breaker_and_an_open_one_is_not_tried_again() {
    let breaker = breaker(2);
    let told = Arc::new(Told::default());
    let policy = policy(|builder| builder.retries(5).breaker(breaker.clone()));
    let failed =
        caller().observed_by(told.clone()).call(&policy, || async { Err("down") }).await.unwrap_err();
    // The third attempt was refused, and that was the end: no fourth, no fifth.
    assert_eq!(failed.attempts, 2);
    assert!(matches!(failed.error, CallError::Refused(refused) if refused.by == Refuser::Breaker));
    assert_eq!(state(&breaker), State::Open);
    let told = told.0.lock().unwrap();
    assert!(told.iter().any(|text| text.starts_with("users: 2 failures in a row")), "{told:?}");
    assert_eq!(told.last().unwrap(), "refused by breaker");
}

#[tokio::test(start_paused = true)]
async fn no_place_is_held_during_a_backoff() {
    let limit = bulkhead(1, 10 * MS);
    let policy = policy(|builder| {
        builder.retries(1).retry_delay(SECOND).retry_delay_at_most(SECOND).limit(limit.clone())
    });
    let caller = caller();
    let tries = AtomicU32::new(0);
    let first =
        caller.call(&policy, || async { if tries.fetch_add(1, SeqCst) == 0 { Err("once") } else { Ok(1) } });
    let mut first = std::pin::pin!(first);
    // Runs the first attempt, which fails at once, into its backoff.
    tokio::select! {
        biased;
        _ = first.as_mut() => panic!("the backoff was skipped"),
        () = std::future::ready(()) => {}
    }
    assert_eq!((tries.load(SeqCst), limit.status().in_flight), (1, 0));
    assert_eq!(first.await.unwrap().attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_limit_refuses_says_nothing_about_the_dependency() {
    let (breaker, limit) = (breaker(1), bulkhead(1, Duration::ZERO));
    let policy = policy(|builder| builder.breaker(breaker.clone()).limit(limit.clone()));
    let held = limit.try_acquire(Instant::now()).unwrap();
    let failed = caller().call(&policy, || async { Ok(1) }).await.unwrap_err();
    assert!(matches!(failed.error, CallError::Refused(refused) if refused.by == Refuser::Limit));
    assert_eq!(failed.attempts, 0);
    assert_eq!(state(&breaker), State::Closed);
    drop(held);
    assert_eq!(caller().call(&policy, || async { Ok(1) }).await.unwrap().value, 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_timed_without_the_wait_for_its_place() {
    let limit = bulkhead(1, SECOND);
    let policy = policy(|builder| builder.timeout(100 * MS).limit(limit.clone()));
    let held = limit.try_acquire(Instant::now()).unwrap();
    tokio::spawn(async move {
        sleep(30 * MS).await;
        drop(held);
    });
    let slow = || async {
        sleep(90 * MS).await;
        Ok(1)
    };
    assert_eq!(caller().call(&policy, slow).await.unwrap().value, 1);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_failure_and_goes_again() {
    let breaker = breaker(2);
    let policy = policy(|builder| builder.timeout(50 * MS).retries(1).breaker(breaker.clone()));
    let failed = caller().call(&policy, pending).await.unwrap_err();
    assert_eq!((failed.error, failed.attempts), (CallError::Timeout, 2));
    assert_eq!(state(&breaker), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_over_attempts_waits_and_backoffs() {
    let started = Instant::now();
    let policy = policy(|builder| {
        builder
            .deadline(SECOND)
            .timeout(400 * MS)
            .retries(9)
            .retry_delay(500 * MS)
            .retry_delay_at_most(SECOND)
    });
    let failed = caller().call(&policy, pending).await.unwrap_err();
    assert!(started.elapsed() <= SECOND, "{:?}", started.elapsed());
    assert!(matches!(failed.error, CallError::Timeout | CallError::Deadline));
}

#[tokio::test(start_paused = true)]
async fn who_comes_too_late_asks_nobody() {
    let policy = policy(|builder| {
        builder.fallback(|why| {
            assert_eq!(*why, Why::Deadline);
            None
        })
    });
    let now = Instant::now();
    let request = Request::new().beginning(now).until(now);
    let failed = caller().call_with(&policy, request, |_| async { Ok(1) }).await.unwrap_err();
    assert_eq!((failed.error, failed.attempts), (CallError::Deadline, 0));
}

#[tokio::test(start_paused = true)]
async fn impatient_callers_do_not_open_the_breaker_for_the_others() {
    let breaker = breaker(1);
    let policy = policy(|builder| builder.timeout(SECOND).breaker(breaker.clone()));
    let request = Request::new().until(Instant::now() + 10 * MS);
    let failed = caller().call_with(&policy, request, |_| pending()).await.unwrap_err();
    assert_eq!(failed.error, CallError::Deadline);
    assert_eq!(state(&breaker), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_must_not_run_twice_goes_again_only_if_nothing_was_reached() {
    let policy = policy(|builder| {
        builder.retries(2).classify(|result| match result {
            Ok(_) => Verdict::Success,
            Err(&"unreachable") => Verdict::retryable(Cause::Unreachable),
            Err(_) => Verdict::retryable(Cause::Reset),
        })
    });
    let attempts = async |request: Request, error: &'static str| {
        caller().call_with(&policy, request, |_| async move { Err(error) }).await.unwrap_err().attempts
    };
    assert_eq!(attempts(Request::new(), "reset").await, 3);
    assert_eq!(attempts(Request::new().once(), "reset").await, 1);
    assert_eq!(attempts(Request::new().once(), "unreachable").await, 3);
    assert_eq!(attempts(Request::new().unrepeatable(), "unreachable").await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_empty_budget_ends_the_retries_of_all_calls() {
    let settings = budget::Settings::new(1_000, 0, 10 * SECOND).unwrap();
    let policy = policy(|builder| builder.retries(3).retry_budget(Arc::new(RetryBudget::new(settings))));
    let mut attempts = 0;
    for _ in 0..100 {
        attempts += caller().call(&policy, || async { Err("down") }).await.unwrap_err().attempts;
    }
    // One in ten may go again, and not one more.
    assert_eq!(attempts, 110);
}

fn hedging(extra: u16) -> Arc<Hedge> {
    Arc::new(Hedge::new(hedge::Settings::new(hedge::After::Fixed(10 * MS), extra).expect(SOUND)))
}

/// The first leg never answers, the second does.
async fn second_answers(attempt: Attempt) -> Result<u32, &'static str> {
    if attempt.is_hedge() { Ok(2) } else { pending().await }
}

#[tokio::test(start_paused = true)]
async fn a_second_leg_answers_for_one_that_is_slow_and_the_loser_is_no_failure() {
    let breaker = breaker(1);
    let policy = policy(|builder| builder.timeout(SECOND).hedge(hedging(10_000)).breaker(breaker.clone()));
    let answer = caller().call_with(&policy, Request::new(), second_answers).await.unwrap();
    assert_eq!((answer.value, answer.attempts), (2, 2));
    assert_eq!(state(&breaker), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn hedges_are_paid_for() {
    let policy = policy(|builder| builder.timeout(50 * MS).hedge(hedging(1_000)));
    let mut hedged = 0;
    for _ in 0..100 {
        hedged += u32::from(caller().call_with(&policy, Request::new(), second_answers).await.is_ok());
    }
    assert_eq!(hedged, 10);
}

#[tokio::test(start_paused = true)]
async fn a_hedge_takes_a_free_place_or_none() {
    let limit = bulkhead(1, 10 * MS);
    let policy = policy(|builder| builder.timeout(50 * MS).hedge(hedging(10_000)).limit(limit));
    let failed = caller().call_with(&policy, Request::new(), second_answers).await.unwrap_err();
    assert_eq!((failed.error, failed.attempts), (CallError::Timeout, 1));
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_not_hedged() {
    let breaker = breaker(1);
    let policy = policy(|builder| builder.timeout(50 * MS).hedge(hedging(10_000)).breaker(breaker.clone()));
    caller().call(&policy, || async { Err("down") }).await.unwrap_err();
    sleep(6 * SECOND).await;
    let failed = caller().call_with(&policy, Request::new(), second_answers).await.unwrap_err();
    assert_eq!((failed.error, failed.attempts), (CallError::Timeout, 1));
}

#[tokio::test(start_paused = true)]
async fn what_must_not_run_twice_is_not_hedged() {
    let policy = policy(|builder| builder.timeout(50 * MS).hedge(hedging(10_000)));
    let failed = caller().call_with(&policy, Request::new().once(), second_answers).await.unwrap_err();
    assert_eq!(failed.attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_gives_everything_back() {
    let (breaker, limit) = (breaker(1), bulkhead(1, Duration::ZERO));
    let policy = policy(|builder| builder.breaker(breaker.clone()).limit(limit.clone()));
    for _ in 0..3 {
        let caller = caller();
        let call = caller.call(&policy, pending);
        let cut = tokio::time::timeout(10 * MS, call).await;
        assert!(cut.is_err());
        assert_eq!((limit.status().in_flight, state(&breaker)), (0, State::Closed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panicking_operation_gives_everything_back() {
    let (breaker, limit) = (breaker(1), bulkhead(1, Duration::ZERO));
    let policy = policy(|builder| builder.breaker(breaker.clone()).limit(limit.clone()));
    let panicking = tokio::spawn(async move {
        caller().call(&policy, || async { panic!("a defect of the operation") }).await.map(|_| ())
    });
    assert!(panicking.await.unwrap_err().is_panic());
    assert_eq!((limit.status().in_flight, state(&breaker)), (0, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_lets_another_one_in() {
    let breaker = breaker(1);
    let policy = policy(|builder| builder.breaker(breaker.clone()));
    let caller = caller();
    caller.call(&policy, || async { Err("down") }).await.unwrap_err();
    sleep(6 * SECOND).await;
    for _ in 0..10 {
        assert!(tokio::time::timeout(MS, caller.call(&policy, pending)).await.is_err());
    }
    // Two successes close it: no place for probes was lost.
    for _ in 0..2 {
        assert_eq!(caller.call(&policy, || async { Ok(1) }).await.unwrap().value, 1);
    }
    assert_eq!(state(&breaker), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_place_may_outlive_the_call() {
    let limit = bulkhead(1, Duration::ZERO);
    let policy = policy(|builder| builder.limit(limit.clone()));
    let kept = RefCell::new(None);
    let keep = |mut attempt: Attempt| {
        *kept.borrow_mut() = attempt.take_slot();
        async { Ok(1) }
    };
    caller().call_with(&policy, Request::new(), keep).await.unwrap();
    assert_eq!(limit.status().in_flight, 1);
    drop(kept.take());
    assert_eq!(limit.status().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_a_value_is_handed_on_when_nothing_better_is_to_be_had() {
    let policy = policy(|builder| {
        builder.retries(1).classify(|result| match result {
            Ok(500) => Verdict::retryable(Cause::Error),
            _ => Verdict::Success,
        })
    });
    let answer = caller().call(&policy, || async { Ok(500) }).await.unwrap();
    assert_eq!((answer.value, answer.attempts), (500, 2));
    assert_eq!(answer.verdict.cause(), Some(Cause::Error));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_run() {
    let run = async || {
        let policy = policy(|builder| builder.retries(5));
        let started = Instant::now();
        caller().call(&policy, || async { Err("down") }).await.unwrap_err();
        started.elapsed()
    };
    assert_eq!(run().await, run().await);
}

#[test]
fn a_policy_that_cannot_work_is_not_built() {
    let build =
        |with: fn(Builder) -> Builder| with(Policy::builder("users")).build().map(|_| ()).unwrap_err();
    assert_eq!(build(|builder| builder.timeout(Duration::ZERO)), PolicyError::Zero("timeout"));
    assert_eq!(build(|builder| builder.deadline(Duration::ZERO)), PolicyError::Zero("deadline"));
    let error = build(|builder| builder.timeout(2 * SECOND).deadline(SECOND));
    assert!(error.to_string().contains("lower the timeout or raise the deadline"), "{error}");
    assert_eq!(build(|builder| builder.retry_delay(SECOND)), PolicyError::NoRetries);
    assert!(matches!(build(|builder| builder.retries(100)), PolicyError::Retry(_)));
}
