//! The limit as callers see it: places, the queue, refusals, and nothing lost whatever happens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use banyan_resilience::{
    Cause, Verdict,
    limit::{Entry, Limit, Mode, Settings, SettingsError, Slot, Why},
};
use proptest::prelude::*;
use tokio::{sync::Barrier, task::JoinSet, time::Instant};

const MS: Duration = Duration::from_millis(1);

fn bulkhead(places: u32) -> Arc<Limit> {
    Limit::new(Settings::fixed(places).expect("a number of places that is allowed"))
}

fn take(limit: &Arc<Limit>) -> Slot {
    limit.try_acquire(Instant::now()).expect("a place is free")
}

/// Teaches a limit that calls take 40 ms.
fn teach(limit: &Arc<Limit>) {
    for _ in 0..50 {
        let slot = take(limit);
        limit.observe(slot.started(), &Verdict::Success, 40 * MS, Instant::now());
    }
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_has_as_many_places_as_it_says() {
    let limit = bulkhead(3);
    let held: Vec<Slot> = (0..3).map(|_| take(&limit)).collect();
    assert!(limit.try_acquire(Instant::now()).is_none());
    assert_eq!(held.iter().map(|slot| slot.started().in_flight()).collect::<Vec<_>>(), [1, 2, 3]);
    let status = limit.status();
    assert_eq!((status.limit, status.in_flight, status.waiting, status.mode), (3, 3, 0, Mode::Fixed));
    drop(held);
    assert_eq!(limit.status().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_gets_the_place_that_becomes_free() {
    let limit = bulkhead(1);
    let slot = take(&limit);
    let waiting = tokio::spawn(limit.acquire(None, Instant::now()));
    tokio::time::sleep(20 * MS).await;
    assert_eq!(limit.status().waiting, 1);
    drop(slot);
    let slot = waiting.await.unwrap().unwrap();
    assert_eq!((limit.status().in_flight, limit.status().waiting), (1, 0));
    drop(slot);
    assert_eq!(limit.status().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_those_who_wait() {
    let limit = bulkhead(1);
    let slot = take(&limit);
    let Entry::Waiting(mut first) = limit.enter(None, Instant::now()) else { panic!("there is no place") };
    drop(slot);
    assert!(limit.try_acquire(Instant::now()).is_none(), "the place has gone to the one who waited");
    assert!((&mut first).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_burst_waits_in_order_and_is_served() {
    let limit = bulkhead(10);
    teach(&limit);
    let start = Instant::now();
    let served = Arc::new(AtomicU32::new(0));
    let mut calls = JoinSet::new();
    for number in 0..20_u32 {
        let (limit, served) = (Arc::clone(&limit), Arc::clone(&served));
        calls.spawn(async move {
            let slot = limit.acquire(None, start).await?;
            let turn = served.fetch_add(1, SeqCst);
            tokio::time::sleep(40 * MS).await;
            drop(slot);
            Ok::<_, banyan_resilience::limit::Refusal>((number, turn))
        });
        tokio::task::yield_now().await;
    }
    while let Some(call) = calls.join_next().await {
        let (number, turn) = call.unwrap().expect("a burst of twice the places is served");
        assert_eq!(number, turn, "in the order in which they came");
    }
}

/// Twice as many calls as 10 places can serve: one every 2 ms, 40 ms each. How long each waited, and whether for nothing, of
/// those that came within `counted`.
async fn overload(limit: &Arc<Limit>, counted: std::ops::Range<Duration>) -> Vec<(Duration, bool)> {
    let began = Instant::now();
    let mut calls = JoinSet::new();
    while began.elapsed() < counted.end {
        let (limit, came) = (Arc::clone(limit), Instant::now());
        let counts = came - began >= counted.start;
        calls.spawn(async move {
            let slot = limit.acquire(None, came).await;
            let waited = came.elapsed();
            if slot.is_ok() {
                tokio::time::sleep(40 * MS).await;
            }
            counts.then_some((waited, slot.is_ok()))
        });
        tokio::time::sleep(2 * MS).await;
    }
    calls.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(start_paused = true)]
async fn a_burst_too_long_is_refused_at_its_end_and_served_at_its_front() {
    let limit = bulkhead(10);
    teach(&limit);
    let _held: Vec<Slot> = (0..10).map(|_| take(&limit)).collect();
    let came = Instant::now();
    let mut line = JoinSet::new();
    for _ in 0..40 {
        line.spawn(limit.acquire(None, came));
        tokio::task::yield_now().await;
    }
    // 10 places per 40 ms: the eighteenth who waits would wait for more than seven tenths of 100 ms.
    let mut refused = 0;
    while let Some(Ok(result)) = line.try_join_next() {
        assert_eq!(result.expect_err("no place is free").why, Why::QueueFull);
        refused += 1;
    }
    assert_eq!((refused, limit.status().waiting), (23, 17));
}

#[tokio::test(start_paused = true)]
async fn a_standing_queue_serves_the_newest_and_refuses_within_five_milliseconds() {
    let limit = bulkhead(10);
    teach(&limit);
    let seen = overload(&limit, 1500 * MS..2500 * MS).await;
    let (served, refused): (Vec<_>, Vec<_>) = seen.iter().copied().partition(|(_, served)| *served);
    assert!(served.len() >= 200 && refused.len() >= 200, "{} and {}", served.len(), refused.len());
    assert!(seen.iter().all(|(waited, _)| *waited <= 10 * MS), "{:?}", seen.iter().max());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_stood_is_patient_again_after_calm() {
    let limit = bulkhead(1);
    teach(&limit);
    let slot = take(&limit);
    for _ in 0..10 {
        assert!(limit.acquire(None, Instant::now()).await.is_err());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let waiting = tokio::spawn(limit.acquire(None, Instant::now()));
    tokio::time::sleep(20 * MS).await;
    drop(slot);
    assert!(waiting.await.unwrap().is_ok(), "20 ms are not too long for a burst");
}

#[tokio::test(start_paused = true)]
async fn without_any_progress_everybody_is_refused_within_fifty_milliseconds() {
    let limit = bulkhead(5);
    let _held: Vec<Slot> = (0..5).map(|_| take(&limit)).collect();
    for _ in 0..50 {
        let came = Instant::now();
        let refusal = limit.acquire(None, came).await.unwrap_err();
        assert!(came.elapsed() <= 50 * MS, "{:?}", came.elapsed());
        assert!(refusal.retry_after >= 100 * MS && refusal.retry_after <= 10_000 * MS);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_comes_before_a_place_refuses_at_once() {
    let limit = bulkhead(1);
    teach(&limit);
    let _slot = take(&limit);
    let now = Instant::now();
    let refusal = limit.acquire(Some(now + 10 * MS), now).await.unwrap_err();
    assert_eq!((refusal.why, now.elapsed()), (Why::Deadline, Duration::ZERO));
    let refusal = limit.acquire(Some(now), now).await.unwrap_err();
    assert_eq!(refusal.why, Why::Deadline);
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_nobody_waits() {
    let limit = Limit::new(Settings::fixed(1).unwrap().queue(Duration::ZERO).unwrap());
    let _slot = take(&limit);
    let now = Instant::now();
    assert_eq!(limit.acquire(None, now).await.unwrap_err().why, Why::QueueFull);
    assert_eq!(now.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_leaves_no_trace() {
    let limit = bulkhead(1);
    let slot = take(&limit);
    let cancelled = tokio::spawn(limit.acquire(None, Instant::now()));
    let patient = tokio::spawn(limit.acquire(None, Instant::now()));
    tokio::time::sleep(MS).await;
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    assert_eq!(limit.status().waiting, 1);
    drop(slot);
    assert!(patient.await.unwrap().is_ok());
    assert_eq!(limit.status().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_place_given_to_somebody_who_is_gone_goes_to_the_next() {
    let limit = bulkhead(1);
    let slot = take(&limit);
    let Entry::Waiting(gone) = limit.enter(None, Instant::now()) else { panic!("there is no place") };
    let Entry::Waiting(next) = limit.enter(None, Instant::now()) else { panic!("there is no place") };
    // The place is in the first one's channel now, and nobody will ever look.
    drop(slot);
    assert_eq!(limit.status().waiting, 1);
    drop(gone);
    assert!(next.await.is_ok());
    assert_eq!((limit.status().in_flight, limit.status().waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_overload_lowers_the_limit_by_a_tenth_once_per_round_trip() {
    let limit = Limit::new(Settings::default());
    teach(&limit);
    let overload = Verdict::Overload { retry_after: None };
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..10 {
        let slot = take(&limit);
        limit.observe(slot.started(), &overload, MS, Instant::now());
    }
    assert_eq!(limit.status().limit, 18, "ten at once count as one");
    tokio::time::sleep(50 * MS).await;
    let slot = take(&limit);
    limit.observe(slot.started(), &Verdict::retryable(Cause::Timeout), MS, Instant::now());
    assert_eq!(limit.status().limit, 16);
    for verdict in [Verdict::Ignored, Verdict::Cancelled, Verdict::fatal(Cause::Error)] {
        tokio::time::sleep(50 * MS).await;
        let slot = take(&limit);
        limit.observe(slot.started(), &verdict, MS, Instant::now());
        assert_eq!(limit.status().limit, 16, "{verdict:?} says nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn fast_failures_do_not_lower_the_round_trip() {
    let limit = bulkhead(20);
    teach(&limit);
    let before = limit.status().round_trip.expect("there were answers");
    for _ in 0..100 {
        let slot = take(&limit);
        limit.observe(slot.started(), &Verdict::retryable(Cause::Error), MS, Instant::now());
    }
    assert_eq!(limit.status().round_trip, Some(before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_callers_never_hold_more_than_there_is_and_lose_nothing() {
    let limit = Limit::new(Settings::fixed(7).unwrap().queue(Duration::from_secs(60)).unwrap());
    let (held, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let together = Arc::new(Barrier::new(64));
    let mut callers = JoinSet::new();
    for caller in 0..64_u32 {
        let (limit, held, most) = (Arc::clone(&limit), Arc::clone(&held), Arc::clone(&most));
        let together = Arc::clone(&together);
        callers.spawn(async move {
            together.wait().await;
            for turn in 0..200_u32 {
                let acquiring = limit.acquire(None, Instant::now());
                // Every fifth gives up at some moment of its wait, or in the moment it is served.
                let slot = if (caller + turn).is_multiple_of(5) {
                    tokio::time::timeout(Duration::from_micros(u64::from(turn % 50)), acquiring).await
                } else {
                    Ok(acquiring.await)
                };
                let Ok(Ok(slot)) = slot else { continue };
                most.fetch_max(held.fetch_add(1, SeqCst) + 1, SeqCst);
                tokio::task::yield_now().await;
                limit.observe(slot.started(), &Verdict::Success, MS, Instant::now());
                held.fetch_sub(1, SeqCst);
                drop(slot);
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert!(most.load(SeqCst) <= 7, "{} at once", most.load(SeqCst));
    assert_eq!((limit.status().in_flight, limit.status().waiting), (0, 0));
}

#[test]
fn settings_that_make_no_sense_are_refused_with_what_to_do() {
    assert_eq!(Settings::fixed(0), Err(SettingsError::NoPlace));
    assert_eq!(Settings::adaptive(5, 6, 10), Err(SettingsError::Order { start: 5, min: 6, max: 10 }));
    assert_eq!(Settings::adaptive(5, 1, 2_000_000), Err(SettingsError::TooManyPlaces(2_000_000)));
    let error = Settings::default().queue(Duration::from_secs(61)).unwrap_err();
    assert_eq!(error.to_string(), "calls may not wait 61s for a place: set at most 60s");
    let settings = Settings::default();
    assert_eq!((settings.start(), settings.min(), settings.max()), (20, 1, 200));
    assert_eq!((settings.mode(), settings.queue_wait()), (Mode::Adaptive, 100 * MS));
}

/// What may happen to a limit.
#[derive(Clone, Debug)]
enum Step {
    Enter,
    Release,
    Cancel,
    Ask,
    Pause(u16),
    Observe(u8, u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Enter),
        3 => Just(Step::Release),
        1 => Just(Step::Cancel),
        1 => Just(Step::Ask),
        2 => (0u16..100).prop_map(Step::Pause),
        3 => (0u8..4, 1u16..500).prop_map(|(kind, took)| Step::Observe(kind, took)),
    ];
    prop::collection::vec(step, 1..400)
}

/// A limit, those who are in and those who wait, and a clock.
struct Play {
    limit: Arc<Limit>,
    now: Instant,
    held: Vec<Slot>,
    waiting: Vec<banyan_resilience::limit::Waiting>,
}

impl Play {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Enter => match self.limit.enter(None, self.now) {
                Entry::In(slot) => self.held.push(slot),
                Entry::Waiting(waiting) => self.waiting.push(waiting),
                Entry::Refused(_) => {}
            },
            Step::Release => drop(self.held.pop()),
            Step::Cancel => drop(self.waiting.pop()),
            Step::Ask => self.waiting.retain_mut(|waiting| waiting.prospect(self.now).is_ok()),
            Step::Pause(millis) => self.now += Duration::from_millis(u64::from(*millis)),
            Step::Observe(kind, took) => self.observe(*kind, Duration::from_millis(u64::from(*took))),
        }
        // Everybody looks whether there is an answer.
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        for mut waiting in std::mem::take(&mut self.waiting) {
            match std::pin::Pin::new(&mut waiting).poll(&mut context) {
                std::task::Poll::Ready(answer) => self.held.extend(answer.ok()),
                std::task::Poll::Pending => self.waiting.push(waiting),
            }
        }
    }

    fn observe(&self, kind: u8, took: Duration) {
        let Some(slot) = self.held.last() else { return };
        let verdict = match kind {
            0 | 1 => Verdict::Success,
            2 => Verdict::Overload { retry_after: None },
            _ => Verdict::Cancelled,
        };
        self.limit.observe(slot.started(), &verdict, took, self.now);
    }
}

proptest! {
    /// Counts are exact after every step, the limit stays within its bounds, and nobody waits while there is a place.
    #[test]
    fn nothing_is_ever_lost(steps in steps(), start in 1u32..30) {
        let settings = Settings::adaptive(start, 1, 40).unwrap();
        let mut play = Play { limit: Limit::new(settings), now: Instant::now(), held: Vec::new(), waiting: Vec::new() };
        for step in steps {
            play.take(&step);
            let status = play.limit.status();
            prop_assert_eq!(usize::try_from(status.in_flight).unwrap(), play.held.len());
            prop_assert_eq!(usize::try_from(status.waiting).unwrap(), play.waiting.len());
            prop_assert!((1..=40).contains(&status.limit), "{:?}", status);
            prop_assert!(status.waiting == 0 || status.in_flight >= status.limit, "{:?}", status);
        }
        play.held.clear();
        play.waiting.clear();
        prop_assert_eq!(play.limit.status().in_flight, 0);
    }
}
