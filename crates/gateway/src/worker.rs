//! A worker: one thread, one runtime, one core's share of everything. Nothing in it is ever locked or sent away.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use banyan_http1::Names;
use banyan_resilience::Dice;
use banyan_telemetry::{
    access::LineBuffer,
    spans::{FinishedSpan, Spans},
};
use http::HeaderValue;
use rand::{SeedableRng as _, rngs::SmallRng};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    access::{self, Ended},
    cache::{
        exact::{Again, Exact},
        hot::{CacheUrl, Samples},
        level::Level,
        warm::{Warmed, warm},
    },
    compiled::Compiled,
    connections::Connections,
    exchange::Exchange,
    judging::{self, Sighting},
    meter::Meter,
    outcome::Ending,
    shadow::tap::Job,
    stages::shadow,
    subject::Signer,
    trace::TraceContext,
    upstream::local::LocalUpstream,
    wire::{self, room::Rooms},
};

/// How often access lines are handed over, idle connections swept and the date is formatted.
const HOUSEKEEPING: Duration = Duration::from_millis(200);

/// What one worker holds of one generation.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) upstreams: Vec<Rc<LocalUpstream>>,
    /// A way to ask the level of the cache that nodes share.
    pub(crate) level: Option<banyan_l2::Handle>,
}

/// One worker.
#[derive(Debug)]
pub(crate) struct Worker {
    local: RefCell<Rc<Local>>,
    pub(crate) rng: RefCell<SmallRng>,
    /// For what the engine draws.
    pub(crate) dice: Dice,
    /// What is asked for.
    pub(crate) samples: Samples,
    /// Room for what connections read and write.
    pub(crate) rooms: Rc<Rooms>,
    /// Names of fields as clients wrote them last.
    pub(crate) names: RefCell<Names>,
    /// Requests that are the same to the last byte.
    pub(crate) exact: Exact,
    pub(crate) signer: Signer,
    pub(crate) meter: Meter,
    pub(crate) log: Option<RefCell<LineBuffer>>,
    pub(crate) shadow: mpsc::Sender<Job>,
    pub(crate) judge: mpsc::Sender<Sighting>,
    pub(crate) connections: Arc<Connections>,
    draining: Cell<bool>,
    drain: Notify,
    pub(crate) spans: Option<Spans>,
    /// Fetches of the cache. They end with the worker.
    fetches: RefCell<JoinSet<()>>,
    date: RefCell<(u64, HeaderValue)>,
    clock: Cell<(Instant, std::time::SystemTime)>,
}

/// What a worker is started with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) signer: Signer,
    pub(crate) meter: Meter,
    pub(crate) log: Option<LineBuffer>,
    pub(crate) shadow: mpsc::Sender<Job>,
    pub(crate) judge: mpsc::Sender<Sighting>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) draining: watch::Receiver<bool>,
    pub(crate) spans: Option<Spans>,
    /// One per listener of the plan.
    pub(crate) listeners: Vec<std::net::TcpListener>,
    pub(crate) orders: mpsc::Receiver<Order>,
}

/// What a worker is told to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// To go over to a new generation, and whom to tell when it is in force.
    Adopt(Arc<Compiled>, oneshot::Sender<()>),
    /// To ask for a URL, so that its answer is kept.
    Warm(CacheUrl, oneshot::Sender<Warmed>),
}

/// Runs until the gateway is drained and every connection of this worker has ended.
pub(crate) async fn run(parts: Parts) -> std::io::Result<()> {
    let rooms = Rc::<Rooms>::default();
    let worker = Rc::new(Worker {
        local: RefCell::new(Rc::new(Local::new(parts.compiled, None, &rooms))),
        rng: RefCell::new(SmallRng::from_os_rng()),
        dice: Dice::unpredictable(),
        samples: Samples::default(),
        rooms,
        names: RefCell::default(),
        exact: Exact::default(),
        signer: parts.signer,
        meter: parts.meter,
        log: parts.log.map(RefCell::new),
        shadow: parts.shadow,
        judge: parts.judge,
        connections: parts.connections,
        draining: Cell::new(false),
        drain: Notify::new(),
        spans: parts.spans,
        fetches: RefCell::default(),
        date: RefCell::new((0, HeaderValue::from_static(""))),
        clock: Cell::new((Instant::now(), std::time::SystemTime::now())),
    });
    let mut open = JoinSet::new();
    for (index, listener) in parts.listeners.into_iter().enumerate() {
        let listener = wire::listen::adopt(listener)?;
        open.spawn_local(wire::accept::run(worker.clone(), listener, index));
    }
    let house = tokio::task::spawn_local(keep_house(worker.clone(), parts.orders));
    let watch = tokio::task::spawn_local(watch_for_drain(worker.clone(), parts.draining));
    // Accept loops end when the drain begins and their connections have ended.
    while open.join_next().await.is_some() {}
    house.abort();
    watch.abort();
    worker.flush();
    Ok(())
}

async fn watch_for_drain(worker: Rc<Worker>, mut draining: watch::Receiver<bool>) {
    // The sender goes away only together with the gateway, which is a drain too.
    let _gone = draining.wait_for(|&draining| draining).await.is_err();
    worker.draining.set(true);
    worker.drain.notify_waiters();
}

async fn keep_house(worker: Rc<Worker>, mut orders: mpsc::Receiver<Order>) {
    let mut ticks = interval(HOUSEKEEPING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    loop {
        tokio::select! {
            order = orders.recv(), if open => match order {
                Some(order) => worker.carry_out(order),
                None => open = false,
            },
            _ = ticks.tick() => {
                worker.flush();
                worker.forget_fetches();
                let local = worker.local();
                if let Some(cache) = &local.compiled.cache {
                    worker.samples.hand_over(&cache.heat, Instant::now());
                }
                local.upstreams.iter().for_each(|upstream| upstream.sweep(Instant::now()));
                worker.clock.set((Instant::now(), std::time::SystemTime::now()));
            }
        }
    }
}

impl Local {
    fn new(compiled: Arc<Compiled>, before: Option<&Self>, rooms: &Rc<Rooms>) -> Self {
        let now = Instant::now();
        let known = before.map(|before| before.upstreams.as_slice()).unwrap_or_default();
        let upstreams = compiled.upstreams.iter().map(|shared| {
            let same = known.iter().find(|local| Arc::ptr_eq(&local.shared, shared));
            same.cloned().unwrap_or_else(|| Rc::new(LocalUpstream::new(shared.clone(), rooms.clone(), now)))
        });
        let same = before.filter(|before| {
            let caches = before.compiled.cache.as_ref().zip(compiled.cache.as_ref());
            caches.is_some_and(|(old, new)| Arc::ptr_eq(old, new))
        });
        let level = match same {
            Some(before) => before.level.clone(),
            None => compiled.cache.as_ref().and_then(|cache| cache.level.as_ref()).map(Level::handle),
        };
        Self { upstreams: upstreams.collect(), level, compiled }
    }
}

impl Worker {
    /// The generation in force; a request keeps the one it got.
    pub(crate) fn local(&self) -> Rc<Local> {
        self.local.borrow().clone()
    }

    fn carry_out(self: &Rc<Self>, order: Order) {
        match order {
            Order::Adopt(compiled, done) => {
                self.adopt(compiled);
                if done.send(()).is_err() {
                    tracing::debug!("nobody waited for the plan that is now in force");
                }
            }
            Order::Warm(url, done) => {
                let warming = warm(self.clone(), url);
                self.spawn(async move {
                    if done.send(warming.await).is_err() {
                        tracing::debug!("nobody waited for what came of filling the cache");
                    }
                });
            }
        }
    }

    fn adopt(&self, compiled: Arc<Compiled>) {
        let next = Local::new(compiled, Some(&self.local()), &self.rooms);
        self.meter.forget_routes();
        self.exact.forget();
        *self.local.borrow_mut() = Rc::new(next);
    }

    /// Runs a fetch in a task of its own.
    pub(crate) fn spawn(&self, fetch: impl Future<Output = ()> + 'static) {
        self.fetches.borrow_mut().spawn_local(fetch);
    }

    fn forget_fetches(&self) {
        let mut fetches = self.fetches.borrow_mut();
        while fetches.try_join_next().is_some() {}
    }

    fn flush(&self) {
        if let Some(log) = &self.log {
            log.borrow_mut().flush();
        }
    }

    /// A time of a moment ago: exact to the interval of housekeeping, and free.
    pub(crate) fn recent(&self) -> Instant {
        self.clock.get().0
    }

    /// The wall clock, read a few times a second: exact enough for dates, and free on the request path.
    pub(crate) fn wall_clock(&self, at: Instant) -> std::time::SystemTime {
        let (instant, system) = self.clock.get();
        match at.checked_duration_since(instant) {
            Some(later) => system + later,
            None => system - instant.duration_since(at),
        }
    }

    /// The `Date` of an answer that has none.
    pub(crate) fn date(&self, now: Instant) -> HeaderValue {
        let time = self.wall_clock(now);
        let second = time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut cached = self.date.borrow_mut();
        if cached.0 != second {
            let text = httpdate::fmt_http_date(time);
            *cached = (second, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")));
        }
        cached.1.clone()
    }

    /// Whether the gateway is shutting down.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Ready once the drain has begun.
    pub(crate) async fn drain_begun(&self) {
        let begun = self.drain.notified();
        if !self.draining.get() {
            begun.await;
        }
    }

    /// Counts a request that is the same to the last byte as one before it, and writes its access line.
    pub(crate) fn finish_again(&self, again: &Again, client: &HeaderValue, ending: Ending, sent: u64) {
        let now = Instant::now();
        let took = now.saturating_duration_since(again.started);
        self.meter.again(&again.known.counted, ending, took);
        self.samples.note(&again.hit.entry.label);
        if let Some(log) = &self.log {
            let ended = Ended { ending, sent, at: self.wall_clock(now), took };
            let trace = TraceContext::id_of_its_own(&mut *self.rng.borrow_mut());
            log.borrow_mut().line(|out| access::write_again(out, client, again, &trace, ended));
        }
    }

    /// Counts an exchange that has ended, and writes its access line and span.
    pub(crate) fn finish(&self, exchange: &Exchange) {
        let now = Instant::now();
        let took = now.saturating_duration_since(exchange.started);
        let local = self.local();
        self.meter.finish(&local, exchange, took);
        judging::tell(self, &local, exchange);
        shadow::time(&local, exchange, took, now);
        if let Some(log) = &self.log {
            let at = self.wall_clock(now);
            log.borrow_mut().line(|out| access::write(out, &local, exchange, at, took));
        }
        if let (Some(spans), true) = (&self.spans, exchange.trace.sampled) {
            spans.offer(span(&local, exchange, self.wall_clock(exchange.started), took));
        }
    }
}

fn span(local: &Local, exchange: &Exchange, start: std::time::SystemTime, took: Duration) -> FinishedSpan {
    let method = exchange.method.as_ref().map_or("_OTHER", http::Method::as_str);
    let route = exchange.route.and_then(|route| local.compiled.labels.get(route)).map_or("", |label| label);
    FinishedSpan {
        trace_id: exchange.trace.trace_id.number(),
        span_id: exchange.trace.span_id,
        parent_id: exchange.trace.parent_id,
        name: if route.is_empty() { method.to_owned() } else { format!("{method} {route}") },
        start,
        end: start + took,
        method: method.to_owned(),
        route: route.to_owned(),
        status: exchange.status,
        ending: exchange.ending.row().code,
        upstream: exchange.asked.upstream.as_deref().map(ToOwned::to_owned),
        unit: exchange.decision.as_ref().map(|decision| decision.name.to_string()),
        side: exchange.decision.as_ref().map(|decision| decision.side.as_str()),
    }
}
