//! Calls with a key as users meet them: cache and coalescing, on paused time.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use banyan_resilience::{
    Answer, CallError, Caller, Cause, Event, Failed, Key, Observer, Policy, PolicyBuilder, PolicyError,
    Request, Source, Verdict,
    breaker::{self, Breaker},
    cache::{Kind, Settings, Store},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, advance, sleep},
};

/// What is built here is as it should be.
const SOUND: &str = "sound settings";
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

type Builder = PolicyBuilder<u32, &'static str>;
type Result = std::result::Result<Answer<u32>, Failed<&'static str>>;

fn store() -> Store<Key, u32> {
    Store::new(Settings::new(1 << 20).expect(SOUND), |key: &Key, _: &u32| key.len() as u64 + 4)
}

fn coalescing(with: impl FnOnce(Builder) -> Builder) -> Policy<u32, &'static str> {
    with(Policy::builder("users").deadline(20 * SECOND).coalesce(true)).build().expect(SOUND)
}

fn cached(with: impl FnOnce(Builder) -> Builder) -> Policy<u32, &'static str> {
    let builder = Policy::builder("users").deadline(20 * SECOND).cache(store()).cache_ttl(100 * SECOND);
    with(builder.cache_jitter(0.0)).build().expect(SOUND)
}

/// A dependency that takes a second and answers what it is told to, and how often it was asked and answered.
#[derive(Clone, Default)]
struct Dependency(Arc<Counts>);

struct Counts {
    asked: AtomicU32,
    answered: AtomicU32,
    answer: Mutex<std::result::Result<u32, &'static str>>,
    takes: Mutex<Duration>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            asked: AtomicU32::new(0),
            answered: AtomicU32::new(0),
            answer: Mutex::new(Ok(1)),
            takes: Mutex::new(SECOND),
        }
    }
}

impl Dependency {
    fn answers(&self, answer: std::result::Result<u32, &'static str>) {
        *self.0.answer.lock().expect(SOUND) = answer;
    }

    fn takes(&self, time: Duration) {
        *self.0.takes.lock().expect(SOUND) = time;
    }

    async fn ask(self) -> std::result::Result<u32, &'static str> {
        self.0.asked.fetch_add(1, SeqCst);
        // What it answers is settled when it is asked.
        let (answer, takes) = (*self.0.answer.lock().expect(SOUND), *self.0.takes.lock().expect(SOUND));
        sleep(takes).await;
        self.0.answered.fetch_add(1, SeqCst);
        answer
    }

    fn asked(&self) -> u32 {
        self.0.asked.load(SeqCst)
    }

    fn answered(&self) -> u32 {
        self.0.answered.load(SeqCst)
    }
}

/// A service that calls one dependency.
#[derive(Clone)]
struct Scene {
    caller: Caller,
    policy: Policy<u32, &'static str>,
    dependency: Dependency,
    told: Arc<Told>,
}

impl Scene {
    fn new(policy: Policy<u32, &'static str>) -> Self {
        let told = Arc::new(Told::default());
        let caller = Caller::new().seeded(7).observed_by(told.clone());
        Self { caller, policy, dependency: Dependency::default(), told }
    }

    async fn call(&self) -> Result {
        self.call_with(Request::new()).await
    }

    async fn call_with(&self, request: Request) -> Result {
        let dependency = self.dependency.clone();
        self.caller.call_keyed_with(&self.policy, request, "user:42", move |_| dependency.clone().ask()).await
    }

    /// A call on a task of its own, that has come as far as it can without time.
    async fn begin(&self) -> JoinHandle<Result> {
        self.begin_with(Request::new()).await
    }

    async fn begin_with(&self, request: Request) -> JoinHandle<Result> {
        let scene = self.clone();
        let task = tokio::spawn(async move { scene.call_with(request).await });
        settle().await;
        task
    }

    async fn source(&self) -> Source {
        self.call().await.expect(SOUND).source
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.0.lock().expect(SOUND))
    }
}

/// Lets everybody do what can be done without time.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn observe(&self, _policy: &str, event: &Event<'_>) {
        let text = match event {
            Event::Cache(cached) => cached.as_str().to_owned(),
            Event::Coalesced { waited } => format!("coalesced after {waited:?}"),
            Event::Alone(alone) => format!("alone: {}", alone.as_str()),
            Event::Fallback(why) => format!("fallback: {}", why.as_str()),
            Event::Attempt { .. } => "attempt".to_owned(),
            _ => return,
        };
        self.0.lock().expect(SOUND).push(text);
    }
}

mod coalescing {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn identical_calls_at_the_same_time_share_one_fetch() {
        let scene = Scene::new(coalescing(|builder| builder));
        let tasks = [scene.begin().await, scene.begin().await, scene.begin().await];
        let mut sources = Vec::new();
        for task in tasks {
            let answer = task.await.unwrap().unwrap();
            assert_eq!((answer.value, answer.verdict), (1, Verdict::Success));
            assert_eq!(answer.attempts, u32::from(answer.source == Source::Fresh));
            sources.push(answer.source);
        }
        assert_eq!(sources, [Source::Fresh, Source::Coalesced, Source::Coalesced]);
        assert_eq!(scene.dependency.asked(), 1);
        assert_eq!(scene.told(), ["attempt", "coalesced after 1s", "coalesced after 1s"]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_with_different_keys_or_one_after_the_other_share_nothing() {
        let scene = Scene::new(coalescing(|builder| builder));
        assert_eq!(scene.source().await, Source::Fresh);
        assert_eq!(scene.source().await, Source::Fresh);
        let one = scene.begin().await;
        let dependency = scene.dependency.clone();
        let other = scene
            .caller
            .call_keyed(&scene.policy, "user:43", move || dependency.clone().ask())
            .await
            .unwrap();
        assert_eq!((other.source, one.await.unwrap().unwrap().source), (Source::Fresh, Source::Fresh));
        assert_eq!(scene.dependency.asked(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_goes_away_takes_nothing_from_its_followers() {
        let scene = Scene::new(coalescing(|builder| builder));
        let leader = scene.begin().await;
        let follower = scene.begin().await;
        leader.abort();
        settle().await;
        assert_eq!(follower.await.unwrap().unwrap().source, Source::Coalesced);
        assert_eq!((scene.dependency.asked(), scene.dependency.answered()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_nobody_waits_for_any_more_is_cut_off() {
        let scene = Scene::new(coalescing(|builder| builder));
        let (leader, follower) = (scene.begin().await, scene.begin().await);
        leader.abort();
        follower.abort();
        settle().await;
        sleep(10 * SECOND).await;
        assert_eq!((scene.dependency.asked(), scene.dependency.answered()), (1, 0));
        assert_eq!(scene.source().await, Source::Fresh);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_with_little_time_left_fails_alone() {
        let scene = Scene::new(coalescing(|builder| builder));
        let hasty = scene.begin_with(Request::new().until(Instant::now() + 10 * MS)).await;
        let patient = scene.begin().await;
        assert_eq!(hasty.await.unwrap().unwrap_err().error, CallError::Deadline);
        assert_eq!(patient.await.unwrap().unwrap().source, Source::Coalesced);
        assert_eq!(scene.dependency.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_keeps_its_own_deadline() {
        let scene = Scene::new(coalescing(|builder| builder));
        let leader = scene.begin().await;
        let began = Instant::now();
        let failed = scene.call_with(Request::new().until(began + 10 * MS)).await.unwrap_err();
        assert_eq!((failed.error, failed.attempts), (CallError::Deadline, 0));
        assert!(began.elapsed() < 20 * MS);
        assert_eq!(leader.await.unwrap().unwrap().source, Source::Fresh);
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_that_has_waited_for_5_s_goes_alone() {
        let scene = Scene::new(coalescing(|builder| builder));
        scene.dependency.takes(10 * SECOND);
        let leader = scene.begin().await;
        scene.dependency.takes(SECOND);
        let began = Instant::now();
        let answer = scene.call().await.unwrap();
        assert_eq!((answer.source, answer.attempts), (Source::Fresh, 1));
        assert!((6 * SECOND..6 * SECOND + 10 * MS).contains(&began.elapsed()));
        assert_eq!(scene.told(), ["alone: waited", "attempt"]);
        assert_eq!(leader.await.unwrap().unwrap().attempts, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flight_has_the_deadline_of_the_policy() {
        let scene = Scene::new(coalescing(|builder| builder.coalesce_wait(60 * SECOND)));
        scene.dependency.takes(3600 * SECOND);
        let leader = scene.begin().await;
        advance(10 * SECOND).await;
        let follower = scene.begin().await;
        assert_eq!(leader.await.unwrap().unwrap_err().error, CallError::Deadline);
        let failed = follower.await.unwrap().unwrap_err();
        assert_eq!((failed.error, failed.attempts), (CallError::Deadline, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn errors_are_shared_and_not_kept() {
        let scene = Scene::new(coalescing(|builder| builder));
        scene.dependency.answers(Err("down"));
        let (leader, follower) = (scene.begin().await, scene.begin().await);
        assert_eq!(leader.await.unwrap().unwrap_err().error, CallError::Inner("down"));
        assert_eq!(follower.await.unwrap().unwrap_err().error, CallError::Inner("down"));
        assert_eq!(scene.dependency.asked(), 1);
        scene.dependency.answers(Ok(2));
        assert_eq!(scene.call().await.unwrap().value, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn each_who_shares_an_error_has_its_own_fallback() {
        let scene = Scene::new(coalescing(|builder| builder.retries(1).fallback(|_| Some(0))));
        scene.dependency.answers(Err("down"));
        let (leader, follower) = (scene.begin().await, scene.begin().await);
        let (leader, follower) = (leader.await.unwrap().unwrap(), follower.await.unwrap().unwrap());
        assert_eq!((leader.source, leader.attempts), (Source::Fallback, 2));
        assert_eq!((follower.source, follower.attempts), (Source::Fallback, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_that_of_the_leader_and_a_follower_leads_the_next_flight() {
        let (policy, caller) = (coalescing(|builder| builder), Caller::new());
        let asked = Arc::new(AtomicU32::new(0));
        let call = || {
            let (policy, caller, asked) = (policy.clone(), caller.clone(), asked.clone());
            tokio::spawn(async move {
                let operation = move || {
                    let asked = asked.clone();
                    async move {
                        let before = asked.fetch_add(1, SeqCst);
                        sleep(SECOND).await;
                        assert!(before > 0, "the first one comes to grief");
                        Ok(7)
                    }
                };
                caller.call_keyed(&policy, "user:42", operation).await
            })
        };
        let (leader, second, third) = (call(), call(), call());
        assert!(leader.await.unwrap_err().is_panic());
        let (second, third) = (second.await.unwrap().unwrap(), third.await.unwrap().unwrap());
        assert_ne!(second.source, third.source, "one of them leads, and the other follows");
        assert_eq!(asked.load(SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_for_before_a_write_is_not_joined_after_it() {
        let scene = Scene::new(coalescing(|builder| builder));
        let before = scene.begin().await;
        scene.dependency.answers(Ok(2));
        scene.policy.invalidate("user:42");
        let (after, joined) = (scene.begin().await, scene.begin().await);
        assert_eq!(before.await.unwrap().unwrap().value, 1);
        assert_eq!(after.await.unwrap().unwrap().value, 2);
        assert_eq!(joined.await.unwrap().unwrap().value, 2);
        assert_eq!(scene.dependency.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_for_its_caller_alone_is_handed_to_nobody_else_and_not_waited_for_again() {
        let scene = Scene::new(coalescing(|builder| {
            builder.cache_as(|value| (*value != 1).then_some(Kind::Complete))
        }));
        let (leader, follower) = (scene.begin().await, scene.begin().await);
        assert_eq!(leader.await.unwrap().unwrap().source, Source::Fresh);
        scene.dependency.answers(Ok(2));
        // It has gone alone by now, and was answered what was true then.
        assert_eq!(follower.await.unwrap().unwrap().source, Source::Fresh);
        assert_eq!(scene.told(), ["attempt", "alone: private", "attempt"]);
        scene.dependency.answers(Ok(1));
        scene.policy.invalidate("user:43");
        assert_eq!(scene.source().await, Source::Fresh);
        // For two minutes nobody waits for anybody.
        advance(119 * SECOND).await;
        scene.told();
        let pair = (scene.begin().await, scene.begin().await);
        assert_eq!(scene.told(), ["alone: apart", "alone: apart"]);
        assert_eq!((pair.0.await.unwrap().unwrap().value, pair.1.await.unwrap().unwrap().value), (1, 1));
        // That was private still, so it goes on; and ends two minutes after the last of it.
        advance(121 * SECOND).await;
        let pair = (scene.begin().await, scene.begin().await);
        scene.told();
        assert_eq!(pair.0.await.unwrap().unwrap().source, Source::Fresh);
        assert_eq!(scene.told()[0], "attempt");
        drop(pair.1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_breaker_refuses_all_who_share_a_flight() {
        let settings = breaker::Settings::default().with_consecutive(1).expect(SOUND);
        let scene = Scene::new(coalescing(|builder| builder.breaker(Breaker::new(settings))));
        scene.dependency.answers(Err("down"));
        assert!(scene.call().await.is_err());
        let failed = scene.call().await.unwrap_err();
        assert!(matches!(failed.error, CallError::Refused(_)));
        assert_eq!(scene.dependency.asked(), 1);
    }
}

mod caching {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_kept_value_is_handed_out_until_its_time_is_over() {
        let scene = Scene::new(cached(|builder| builder.early_refresh(0.0)));
        assert_eq!(scene.source().await, Source::Fresh);
        let answer = scene.call().await.unwrap();
        assert_eq!((answer.value, answer.source, answer.attempts), (1, Source::Cached, 0));
        advance(99 * SECOND).await;
        assert_eq!(scene.source().await, Source::Cached);
        assert_eq!(scene.dependency.asked(), 1);
        assert_eq!(scene.told(), ["miss", "attempt", "hit", "hit"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_value_is_handed_out_at_once_and_one_new_one_fetched_meanwhile() {
        let scene = Scene::new(cached(|builder| builder));
        scene.call().await.unwrap();
        advance(105 * SECOND).await;
        scene.dependency.answers(Ok(2));
        let began = Instant::now();
        for _ in 0..5 {
            let answer = scene.call().await.unwrap();
            assert_eq!((answer.value, answer.source), (1, Source::Stale));
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        sleep(2 * SECOND).await;
        let answer = scene.call().await.unwrap();
        assert_eq!((answer.value, answer.source), (2, Source::Cached));
        assert_eq!(scene.dependency.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_popular_value_is_refreshed_before_its_end_and_nobody_ever_waits() {
        let scene = Scene::new(cached(|builder| builder.stale_while_revalidate(Duration::ZERO)));
        scene.call().await.unwrap();
        // Asked for ten times a second over five lifetimes.
        for _ in 0..5_000 {
            advance(100 * MS).await;
            assert_eq!(scene.source().await, Source::Cached);
        }
        let told = scene.told();
        let early = told.iter().filter(|event| *event == "early").count();
        assert!(early >= 5 && !told[2..].contains(&"miss".to_owned()), "{early}");
        // Each lifetime is fetched once, or once more if it ended a good deal early.
        assert!((6..=8).contains(&scene.dependency.asked()), "{}", scene.dependency.asked());
    }

    #[tokio::test(start_paused = true)]
    async fn when_no_new_value_can_be_had_a_stale_one_takes_its_place() {
        let scene = Scene::new(cached(|builder| builder.fallback(|_| Some(0))));
        scene.call().await.unwrap();
        scene.dependency.answers(Err("down"));
        advance(130 * SECOND).await;
        scene.told();
        let answer = scene.call().await.unwrap();
        assert_eq!((answer.value, answer.source, answer.attempts), (1, Source::Stale, 1));
        assert_eq!(scene.told(), ["miss", "attempt", "on-error"]);
        advance(40 * SECOND).await;
        assert_eq!(scene.source().await, Source::Fallback);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_never_replaces_a_good_value() {
        let scene = Scene::new(cached(|builder| builder));
        scene.call().await.unwrap();
        scene.dependency.answers(Err("down"));
        advance(105 * SECOND).await;
        for _ in 0..3 {
            assert_eq!(scene.source().await, Source::Stale);
            sleep(SECOND + 10 * MS).await;
        }
        assert_eq!((scene.dependency.asked(), scene.dependency.answered()), (4, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_is_a_value_and_a_fallback_are_not_kept() {
        let scene = Scene::new(cached(|builder| {
            builder.fallback(|_| Some(0)).classify(|result| match result {
                Ok(500) => Verdict::retryable(Cause::Error),
                Ok(400) => Verdict::Ignored,
                Ok(_) => Verdict::Success,
                Err(_) => Verdict::retryable(Cause::Other),
            })
        }));
        for (answer, source) in [(500, Source::Fallback), (400, Source::Fresh)] {
            scene.dependency.answers(Ok(answer));
            assert_eq!((scene.source().await, scene.source().await), (source, source), "{answer}");
        }
        assert_eq!(scene.dependency.asked(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn each_kind_has_its_own_lifetime() {
        let kinds = |value: &u32| match value {
            404 => Some(Kind::Negative),
            206 => Some(Kind::Degraded),
            _ => Some(Kind::Complete),
        };
        for (value, ttl) in [(200, 100), (404, 60), (206, 30)] {
            let scene = Scene::new(cached(|builder| builder.cache_as(kinds).early_refresh(0.0)));
            scene.dependency.answers(Ok(value));
            scene.call().await.unwrap();
            advance((ttl - 1) * SECOND).await;
            assert_eq!(scene.source().await, Source::Cached, "{value}");
            advance(2 * SECOND).await;
            let expected = if value == 200 { Source::Stale } else { Source::Fresh };
            assert_eq!(scene.source().await, expected, "{value}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn not_found_becomes_found_when_a_write_says_so() {
        let scene = Scene::new(cached(|builder| {
            builder.cache_as(|value| Some(if *value == 404 { Kind::Negative } else { Kind::Complete }))
        }));
        scene.dependency.answers(Ok(404));
        scene.call().await.unwrap();
        scene.dependency.answers(Ok(200));
        assert_eq!(scene.call().await.unwrap().value, 404);
        scene.policy.invalidate("user:42");
        assert_eq!(scene.call().await.unwrap().value, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_for_before_a_write_is_not_kept_after_it() {
        let scene = Scene::new(cached(|builder| builder));
        let before = scene.begin().await;
        scene.policy.invalidate("user:42");
        assert_eq!(before.await.unwrap().unwrap().value, 1);
        scene.dependency.answers(Ok(2));
        let answer = scene.call().await.unwrap();
        assert_eq!((answer.value, answer.source), (2, Source::Fresh));
    }

    #[tokio::test(start_paused = true)]
    async fn who_went_alone_after_a_long_wait_keeps_nothing() {
        let scene = Scene::new(cached(|builder| builder));
        scene.dependency.takes(10 * SECOND);
        let leader = scene.begin().await;
        scene.dependency.takes(SECOND);
        scene.dependency.answers(Ok(2));
        assert_eq!(scene.call().await.unwrap().value, 2);
        // The flight is under way still, and nothing is kept before it lands.
        let follower = scene.begin().await;
        assert_eq!(leader.await.unwrap().unwrap().value, 1);
        assert_eq!(follower.await.unwrap().unwrap().source, Source::Coalesced);
        assert_eq!(scene.call().await.unwrap().value, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn without_coalescing_each_call_fetches_and_its_value_is_kept() {
        let scene = Scene::new(cached(|builder| builder.coalesce(false)));
        let (one, other) = (scene.begin().await, scene.begin().await);
        assert_eq!(one.await.unwrap().unwrap().source, Source::Fresh);
        assert_eq!(other.await.unwrap().unwrap().source, Source::Fresh);
        assert_eq!(scene.dependency.asked(), 2);
        assert_eq!(scene.source().await, Source::Cached);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_that_hangs_ends_with_the_deadline_and_another_follows() {
        let scene = Scene::new(cached(|builder| builder.stale_while_revalidate(60 * SECOND)));
        scene.call().await.unwrap();
        advance(101 * SECOND).await;
        scene.dependency.takes(3600 * SECOND);
        assert_eq!(scene.source().await, Source::Stale);
        sleep(10 * SECOND).await;
        assert_eq!(scene.source().await, Source::Stale);
        assert_eq!(scene.dependency.asked(), 2, "one at a time");
        sleep(11 * SECOND).await;
        scene.dependency.takes(SECOND);
        assert_eq!(scene.source().await, Source::Stale);
        sleep(2 * SECOND).await;
        assert_eq!((scene.source().await, scene.dependency.asked()), (Source::Cached, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_keeps_and_shares_nothing_calls_as_ever() {
    let policy = Policy::builder("users").build().expect(SOUND);
    let caller = Caller::new();
    let answer = caller.call_keyed(&policy, "user:42", || async { Ok::<_, &str>(7) }).await.unwrap();
    assert_eq!((answer.value, answer.source, answer.attempts), (7, Source::Fresh, 1));
    policy.invalidate("user:42");
}

#[tokio::test]
async fn a_hundred_threads_of_work_share_flights_and_none_is_lost() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let work = runtime.spawn(async {
        let scene = Scene::new(coalescing(|builder| builder));
        scene.dependency.takes(MS);
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..2_000_u64 {
            let scene = scene.clone();
            tasks.spawn(async move {
                sleep(Duration::from_micros(number % 97 * 50)).await;
                // Some give up at once, among them leaders.
                let patience =
                    if number.is_multiple_of(3) { Duration::from_micros(300) } else { 10 * SECOND };
                (number, tokio::time::timeout(patience, scene.call()).await)
            });
        }
        while let Some(ended) = tasks.join_next().await {
            let (number, ended) = ended.unwrap();
            if let Ok(answer) = ended {
                assert_eq!(answer.unwrap().value, 1);
            } else {
                assert!(number.is_multiple_of(3), "who was patient was answered");
            }
        }
        assert!(scene.dependency.asked() < 1_000, "{}", scene.dependency.asked());
    });
    work.await.unwrap();
    runtime.shutdown_background();
}

#[test]
fn policies_that_could_not_work_are_not_built_and_say_what_to_change() {
    let builder = || Policy::<u32, &'static str>::builder("users");
    let with_deadline = || builder().deadline(SECOND);
    let cases: [(Builder, PolicyError, &str); 8] = [
        (builder().coalesce(true), PolicyError::NoDeadline, "deadline(..)"),
        (builder().cache(store()).cache_ttl(SECOND), PolicyError::NoDeadline, "deadline(..)"),
        (with_deadline().cache(store()), PolicyError::NoTtl, "cache_ttl(..)"),
        (with_deadline().cache_ttl(SECOND), PolicyError::NoCache, "cache(store)"),
        (with_deadline().early_refresh(1.0), PolicyError::NoCache, "cache(store)"),
        (with_deadline().coalesce_wait(SECOND), PolicyError::NotShared, "coalesce(true)"),
        (with_deadline().coalesce(false).cache_as(|_| None), PolicyError::NotShared, "coalesce(true)"),
        (
            with_deadline().coalesce(true).coalesce_wait(Duration::ZERO),
            PolicyError::Zero("coalesce_wait"),
            "raise it",
        ),
    ];
    for (builder, expected, hint) in cases {
        let error = builder.build().unwrap_err();
        assert_eq!(error, expected);
        assert!(error.to_string().contains(hint), "{error}");
    }
    let error = with_deadline().cache(store()).cache_ttl(Duration::ZERO).build().unwrap_err();
    assert!(matches!(error, PolicyError::Cache(_)) && error.to_string().contains("choose"), "{error}");
}

/// That a call is dropped while its operation never ends must not leave anything behind that keeps the runtime busy.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_drops_its_operation() {
    struct Noted(Arc<AtomicU32>);
    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let (policy, caller) = (coalescing(|builder| builder), Caller::new());
    let dropped = Arc::new(AtomicU32::new(0));
    let noted = dropped.clone();
    let operation = move || {
        let noted = Noted(noted.clone());
        async move {
            let _noted = noted;
            pending::<std::result::Result<u32, &'static str>>().await
        }
    };
    let call = tokio::time::timeout(10 * MS, caller.call_keyed(&policy, "user:42", operation));
    assert!(call.await.is_err());
    settle().await;
    assert_eq!(dropped.load(SeqCst), 1);
}
