//! Starting, changing and ending the data plane.

mod cache;

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use arc_swap::ArcSwap;
use banyan_config::plan::{self, Chaos, Plan};
use banyan_httpcache::Secret;
use banyan_resilience::breaker::Forced;
use banyan_state::live::Units;
use banyan_telemetry::{
    access::{AccessLog, Target},
    metrics::Metrics,
    spans::Spans,
    timeline::Timeline,
};
use tokio::{
    runtime::LocalRuntime,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::Instant,
};

use self::cache::KeptCache;
use crate::{
    cache::{
        CacheUrl,
        key::secret_from,
        warm::{self, Progress},
    },
    chaos::{ChaosError, ChaosTarget, Switched},
    compiled::{ApplyError, Compiled},
    connections::Connections,
    dependency::Ears,
    judging::{self, Sighting},
    meter::Meter,
    scrape::Scrape,
    shadow::{
        runner::{Known, Runner},
        tap::Job,
    },
    status::{self, BreakerStatus, UpstreamStatus},
    subject::Signer,
    upstream::{keeper, resolve},
    wire::listen,
    worker::{self, Order},
};

/// Where a worker tells what it does besides answering.
struct Queues {
    shadow: mpsc::Sender<Job>,
    judge: mpsc::Sender<Sighting>,
}

/// URLs to warm, how many a second, and whom to hand them to.
type WarmList = (Vec<CacheUrl>, u32, Vec<mpsc::Sender<Order>>);

/// Plans that may wait for a worker. There is one writer, and it waits for each to be taken.
const PLAN_QUEUE: usize = 4;

/// What the data plane is given.
#[derive(Debug)]
pub struct Deps {
    /// Where the units stand.
    pub units: Arc<Units>,
    /// Signs the cookies of subjects; the same on every node, kept over restarts.
    pub cookie_secret: [u8; 32],
    /// Where it counts. The gateway adds what is read off to it before it is shared.
    pub metrics: Metrics,
    /// Where sampled spans go.
    pub spans: Option<Spans>,
    /// Where changes are noted.
    pub timeline: Arc<Timeline>,
}

/// The running data plane.
#[derive(Debug)]
pub struct Gateway {
    compiled: Arc<ArcSwap<Compiled>>,
    units: Arc<Units>,
    metrics: Arc<Metrics>,
    timeline: Arc<Timeline>,
    access: Option<Arc<AccessLog>>,
    connections: Arc<Connections>,
    /// What keys of the cache are made with.
    secret: Secret,
    known: Known,
    workers: Vec<mpsc::Sender<Order>>,
    /// URLs that are to be asked for, so that their answers are kept.
    warmer: mpsc::Sender<WarmList>,
    warming: Arc<Progress>,
    keeper: mpsc::Sender<Arc<Compiled>>,
    draining: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    background: Mutex<Vec<JoinHandle<()>>>,
    stop: watch::Sender<bool>,
    addresses: Vec<std::net::SocketAddr>,
}

impl Gateway {
    /// Binds the listeners and starts every thread. When it returns, connections are accepted.
    ///
    /// # Errors
    /// When certificates, addresses or threads cannot be had. Nothing keeps running then.
    pub fn start(plan: Arc<Plan>, deps: Deps) -> Result<Self, ApplyError> {
        let ears = Ears { metrics: &deps.metrics, timeline: &deps.timeline };
        let secret = secret_from(&deps.cookie_secret);
        let compiled = Arc::new(Compiled::new(plan.clone(), 1, &deps.units, &ears, secret, None)?);
        resolve::first(&compiled.upstreams);
        let access = access_log(&plan)?;
        let (shadow, jobs) = mpsc::channel(plan.shadow.queue);
        let (judge, told) = mpsc::channel(judging::QUEUE);
        let shared = Arc::new(ArcSwap::new(compiled.clone()));
        let mut metrics = deps.metrics;
        metrics.collect_from(Box::new(Scrape {
            units: deps.units.clone(),
            compiled: shared.clone(),
            access: access.clone(),
            spans: deps.spans.clone(),
            shadow: shadow.downgrade(),
        }));
        let metrics = Arc::new(metrics);
        let limit = plan.limits.connections;
        metrics.connections_limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
        let connections = Arc::new(Connections::new(limit, metrics.connections.clone()));
        let (draining, _) = watch::channel(false);
        let (stop, _) = watch::channel(false);
        let count = plan.workers.map_or_else(cores, std::num::NonZeroUsize::get);
        let listeners = bind_all(&plan, count)?;
        let addresses = listeners[0].iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let known = Known::default();
        let (keeper, keeper_plans) = mpsc::channel(PLAN_QUEUE);
        // One list at a time; while one is under way, the next is refused.
        let (warmer, lists) = mpsc::channel(1);
        let mut gateway = Self {
            compiled: shared,
            units: deps.units,
            metrics,
            timeline: deps.timeline,
            access,
            connections,
            secret,
            known,
            workers: Vec::new(),
            warmer,
            warming: Arc::default(),
            keeper,
            draining,
            threads: Mutex::default(),
            background: Mutex::default(),
            stop,
            addresses,
        };
        gateway.remember_shadows(&compiled);
        gateway.start_background(&compiled, jobs, keeper_plans, lists)?;
        gateway.start_judge(told)?;
        let signer = Signer::new(&deps.cookie_secret);
        for (index, listeners) in listeners.into_iter().enumerate() {
            let queues = Queues { shadow: shadow.clone(), judge: judge.clone() };
            gateway.start_worker(index, listeners, &compiled, &signer, queues, deps.spans.clone())?;
        }
        gateway.metrics.generation.set(1);
        Ok(gateway)
    }

    fn start_worker(
        &mut self,
        index: usize,
        listeners: Vec<std::net::TcpListener>,
        compiled: &Arc<Compiled>,
        signer: &Signer,
        queues: Queues,
        spans: Option<Spans>,
    ) -> Result<(), ApplyError> {
        let (sender, orders) = mpsc::channel(PLAN_QUEUE);
        let parts = worker::Parts {
            compiled: compiled.clone(),
            signer: signer.clone(),
            meter: Meter::new(self.metrics.clone()),
            log: self.access.as_ref().map(|access| access.buffer()),
            shadow: queues.shadow,
            judge: queues.judge,
            connections: self.connections.clone(),
            draining: self.draining.subscribe(),
            spans,
            listeners,
            orders,
        };
        let thread = spawn(format!("worker-{index}"), move |runtime| {
            if let Err(error) = runtime.block_on(worker::run(parts)) {
                tracing::error!(%error, "a worker could not start");
            }
        })?;
        self.workers.push(sender);
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    fn start_background(
        &self,
        compiled: &Arc<Compiled>,
        jobs: mpsc::Receiver<Job>,
        mut plans: mpsc::Receiver<Arc<Compiled>>,
        mut lists: mpsc::Receiver<WarmList>,
    ) -> Result<(), ApplyError> {
        let (known, limits, timeline) = (self.known.clone(), compiled.plan.shadow, self.timeline.clone());
        let stop = self.stop.subscribe();
        let shadow = spawn("shadow".into(), move |runtime| {
            runtime.block_on(Runner::new(known, limits, timeline).run(jobs, stop));
        })?;
        let (first, progress) = (compiled.clone(), self.warming.clone());
        let mut stop = self.stop.subscribe();
        let keeper = spawn("keeper".into(), move |runtime| {
            runtime.block_on(async {
                let mut tasks = keeper::keep(&first.upstreams);
                let mut cache = KeptCache::of(&first, None);
                let mut fills = JoinSet::new();
                loop {
                    tokio::select! {
                        plan = plans.recv() => match plan {
                            // What did not change is begun anew too: a check more or less harms nobody.
                            Some(plan) => {
                                tasks = keeper::keep(&plan.upstreams);
                                cache = KeptCache::of(&plan, cache);
                            }
                            None => break,
                        },
                        Some((urls, rate, workers)) = lists.recv() => {
                            fills.spawn_local(warm::drive(urls, rate, workers, progress.clone()));
                        }
                        _ = stop.wait_for(|&stop| stop) => break,
                    }
                }
                tasks.shutdown().await;
            });
        })?;
        self.background.lock().unwrap_or_else(PoisonError::into_inner).extend([shadow, keeper]);
        Ok(())
    }

    fn start_judge(&self, told: mpsc::Receiver<Sighting>) -> Result<(), ApplyError> {
        let (units, stop) = (self.units.clone(), self.stop.subscribe());
        let judge = spawn("judge".into(), move |runtime| runtime.block_on(judging::run(told, units, stop)))?;
        self.background.lock().unwrap_or_else(PoisonError::into_inner).push(judge);
        Ok(())
    }

    fn remember_shadows(&self, compiled: &Compiled) {
        let shadows = compiled.units.iter().filter_map(|unit| unit.shadow.clone()).collect();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Drops noted for the plan that goes are not lost.
        known.iter().for_each(|unit| unit.fold());
        *known = shadows;
    }

    /// Puts a plan in force on every worker: all or nothing, and requests under way keep the one they have.
    ///
    /// # Errors
    /// When it cannot be used; the plan before stays in force.
    pub async fn apply(&self, plan: Arc<Plan>) -> Result<(), ApplyError> {
        let before = self.compiled.load_full();
        let generation = before.generation + 1;
        let ears = Ears { metrics: &self.metrics, timeline: &self.timeline };
        let compiled =
            Arc::new(Compiled::new(plan, generation, &self.units, &ears, self.secret, Some(&before))?);
        let named = compiled.clone();
        let resolved = tokio::task::spawn_blocking(move || resolve::first(&named.upstreams)).await;
        if let Err(error) = resolved {
            tracing::error!(%error, "looking names up failed");
        }
        self.connections.set_limit(compiled.plan.limits.connections);
        self.metrics
            .connections_limit
            .set(i64::try_from(compiled.plan.limits.connections).unwrap_or(i64::MAX));
        self.remember_shadows(&compiled);
        let mut taken = Vec::new();
        for worker in &self.workers {
            let (done, wait) = oneshot::channel();
            worker.send(Order::Adopt(compiled.clone(), done)).await.map_err(|_| ApplyError::ShuttingDown)?;
            taken.push(wait);
        }
        for wait in taken {
            wait.await.map_err(|_| ApplyError::ShuttingDown)?;
        }
        self.keeper.send(compiled.clone()).await.map_err(|_| ApplyError::ShuttingDown)?;
        self.compiled.store(compiled);
        self.metrics.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        Ok(())
    }

    /// How the upstreams are.
    #[must_use]
    pub fn upstreams(&self) -> Vec<UpstreamStatus> {
        status::read(&self.compiled.load().upstreams)
    }

    /// How the circuit breakers are.
    #[must_use]
    pub fn breakers(&self) -> Vec<BreakerStatus> {
        let now = Instant::now();
        self.compiled.load().upstreams.iter().filter_map(|upstream| status::breaker(upstream, now)).collect()
    }

    /// Holds the breaker of an upstream in a state for a while; `None` lets it judge by itself again. What it is then, or
    /// `None` if there is no such breaker.
    pub fn force_breaker(&self, upstream: &str, forced: Option<(Forced, Duration)>) -> Option<BreakerStatus> {
        let compiled = self.compiled.load();
        let upstream = compiled.upstreams.iter().find(|known| *known.config.name == *upstream)?;
        let now = Instant::now();
        upstream.patterns.force(forced, now)?;
        status::breaker(upstream, now)
    }

    /// Faults that are switched at run time.
    #[must_use]
    pub fn chaos(&self) -> Vec<Switched> {
        self.compiled.load().switchboard.list(Instant::now())
    }

    /// Switches faults for a while; `None` for none, against the config.
    ///
    /// # Errors
    /// In production, and for what is not in the config.
    pub fn set_chaos(
        &self,
        target: ChaosTarget,
        chaos: Option<Chaos>,
        lasts: Duration,
    ) -> Result<(), ChaosError> {
        let compiled = self.compiled.load();
        compiled.may_have_chaos(&target)?;
        compiled.switchboard.set(target, chaos, lasts, Instant::now());
        Ok(())
    }

    /// Ends what was switched; the config holds again. Whether there was anything to end.
    ///
    /// # Errors
    /// In production, and for what is not in the config.
    pub fn clear_chaos(&self, target: &ChaosTarget) -> Result<bool, ChaosError> {
        let compiled = self.compiled.load();
        compiled.may_have_chaos(target)?;
        Ok(compiled.switchboard.clear(target, Instant::now()))
    }

    /// The generation in force, from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.compiled.load().generation
    }

    /// The plan in force.
    #[must_use]
    pub fn plan(&self) -> Arc<Plan> {
        self.compiled.load().plan.clone()
    }

    /// What it counts.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    /// Where it listens, in the order of the config; of use when a port was left to the system.
    #[must_use]
    pub fn addresses(&self) -> &[std::net::SocketAddr] {
        &self.addresses
    }

    /// Client connections that are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.connections.open()
    }

    /// Opens the access log's file again.
    pub fn reopen_log(&self) {
        if let Some(access) = &self.access {
            access.reopen();
        }
    }

    /// Whether the drain has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Stops accepting and lets what is under way end, for as long as `timeouts.drain` says. Blocks until then; call it on
    /// a thread that may.
    pub fn drain(&self) {
        self.draining.send_replace(true);
        self.join(&self.threads);
        self.stop.send_replace(true);
        self.join(&self.background);
    }

    fn join(&self, threads: &Mutex<Vec<JoinHandle<()>>>) {
        let threads = std::mem::take(&mut *threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the gateway panicked");
            }
        }
    }
}

/// Whether a plan could be applied, as far as that can be known without binding anything: certificates are read, rules are
/// compiled.
///
/// # Errors
/// What is wrong with it.
pub fn check(plan: &Arc<Plan>) -> Result<(), ApplyError> {
    let ears = Ears { metrics: &Metrics::default(), timeline: &Arc::default() };
    Compiled::new(plan.clone(), 0, &Units::default(), &ears, Secret::new([0; 16]), None).map(drop)
}

fn access_log(plan: &Plan) -> Result<Option<Arc<AccessLog>>, ApplyError> {
    let target = match &plan.log.access {
        plan::AccessLog::Off => return Ok(None),
        plan::AccessLog::Stdout => Target::Stdout,
        plan::AccessLog::File(path) => Target::File(path.clone()),
    };
    Ok(Some(Arc::new(AccessLog::start(target)?)))
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// A socket per worker and listener: all are bound before any worker starts.
fn bind_all(plan: &Plan, workers: usize) -> Result<Vec<Vec<std::net::TcpListener>>, ApplyError> {
    let mut addresses: Vec<_> = plan.listeners.iter().map(|listener| listener.address).collect();
    for &address in &addresses {
        listen::ensure_free(address).map_err(|reason| ApplyError::Bind { address, reason })?;
    }
    let mut all = Vec::new();
    for _ in 0..workers {
        let mut sockets = Vec::new();
        for address in &mut addresses {
            let failed = |reason| ApplyError::Bind { address: *address, reason };
            let socket = listen::bind(*address).map_err(failed)?;
            // A port left to the system is the same for all workers.
            *address = socket.local_addr().map_err(failed)?;
            sockets.push(socket);
        }
        all.push(sockets);
    }
    Ok(all)
}

fn spawn(name: String, run: impl FnOnce(LocalRuntime) + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name).spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
        match runtime {
            Ok(runtime) => run(runtime),
            Err(error) => tracing::error!(%error, "a runtime could not be started"),
        }
    })
}
