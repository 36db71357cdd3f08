//! What the tests work on.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body};
use banyan_config::plan::{Chaos, Plan};
use banyan_flags::Percent;
use banyan_state::{
    AlertRecord, Beat, CacheUrl, Change, Entry, FlagChange, FlagEntry, FlagRecord, HotUrl, Memory,
    NodeRecord, Record, RolloutEntry, RolloutRecord, RolloutStep, Store, StoreError, Term, Watch,
    live::Units,
};
use banyan_telemetry::{metrics::Metrics, timeline::Timeline};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;
use tower::ServiceExt;

use super::fake_cache::FakeCache;
use crate::{
    BoxFuture, BreakerChange, BreakerStatus, CacheStatus, CachedAnswer, ChaosRefused, ChaosTarget, Control,
    DataPlane, EndpointStatus, Forced, Parts, Purge, Readiness, SwitchedChaos, UpstreamStatus, WarmProgress,
    WarmRefused, api, load_or_create,
    reload::{Owner, Reloader},
};

/// A config with two units at these shares.
pub(super) fn config(articles: &str, users: &str) -> String {
    format!(
        r#"version: 1
listen: 127.0.0.1:8080
admin: {{ listen: 127.0.0.1:9901 }}
state: ./banyan.db
upstreams:
  legacy: {{ endpoints: ["http://127.0.0.1:7001"] }}
  new: {{ endpoints: ["http://127.0.0.1:7002"] }}
units:
  articles:
    legacy: legacy
    replacement: new
    percent: {articles}
    routes: [ {{ match: "GET /articles" }} ]
  users:
    legacy: legacy
    replacement: new
    percent: {users}
    routes: [ {{ match: "GET /users" }} ]
"#
    )
}

/// The same config in staging, with faults and a route outside of the units.
pub(super) fn rehearsal() -> String {
    let chaos = r#"chaos: { fail: 1%, fail_with: reset, when: { headers: { x-probe: "yes" } } }"#;
    config("5%", "0%")
        .replace("version: 1", "version: 1\nenvironment: staging")
        .replace("7002\"]", &format!("7002\"], {chaos}"))
        + "routes: [ { match: \"GET /posts/{id}\", to: legacy, chaos: off } ]\n"
}

/// A control plane whose owner of reloads waits to be started.
pub(super) struct Bench {
    pub(super) folder: TempDir,
    pub(super) config: PathBuf,
    pub(super) store: Arc<Scripted>,
    pub(super) units: Arc<Units>,
    pub(super) data_plane: Arc<Fake>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) control: Control,
    pub(super) router: Router,
    pub(super) token: String,
}

/// An answer, its body read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Bench {
    /// Articles at 5 %, users at 0 %.
    pub(super) fn new() -> Self {
        Self::with_store(Scripted::default())
    }

    /// The same, where faults may be made.
    pub(super) fn rehearsal() -> Self {
        Self::with(Scripted::default(), &rehearsal())
    }

    pub(super) fn with_store(store: Scripted) -> Self {
        Self::with(store, &config("5%", "0%"))
    }

    pub(super) fn with(store: Scripted, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("banyan.yaml");
        fs::write(&config, text).unwrap();
        let plan = Arc::new(banyan_config::load(&config).unwrap_or_else(|report| panic!("{report}")));
        let node = plan.node.clone().unwrap_or_else(|| "gw-1".into());
        let token = load_or_create(&folder.path().join("token")).unwrap();
        let (store, units, metrics) = (Arc::new(store), Arc::<Units>::default(), Arc::<Metrics>::default());
        let data_plane = Arc::new(Fake { units: units.clone(), ..Fake::default() });
        let revealed = token.reveal().to_owned();
        let parts = Parts {
            plan,
            config: config.clone(),
            store: store.clone(),
            units: units.clone(),
            data_plane: data_plane.clone(),
            metrics: metrics.clone(),
            timeline: Arc::<Timeline>::default(),
            token,
            version: "1.2.3",
            node,
        };
        let control = Control::new(parts).unwrap();
        let router = api::admin(control.shared.clone(), true);
        Self { folder, config, store, units, data_plane, metrics, control, router, token: revealed }
    }

    /// Starts the owner of reloads and gives its handle.
    pub(super) fn start(self) -> (Started, Reloader) {
        let Self { folder, config, units, data_plane, metrics, control, router, token, .. } = self;
        let reloader = control.shared.reloader.clone();
        tokio::spawn(Owner::run(control.owner));
        let started = Started { _folder: folder, config, units, data_plane, metrics, router, token };
        (started, reloader)
    }

    pub(super) fn percent(&self, unit: &str) -> String {
        self.units.get(unit).unwrap().percent().to_string()
    }

    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        ask(&self.router, &self.token, method, path, body).await
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub(super) async fn set(&self, unit: &str, percent: &str) -> Answer {
        let body = serde_json::json!({ "percent": percent, "by": "ada", "why": "step" });
        self.ask(Method::PUT, &format!("/v1/units/{unit}"), Some(body)).await
    }

    pub(super) async fn post(&self, path: &str) -> Answer {
        self.ask(Method::POST, path, None).await
    }

    pub(super) async fn post_json(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }
}

/// A [`Bench`] that reloads.
pub(super) struct Started {
    _folder: TempDir,
    pub(super) config: PathBuf,
    pub(super) units: Arc<Units>,
    pub(super) data_plane: Arc<Fake>,
    pub(super) metrics: Arc<Metrics>,
    router: Router,
    token: String,
}

impl Started {
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        ask(&self.router, &self.token, method, path, body).await
    }

    pub(super) fn percent(&self, unit: &str) -> String {
        self.units.get(unit).unwrap().percent().to_string()
    }
}

/// Asks as the owner of the token does.
async fn ask(router: &Router, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = request(method, path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    send(router, request.body(body).unwrap()).await
}

/// A request from this machine, without the token.
pub(super) fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:9901")
}

pub(super) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The problem document, checked to be one of this status and type.
    pub(super) fn problem(&self, status: u16, name: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:banyan:problem:{name}"));
        assert_eq!(problem["status"], status);
        problem
    }

    /// The detail of a problem document of this status and type.
    pub(super) fn detail(&self, status: u16, name: &str) -> String {
        self.problem(status, name)["detail"].as_str().unwrap().to_owned()
    }
}

/// Live shares by unit.
type Shares = Vec<(String, Percent)>;

/// A data plane that notes what it is given.
pub(super) struct Fake {
    units: Arc<Units>,
    /// For each applied plan, the live share of every unit at that moment.
    pub(super) applied: Mutex<Vec<Shares>>,
    pub(super) refuse: Mutex<Option<String>>,
    pub(super) readiness: Mutex<Readiness>,
    /// The breaker of `legacy`, which has one; `new` has none.
    pub(super) breaker: Mutex<BreakerStatus>,
    pub(super) switched: Mutex<Vec<SwitchedChaos>>,
    pub(super) cache: FakeCache,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            units: Arc::default(),
            applied: Mutex::default(),
            refuse: Mutex::default(),
            readiness: Mutex::new(Readiness::Ready),
            breaker: Mutex::new(tripped()),
            switched: Mutex::default(),
            cache: FakeCache::default(),
        }
    }
}

/// A breaker that opened by itself.
fn tripped() -> BreakerStatus {
    BreakerStatus {
        upstream: "legacy".into(),
        state: "open",
        forced: None,
        calls: 0,
        failures: 0,
        slow: 0,
        causes: vec![("timeout", 9), ("reset", 3)],
        open_remaining: Some(Duration::from_millis(3200)),
        last: Some(BreakerChange {
            why: "12 of 20 failed in 10 s (9 timeouts, 3 resets)".to_owned(),
            ago: Duration::from_millis(1800),
        }),
    }
}

impl DataPlane for Fake {
    fn apply(&self, _plan: Arc<Plan>) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            if let Some(why) = self.refuse.lock().unwrap().clone() {
                return Err(why);
            }
            let shares =
                self.units.all().iter().map(|unit| (unit.name.to_string(), unit.percent())).collect();
            self.applied.lock().unwrap().push(shares);
            Ok(())
        })
    }

    fn upstreams(&self) -> Vec<UpstreamStatus> {
        let endpoint = EndpointStatus {
            address: "127.0.0.1:7001".to_owned(),
            health: "not-ready",
            ejected_until: Some(SystemTime::UNIX_EPOCH),
            in_flight: 3,
        };
        vec![UpstreamStatus { name: "legacy".into(), endpoints: vec![endpoint] }]
    }

    fn readiness(&self) -> Readiness {
        *self.readiness.lock().unwrap()
    }

    fn breakers(&self) -> Vec<BreakerStatus> {
        vec![self.breaker.lock().unwrap().clone()]
    }

    fn force_breaker(&self, upstream: &str, forced: Option<(Forced, Duration)>) -> Option<BreakerStatus> {
        let mut breaker = self.breaker.lock().unwrap();
        if *breaker.upstream != *upstream {
            return None;
        }
        breaker.state = forced.map_or("half-open", |(forced, _)| forced.as_str());
        breaker.forced = forced;
        Some(breaker.clone())
    }

    fn chaos(&self) -> Vec<SwitchedChaos> {
        self.switched.lock().unwrap().clone()
    }

    fn set_chaos(
        &self,
        target: &ChaosTarget,
        chaos: Option<Chaos>,
        left: Duration,
    ) -> Result<(), ChaosRefused> {
        let mut switched = self.switched.lock().unwrap();
        switched.retain(|known| known.target != *target);
        switched.push(SwitchedChaos { target: target.clone(), chaos, left });
        Ok(())
    }

    fn clear_chaos(&self, target: &ChaosTarget) -> Result<bool, ChaosRefused> {
        let mut switched = self.switched.lock().unwrap();
        let before = switched.len();
        switched.retain(|known| known.target != *target);
        Ok(switched.len() < before)
    }

    fn cache(&self) -> Option<CacheStatus> {
        self.cache.status.lock().unwrap().clone()
    }

    fn inspect_cache(&self, url: &CacheUrl) -> Vec<CachedAnswer> {
        self.cache.inspect(url)
    }

    fn purge_cache(&self, purge: &Purge) -> Option<usize> {
        self.cache.purge(purge)
    }

    fn hottest(&self, limit: usize) -> Vec<HotUrl> {
        self.cache.hot.lock().unwrap().iter().take(limit).cloned().collect()
    }

    fn warm(&self, urls: Vec<CacheUrl>, rate: u32) -> Result<(), WarmRefused> {
        self.cache.warm(urls, rate)
    }

    fn warming(&self) -> Option<WarmProgress> {
        *self.cache.progress.lock().unwrap()
    }
}

/// Makes the error of a failing store, which cannot be cloned.
pub(super) type Fail = fn() -> StoreError;

/// A store in memory that can be told to fail, to hang, or to look around before each change.
#[derive(Default)]
pub(super) struct Scripted {
    pub(super) memory: Arc<Memory>,
    pub(super) fail: Mutex<Option<Fail>>,
    pub(super) before_change: Mutex<Option<Box<dyn Fn() + Send>>>,
    /// The same as `fail`, for the list of hot URLs only.
    pub(super) fail_list: Mutex<Option<Fail>>,
    /// How often the list of hot URLs was written.
    pub(super) lists: Mutex<usize>,
}

/// Holds a store's next change until told to go on.
pub(super) struct Gate {
    pub(super) entered: Arc<Notify>,
    go_on: SyncSender<()>,
}

impl Gate {
    pub(super) fn open(self) {
        self.go_on.send(()).unwrap();
    }
}

impl Scripted {
    /// The next change hangs until the gate is opened; those after it do not.
    pub(super) fn gate(&self) -> Gate {
        let (entered, (go_on, wait)) = (Arc::new(Notify::new()), sync_channel(1));
        let (tell, wait): (_, Mutex<Option<Receiver<()>>>) = (entered.clone(), Mutex::new(Some(wait)));
        let hang = move || {
            if let Some(wait) = wait.lock().unwrap().take() {
                tell.notify_one();
                wait.recv().unwrap();
            }
        };
        *self.before_change.lock().unwrap() = Some(Box::new(hang));
        Gate { entered, go_on }
    }

    fn may(&self) -> Result<(), StoreError> {
        self.fail.lock().unwrap().map_or(Ok(()), |fail| Err(fail()))
    }

    fn may_list(&self) -> Result<(), StoreError> {
        self.may()?;
        self.fail_list.lock().unwrap().map_or(Ok(()), |fail| Err(fail()))
    }
}

impl Store for Scripted {
    fn units(&self) -> Result<Vec<Record>, StoreError> {
        self.may()?;
        self.memory.units()
    }

    fn change(&self, change: &Change) -> Result<Record, StoreError> {
        if let Some(look) = &*self.before_change.lock().unwrap() {
            look();
        }
        self.may()?;
        self.memory.change(change)
    }

    fn forget(&self, unit: &str, by: &str, why: &str, at: SystemTime) -> Result<(), StoreError> {
        self.may()?;
        self.memory.forget(unit, by, why, at)
    }

    fn history(&self, unit: &str, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.may()?;
        self.memory.history(unit, limit)
    }

    fn flags(&self) -> Result<Vec<FlagRecord>, StoreError> {
        self.may()?;
        self.memory.flags()
    }

    fn change_flag(&self, change: &FlagChange) -> Result<FlagRecord, StoreError> {
        self.may()?;
        self.memory.change_flag(change)
    }

    fn flag_history(&self, key: &str, limit: usize) -> Result<Vec<FlagEntry>, StoreError> {
        self.may()?;
        self.memory.flag_history(key, limit)
    }

    fn rollouts(&self) -> Result<Vec<RolloutRecord>, StoreError> {
        self.may()?;
        self.memory.rollouts()
    }

    fn step_rollout(&self, step: &RolloutStep) -> Result<(RolloutRecord, Option<Record>), StoreError> {
        if let Some(look) = &*self.before_change.lock().unwrap() {
            look();
        }
        self.may()?;
        self.memory.step_rollout(step)
    }

    fn rollout_history(&self, unit: &str, limit: usize) -> Result<Vec<RolloutEntry>, StoreError> {
        self.may()?;
        self.memory.rollout_history(unit, limit)
    }

    fn alerts_due(&self, now: SystemTime, limit: usize) -> Result<Vec<AlertRecord>, StoreError> {
        self.may()?;
        self.memory.alerts_due(now, limit)
    }

    fn alert_sent(&self, id: u64) -> Result<(), StoreError> {
        self.may()?;
        self.memory.alert_sent(id)
    }

    fn alert_failed(&self, id: u64, next_at: SystemTime, why: &str) -> Result<(), StoreError> {
        self.may()?;
        self.memory.alert_failed(id, next_at, why)
    }

    fn beat(&self, beat: &Beat) -> Result<(), StoreError> {
        self.may()?;
        self.memory.beat(beat)
    }

    fn nodes(&self) -> Result<Vec<NodeRecord>, StoreError> {
        self.may()?;
        self.memory.nodes()
    }

    fn forget_node(&self, node: &str) -> Result<(), StoreError> {
        self.may()?;
        self.memory.forget_node(node)
    }

    fn put_evidence(&self, node: &str, unit: &str, epoch: u64, body: &[u8]) -> Result<(), StoreError> {
        self.may()?;
        self.memory.put_evidence(node, unit, epoch, body)
    }

    fn evidence(&self, unit: &str, epoch: u64) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.may()?;
        self.memory.evidence(unit, epoch)
    }

    fn lead(&self, node: &str) -> Result<Option<Term>, StoreError> {
        self.may()?;
        self.memory.lead(node)
    }

    fn watch(&self) -> Box<dyn Watch> {
        self.memory.watch()
    }

    fn secret(&self, name: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        self.memory.secret(name, fresh)
    }

    fn hot_urls(&self) -> Result<Vec<HotUrl>, StoreError> {
        self.may_list()?;
        self.memory.hot_urls()
    }

    fn set_hot_urls(&self, urls: &[HotUrl]) -> Result<(), StoreError> {
        self.may_list()?;
        *self.lists.lock().unwrap() += 1;
        self.memory.set_hot_urls(urls)
    }
}
