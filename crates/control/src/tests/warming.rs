//! Filling the cache at the start and again and again, under a clock that is paused.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use banyan_state::{CacheUrl, HotUrl, Store, StoreError};
use http::{Method, header};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle, time::sleep};

use super::{
    bench::{Answer, Bench, Fake, Scripted, config, request, send},
    fake_cache::FakeCache,
};
use crate::{Control, WarmRefused, api::Shared};

const MINUTE: Duration = Duration::from_secs(60);
const ALL: &str = "{ top: 3, every: 5m, rate: 50, ready_within: 10s }";

/// One for each letter.
fn hot(targets: &str) -> Vec<HotUrl> {
    let url = |target: char| CacheUrl { host: "a".to_owned(), target: format!("/{target}"), secure: false };
    targets.chars().map(|target| HotUrl { url: url(target), count: 1 }).collect()
}

/// The letters.
fn letters<'u>(urls: impl IntoIterator<Item = &'u CacheUrl>) -> String {
    urls.into_iter().map(|url| url.target.trim_start_matches('/')).collect()
}

/// A gateway whose store holds these, with this `warm`.
fn bench(stored: &str, warm: &str) -> Bench {
    let store = Scripted::default();
    store.memory.set_hot_urls(&hot(stored)).unwrap();
    with(store, warm)
}

fn with(store: Scripted, warm: &str) -> Bench {
    Bench::with(store, &format!("{}cache: {{ warm: {warm} }}\n", config("5%", "0%")))
}

/// A running warmer, and the rest of the gateway.
struct Running {
    _folder: TempDir,
    store: Arc<Scripted>,
    data_plane: Arc<Fake>,
    shared: Shared,
    router: Router,
    token: String,
    stop: oneshot::Sender<()>,
    end: JoinHandle<()>,
}

impl Running {
    async fn start(bench: Bench) -> Self {
        let Bench { folder, store, data_plane, control, router, token, .. } = bench;
        let Control { shared, warmer, .. } = control;
        let (stop, stopped) = oneshot::channel();
        let end = tokio::spawn(warmer.run(stopped));
        let running = Self { _folder: folder, store, data_plane, shared, router, token, stop, end };
        // So that no test looks just when something is due.
        running.after(Duration::from_millis(10)).await;
        running
    }

    /// Lets it do what is due after this time. The clock goes on by itself when everybody waits, for the disk too.
    async fn after(&self, time: Duration) {
        sleep(time).await;
    }

    fn cache(&self) -> &FakeCache {
        &self.data_plane.cache
    }

    /// The lists that were asked for, in letters.
    fn asked_for(&self) -> Vec<String> {
        self.cache().warmed.lock().unwrap().iter().map(|(urls, _)| letters(urls)).collect()
    }

    /// The list in the store, in letters.
    fn stored(&self) -> String {
        letters(self.store.memory.hot_urls().unwrap().iter().map(|hot| &hot.url))
    }

    fn sees(&self, targets: &str) {
        *self.cache().hot.lock().unwrap() = hot(targets);
    }

    async fn ready(&self) -> Answer {
        send(&self.router, request(Method::GET, "/readyz").body(Body::empty()).unwrap()).await
    }

    async fn readiness(&self) -> Value {
        let bearer = format!("Bearer {}", self.token);
        let request = request(Method::GET, "/v1/status").header(header::AUTHORIZATION, bearer);
        send(&self.router, request.body(Body::empty()).unwrap()).await.json()["readiness"].clone()
    }

    /// Says that it ends, and waits until it has.
    async fn end(self) -> Arc<Scripted> {
        self.stop.send(()).unwrap();
        self.end.await.unwrap();
        self.store
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_asks_for_what_was_asked_for_most_and_is_ready_after_it() {
    let running = Running::start(bench("abcd", ALL)).await;
    running.after(Duration::from_secs(1)).await;
    assert_eq!(
        (running.asked_for(), running.cache().warmed.lock().unwrap()[0].1),
        (vec!["abc".to_owned()], 50)
    );
    for over in [0, 2] {
        running.cache().is_at(3, over, true);
        let detail = running.ready().await.detail(503, "not-ready");
        assert!(detail.starts_with(&format!("warming {over} of 3")), "{detail}");
        assert_eq!(running.readiness().await, "warming");
    }
    running.cache().is_at(3, 3, false);
    running.after(Duration::from_secs(1)).await;
    assert_eq!(running.ready().await.status, 200);
    assert_eq!(running.readiness().await, "ready");
    // Being filled again does not make it less ready.
    running.cache().is_at(3, 1, true);
    assert_eq!(running.ready().await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_timeline_tells_when_it_is_filled_and_what_came_of_it() {
    let running = Running::start(bench("abcd", ALL)).await;
    running.after(Duration::from_secs(1)).await;
    let told = || -> Vec<String> {
        running
            .shared
            .timeline
            .since(0)
            .into_iter()
            .map(|entry| format!("{}: {}", entry.kind, entry.text))
            .collect()
    };
    let begun = "cache: filling with the 3 that are asked for most, 50 a second";
    assert_eq!(told(), [begun]);
    running.cache().is_at(3, 3, false);
    running.after(Duration::from_secs(1)).await;
    assert_eq!(told(), [begun, "cache: filled: 2 of 3 kept, 1 not kept, 0 left out"]);
}

#[tokio::test(start_paused = true)]
async fn readiness_does_not_wait_for_longer_than_it_was_told() {
    let running = Running::start(bench("abc", ALL)).await;
    running.after(Duration::from_millis(9_900)).await;
    assert_eq!(running.ready().await.status, 503);
    running.after(Duration::from_millis(200)).await;
    assert_eq!(running.ready().await.status, 200);
    let running = Running::start(bench("abc", "{ ready_within: 0s }")).await;
    assert_eq!(running.ready().await.status, 200);
    running.after(Duration::from_secs(1)).await;
    assert_eq!(running.asked_for(), ["abc"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_without_anything_to_ask_for_is_ready_at_once() {
    let empty = bench("", ALL);
    let refused = bench("abc", ALL);
    *refused.data_plane.cache.refuse.lock().unwrap() = Some(WarmRefused::NoCache);
    for bench in [empty, refused, Bench::new()] {
        let running = Running::start(bench).await;
        running.after(Duration::from_millis(1)).await;
        assert_eq!(running.ready().await.status, 200);
        assert_eq!(running.asked_for(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_most_is_written_every_minute_and_at_the_end() {
    let running = Running::start(bench("", ALL)).await;
    running.sees("ab");
    running.after(MINUTE / 2).await;
    assert_eq!(running.stored(), "");
    running.after(MINUTE).await;
    assert_eq!(running.stored(), "ab");
    running.after(3 * MINUTE).await;
    assert_eq!(*running.store.lists.lock().unwrap(), 1, "it is there already");
    running.sees("bac");
    running.after(MINUTE).await;
    assert_eq!((running.stored().as_str(), *running.store.lists.lock().unwrap()), ("bac", 2));
    running.sees("cab");
    let store = running.end().await;
    assert_eq!(letters(store.memory.hot_urls().unwrap().iter().map(|hot| &hot.url)), "cab");
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_for_again_and_again() {
    let running = Running::start(bench("xyz", ALL)).await;
    running.sees("ab");
    running.after(Duration::from_secs(1)).await;
    running.cache().is_at(3, 3, false);
    running.after(4 * MINUTE).await;
    assert_eq!(running.asked_for(), ["xyz"]);
    running.after(MINUTE).await;
    assert_eq!(running.asked_for(), ["xyz", "abx"], "what this process saw, then what was known before it");
    *running.cache().refuse.lock().unwrap() = Some(WarmRefused::Busy);
    running.after(5 * MINUTE).await;
    *running.cache().refuse.lock().unwrap() = None;
    running.after(5 * MINUTE).await;
    assert_eq!(running.asked_for(), ["xyz", "abx", "ab"], "and then only what is still asked for");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_night_forgets_nothing() {
    let running = Running::start(bench("wxyz", "{ top: 9, every: 1m }")).await;
    running.sees("a");
    running.after(10 * MINUTE).await;
    assert_eq!(running.stored(), "awxyz");
    running.sees("");
    running.after(10 * MINUTE).await;
    assert_eq!(running.end().await.memory.hot_urls().unwrap(), hot("wxyz"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_costs_nothing_but_the_list() {
    let store = Scripted::default();
    store.memory.set_hot_urls(&hot("xyz")).unwrap();
    *store.fail_list.lock().unwrap() = Some(|| StoreError::Locked);
    let running = Running::start(with(store, ALL)).await;
    running.sees("a");
    assert_eq!(running.ready().await.status, 200);
    running.after(2 * MINUTE).await;
    assert_eq!((running.stored().as_str(), running.asked_for().len()), ("xyz", 0));
    *running.store.fail_list.lock().unwrap() = None;
    running.after(MINUTE).await;
    assert_eq!(
        running.stored(),
        "axy",
        "what could not be read was not overwritten with the little that was seen"
    );
    *running.store.fail_list.lock().unwrap() = Some(|| StoreError::Full);
    running.sees("b");
    running.after(MINUTE).await;
    assert_eq!(running.stored(), "axy");
    *running.store.fail_list.lock().unwrap() = None;
    running.after(MINUTE).await;
    assert_eq!((running.stored().as_str(), running.asked_for()), ("bxy", vec!["bxy".to_owned()]));
}

/// The list is not read while nobody wants it, and must not be overwritten with the little that was seen by then.
#[tokio::test(start_paused = true)]
async fn what_a_reload_turns_on_begins_with_what_the_store_has() {
    let store = Scripted::default();
    store.memory.set_hot_urls(&hot("xyz")).unwrap();
    let bench = Bench::with_store(store);
    let text = format!("{}cache: {{ warm: {ALL} }}\n", config("5%", "0%"));
    let plan = banyan_config::parse(&bench.config.display().to_string(), &text);
    let plan = Arc::new(plan.unwrap_or_else(|report| panic!("{report}")));
    let running = Running::start(bench).await;
    running.sees("a");
    running.after(2 * MINUTE).await;
    assert_eq!((running.stored().as_str(), running.asked_for().len()), ("xyz", 0));
    let adopted = running.shared.standing.adopt(plan, async |_| Ok::<_, ()>(())).await;
    assert_eq!(adopted, Ok(()));
    *running.store.fail_list.lock().unwrap() = Some(|| StoreError::Locked);
    running.after(MINUTE).await;
    *running.store.fail_list.lock().unwrap() = None;
    running.after(MINUTE).await;
    assert_eq!(running.stored(), "axy");
    assert_eq!(running.ready().await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn without_it_the_store_is_left_alone() {
    let running = Running::start(Bench::new()).await;
    running.sees("abc");
    running.after(10 * MINUTE).await;
    assert_eq!(running.asked_for(), [""; 0]);
    assert_eq!(running.end().await.memory.hot_urls().unwrap(), []);
}
