//! What one worker keeps of an upstream: idle connections, cost estimates, and the choice between hosts.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use rand::{Rng as _, rngs::SmallRng};
use tokio::time::Instant;

use super::{
    ewma::PeakEwma,
    h1::Connection,
    h2::Sender,
    health::State,
    host::{Host, SharedUpstream},
};
use crate::wire::room::Rooms;

/// One worker's view of an upstream.
#[derive(Debug)]
pub(crate) struct LocalUpstream {
    pub(crate) shared: Arc<SharedUpstream>,
    rooms: Rc<Rooms>,
    hosts: RefCell<Vec<Rc<LocalHost>>>,
    /// The shared list that `hosts` was made from.
    seen: RefCell<Arc<Vec<Arc<Host>>>>,
}

/// One worker's view of a host.
#[derive(Debug)]
pub(crate) struct LocalHost {
    pub(crate) shared: Arc<Host>,
    pub(crate) upstream: Arc<SharedUpstream>,
    /// What its connections read into and write from.
    pub(crate) rooms: Rc<Rooms>,
    cost: Cell<PeakEwma>,
    in_flight: Cell<u32>,
    /// Idle HTTP/1.1 connections, the most recently used last.
    #[expect(
        clippy::vec_box,
        reason = "a connection goes from here through an exchange and back: only its box moves"
    )]
    idle: RefCell<Vec<Box<Connection>>>,
    /// The HTTP/2 connection, when there is one.
    pub(crate) h2: RefCell<Option<Sender>>,
}

/// A call under way. Dropping it ends the call without a verdict (cancelled calls are neither success nor failure).
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) host: Rc<LocalHost>,
    started: Instant,
}

impl LocalUpstream {
    pub(crate) fn new(shared: Arc<SharedUpstream>, rooms: Rc<Rooms>, now: Instant) -> Self {
        let seen = shared.hosts.load_full();
        let hosts = seen.iter().map(|host| LocalHost::new(host, &shared, &rooms, now)).map(Rc::new).collect();
        Self { shared, rooms, hosts: RefCell::new(hosts), seen: RefCell::new(seen) }
    }

    /// Follows the shared list when names resolved differently; hosts that stay keep their connections.
    fn refresh(&self, now: Instant) {
        if std::ptr::eq(Arc::as_ptr(&self.shared.hosts.load()), Arc::as_ptr(&self.seen.borrow())) {
            return;
        }
        let current = self.shared.hosts.load_full();
        let mut hosts = self.hosts.borrow_mut();
        let old = std::mem::take(&mut *hosts);
        hosts.extend(current.iter().map(|host| {
            let kept = old.iter().find(|local| Arc::ptr_eq(&local.shared, host));
            kept.cloned().unwrap_or_else(|| Rc::new(LocalHost::new(host, &self.shared, &self.rooms, now)))
        }));
        drop(hosts);
        *self.seen.borrow_mut() = current;
    }

    /// Chooses a host: two at random among the fittest, the one that costs less. `tried` are left out while others remain.
    ///
    /// Fit are hosts that are up and not ejected; if there is none, ejected ones; if there is none, those that answer
    /// their health check with an error. A host that is down is never asked: without any other the call fails at once.
    pub(crate) fn pick(
        &self,
        tried: &[Rc<LocalHost>],
        rng: &mut SmallRng,
        now: Instant,
    ) -> Option<Rc<LocalHost>> {
        self.refresh(now);
        let hosts = self.hosts.borrow();
        let untried = |host: &Rc<LocalHost>| !tried.iter().any(|other| Rc::ptr_eq(host, other));
        let is_up = |host: &LocalHost| host.shared.state() == State::Up;
        choose(&hosts, |host| is_up(host) && !host.shared.is_ejected(now) && untried(host), rng, now)
            .or_else(|| choose(&hosts, |host| is_up(host) && untried(host), rng, now))
            .or_else(|| {
                choose(&hosts, |host| host.shared.state() == State::NotReady && untried(host), rng, now)
            })
    }

    /// Whether it has any address at all.
    pub(crate) fn has_hosts(&self) -> bool {
        !self.shared.hosts.load().is_empty()
    }

    /// Closes connections that were idle for longer than the upstream keeps them.
    pub(crate) fn sweep(&self, now: Instant) {
        for host in self.hosts.borrow().iter() {
            let keep = self.shared.config.keep_alive;
            host.idle.borrow_mut().retain(|connection| connection.idle_for(now) < keep);
        }
    }
}

/// The cheaper of two random hosts of a tier.
fn choose(
    hosts: &[Rc<LocalHost>],
    tier: impl Fn(&Rc<LocalHost>) -> bool,
    rng: &mut SmallRng,
    now: Instant,
) -> Option<Rc<LocalHost>> {
    if let [only] = hosts {
        return tier(only).then(|| only.clone());
    }
    let fit = hosts.iter().filter(|host| tier(host));
    let count = fit.clone().count();
    let nth = |n: usize| fit.clone().nth(n);
    if count < 2 {
        return nth(0).cloned();
    }
    let first = rng.random_range(0..count);
    let second = (first + rng.random_range(1..count)) % count;
    let (first, second) = (nth(first)?, nth(second)?);
    Some(if second.load(now) < first.load(now) { second.clone() } else { first.clone() })
}

impl LocalHost {
    fn new(shared: &Arc<Host>, upstream: &Arc<SharedUpstream>, rooms: &Rc<Rooms>, now: Instant) -> Self {
        Self {
            shared: shared.clone(),
            rooms: rooms.clone(),
            upstream: upstream.clone(),
            cost: Cell::new(PeakEwma::new(now)),
            in_flight: Cell::new(0),
            idle: RefCell::default(),
            h2: RefCell::default(),
        }
    }

    fn load(&self, now: Instant) -> f64 {
        self.cost.get().load(self.in_flight.get(), now)
    }

    /// An idle connection that is still open, the most recently used first.
    pub(crate) fn take_idle(&self, now: Instant) -> Option<Box<Connection>> {
        let keep: Duration = self.upstream.config.keep_alive;
        let mut idle = self.idle.borrow_mut();
        while let Some(mut connection) = idle.pop() {
            if connection.idle_for(now) < keep && connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next call.
    pub(crate) fn put_idle(&self, connection: Box<Connection>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.upstream.config.idle_connections {
            idle.push(connection);
        }
    }
}

impl InFlight {
    pub(crate) fn start(host: Rc<LocalHost>, now: Instant) -> Self {
        host.in_flight.set(host.in_flight.get() + 1);
        host.shared.in_flight.fetch_add(1, Relaxed);
        Self { host, started: now }
    }

    /// The host answered well.
    pub(crate) fn succeeded(&self, now: Instant) {
        let mut cost = self.host.cost.get();
        cost.observe(now.saturating_duration_since(self.started), now);
        self.host.cost.set(cost);
        self.host.shared.succeeded(&self.host.upstream, now);
    }

    /// The host answered: an error of its own counts against it, whatever it says to the client.
    pub(crate) fn judge_status(&self, status: http::StatusCode, now: Instant) {
        if status.is_server_error() { self.failed(now) } else { self.succeeded(now) }
    }

    /// The host failed.
    pub(crate) fn failed(&self, now: Instant) {
        let mut cost = self.host.cost.get();
        cost.fail(now);
        self.host.cost.set(cost);
        self.host.shared.failed(&self.host.upstream, now);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.host.in_flight.set(self.host.in_flight.get() - 1);
        self.host.shared.in_flight.fetch_sub(1, Relaxed);
    }
}
