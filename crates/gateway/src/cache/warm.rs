//! Filling the cache before it is asked.
//!
//! A driver hands one URL after the other to the workers, which ask for it as a client would: through the whole pipeline,
//! so that what is kept is what a client gets. It has a budget, and live traffic outranks it: where an upstream has not
//! much to spare, it waits.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use banyan_config::plan::Target;
use banyan_resilience::breaker::State;
use http::{HeaderMap, HeaderValue, Method, Uri, Version, header};
use http_body_util::BodyExt as _;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{hot::CacheUrl, outcome::Outcome};
use crate::{
    forward::Client,
    pipeline::{self, Incoming},
    router::{Match, Query},
    upstream::host::SharedUpstream,
    wire::body::ReqBody,
    worker::{Local, Order, Worker},
};

/// URLs that are asked for at once.
const AT_ONCE: usize = 8;
/// How long to wait where an upstream is busy, and how often before a URL is left out.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSES: usize = 20;

/// Why the cache is not filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WarmRefused {
    /// There is none.
    #[error("no cache is configured")]
    NoCache,
    /// It is being filled already.
    #[error("the cache is being filled already")]
    Busy,
    /// The process ends.
    #[error("the gateway is shutting down")]
    Draining,
}

/// How far filling the cache is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmProgress {
    /// URLs there are.
    pub total: usize,
    /// Of which the answer is kept now.
    pub done: usize,
    /// Of which it is not: the upstream failed, or its answer may not be kept.
    pub failed: usize,
    /// Left out, since their upstream had enough to do.
    pub skipped: usize,
    /// Whether it goes on.
    pub running: bool,
}

/// What came of one URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warmed {
    Kept,
    NotKept,
    /// Its upstream has enough to do.
    Busy,
}

/// How far it is, as the driver counts.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    total: AtomicUsize,
    done: AtomicUsize,
    failed: AtomicUsize,
    skipped: AtomicUsize,
    running: AtomicBool,
    has_run: AtomicBool,
}

impl Progress {
    /// How far it is; `None` before the first time.
    pub(crate) fn read(&self) -> Option<WarmProgress> {
        self.has_run.load(Relaxed).then(|| WarmProgress {
            total: self.total.load(Relaxed),
            done: self.done.load(Relaxed),
            failed: self.failed.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            running: self.running.load(Relaxed),
        })
    }

    /// Begins, unless it has begun.
    pub(crate) fn begin(&self, total: usize) -> Result<(), WarmRefused> {
        if self.running.swap(true, Relaxed) {
            return Err(WarmRefused::Busy);
        }
        self.has_run.store(true, Relaxed);
        self.total.store(total, Relaxed);
        for count in [&self.done, &self.failed, &self.skipped] {
            count.store(0, Relaxed);
        }
        Ok(())
    }

    fn count(&self, warmed: Option<Warmed>) {
        let count = match warmed {
            Some(Warmed::Kept) => &self.done,
            Some(Warmed::NotKept) | None => &self.failed,
            Some(Warmed::Busy) => &self.skipped,
        };
        count.fetch_add(1, Relaxed);
    }

    /// It goes on no longer.
    pub(crate) fn end(&self) {
        self.running.store(false, Relaxed);
    }
}

/// Asks for all `urls`, `rate` a second at most.
pub(crate) async fn drive(
    urls: Vec<CacheUrl>,
    rate: u32,
    workers: Vec<mpsc::Sender<Order>>,
    progress: Arc<Progress>,
) {
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    for (turn, url) in urls.into_iter().enumerate() {
        ticks.tick().await;
        if under_way.len() >= AT_ONCE
            && let Some(warmed) = under_way.join_next().await
        {
            progress.count(warmed.unwrap_or_default());
        }
        under_way.spawn_local(patiently(workers[turn % workers.len()].clone(), url));
    }
    while let Some(warmed) = under_way.join_next().await {
        progress.count(warmed.unwrap_or_default());
    }
    progress.end();
    tracing::info!(progress = ?progress.read(), "filled the cache");
}

/// Asks for one, as soon as its upstream can spare the time. `None` when the worker is gone.
async fn patiently(worker: mpsc::Sender<Order>, url: CacheUrl) -> Option<Warmed> {
    for _ in 0..PAUSES {
        let (done, warmed) = oneshot::channel();
        worker.send(Order::Warm(url.clone(), done)).await.ok()?;
        match warmed.await.ok()? {
            Warmed::Busy => sleep(PAUSE).await,
            warmed => return Some(warmed),
        }
    }
    Some(Warmed::Busy)
}

/// Asks for a URL as a client would, and throws the answer away once it is kept.
pub(crate) async fn warm(worker: Rc<Worker>, url: CacheUrl) -> Warmed {
    let local = worker.local();
    let Some(mut incoming) = request(&url) else { return Warmed::NotKept };
    match is_busy(&local, &incoming, &url) {
        None => return Warmed::NotKept,
        Some(true) => return Warmed::Busy,
        Some(false) => {}
    }
    let client = Client::new(([127, 0, 0, 1], 0).into(), url.secure, false);
    let mut exchange = pipeline::begin(&worker, &client, Version::HTTP_11, &incoming.head);
    exchange.method = Some(Method::GET);
    exchange.target = Some(incoming.target.clone());
    let reply = pipeline::serve(&worker, &client, &mut exchange, &mut incoming).await;
    let mut body = (*reply).into_body();
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return Warmed::NotKept;
        }
    }
    // What was fetched is kept a moment after its last byte has come; the next request is what finds it.
    match exchange.cache {
        Some(Outcome::Hit | Outcome::Validated | Outcome::SecondLevel | Outcome::Coalesced) => Warmed::Kept,
        Some(Outcome::Miss) if exchange.kept => Warmed::Kept,
        _ => Warmed::NotKept,
    }
}

fn request(url: &CacheUrl) -> Option<Incoming> {
    let host = HeaderValue::from_str(&url.host).ok()?;
    let target: Uri = url.target.parse().ok().filter(|target: &Uri| target.path().starts_with('/'))?;
    let head = HeaderMap::from_iter([(header::HOST, host.clone())]).into();
    Some(Incoming { method: Method::GET, target, host: Some(host), head, body: ReqBody::Empty })
}

/// Whether an upstream that would be asked has not much to spare; `None` when its answers are not kept for everybody.
fn is_busy(local: &Local, incoming: &Incoming, url: &CacheUrl) -> Option<bool> {
    let compiled = &local.compiled;
    let query = Query {
        host: url.host.split(':').next().unwrap_or_default(),
        path: incoming.target.path(),
        method: &Method::GET,
        head: &incoming.head,
    };
    let Match::Route(index) = compiled.router.find(&compiled.plan.routes, &query) else { return None };
    compiled.cached[index].as_ref().filter(|route| route.is_for_everybody())?;
    let asked = match compiled.plan.routes[index].target {
        Target::Upstream(id) => [Some(id), None],
        Target::Unit(id) => {
            let unit = &compiled.plan.units[id.0];
            [Some(unit.legacy), Some(unit.replacement)]
        }
    };
    Some(asked.into_iter().flatten().any(|id| has_enough_to_do(&compiled.upstreams[id.0])))
}

fn has_enough_to_do(upstream: &SharedUpstream) -> bool {
    let patterns = &upstream.patterns;
    let is_open = patterns
        .breaker
        .as_ref()
        .is_some_and(|breaker| breaker.status(Instant::now()).state != State::Closed);
    let is_half_full = patterns.limit.as_ref().is_some_and(|limit| {
        let status = limit.status();
        status.waiting > 0 || status.in_flight.saturating_mul(2) > status.limit
    });
    is_open || is_half_full
}
