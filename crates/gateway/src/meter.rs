//! Counting what happened, through handles that are looked up once and kept by the worker.

use std::{
    cell::RefCell,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use banyan_telemetry::metrics::{
    AttemptLabels, CacheLabels, DegradedLabels, EndingLabels, Metrics, RequestLabels, UnitLabels,
};
use http::Method;
use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use smallvec::SmallVec;

use crate::{
    cache::{exact::Counted, outcome::Outcome},
    exchange::Exchange,
    outcome::{Ending, ROWS},
    stages::decide::{Reason, Side},
    worker::Local,
};

/// A worker's handles. Finding one is a short linear search: a route has few methods and few statuses.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) metrics: Arc<Metrics>,
    endings: Vec<Counter>,
    /// By what the cache did.
    cache: Vec<Counter>,
    /// By route, the last for requests without one.
    durations: RefCell<Vec<Durations>>,
    units: RefCell<Vec<Sides>>,
    attempts: RefCell<Vec<Outcomes>>,
}

/// Of one route, by method and status.
type Durations = SmallVec<[(&'static str, u16, Histogram); 2]>;
/// Of one unit, by side and reason.
type Sides = SmallVec<[(Side, Reason, Counter); 3]>;
/// Of one upstream, by outcome.
type Outcomes = SmallVec<[(&'static str, Counter); 2]>;

impl Meter {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        let ending = |code| metrics.endings.get_or_create(&EndingLabels { reason: code }).clone();
        let endings = ROWS.iter().map(|row| ending(row.code)).collect();
        let cached = |result| metrics.cache.get_or_create(&CacheLabels { result }).clone();
        let cache = Outcome::ALL.map(Outcome::as_str).map(cached).to_vec();
        Self {
            metrics,
            endings,
            cache,
            durations: RefCell::default(),
            units: RefCell::default(),
            attempts: RefCell::default(),
        }
    }

    /// A new plan numbers routes, units and upstreams anew.
    pub(crate) fn forget_routes(&self) {
        self.durations.borrow_mut().clear();
        self.units.borrow_mut().clear();
        self.attempts.borrow_mut().clear();
    }

    /// Counts an exchange that has ended.
    pub(crate) fn finish(&self, local: &Local, exchange: &Exchange, took: Duration) {
        self.endings[exchange.ending as usize].inc();
        if let Some(outcome) = exchange.cache {
            self.cache[outcome as usize].inc();
        }
        if exchange.generation != local.compiled.generation {
            // Its route number means another route now; it is still counted, by label.
            return self.finish_late(exchange, took);
        }
        self.count_degraded(local, exchange);
        self.with_durations(local, exchange, |durations| durations.observe(took.as_secs_f64()));
        self.count_unit(local, exchange);
    }

    /// Lets `use_it` have the histogram of an exchange's route, method and status.
    pub(crate) fn with_durations<T>(
        &self,
        local: &Local,
        exchange: &Exchange,
        use_it: impl FnOnce(&Histogram) -> T,
    ) -> T {
        let slot = exchange.route.unwrap_or(local.compiled.labels.len());
        let mut durations = self.durations.borrow_mut();
        let known = slot_of(&mut durations, slot);
        let method = method_label(exchange.method.as_ref());
        let at = known.iter().position(|(m, status, _)| *m == method && *status == exchange.status);
        let at = at.unwrap_or_else(|| {
            let route =
                exchange.route.map_or_else(String::new, |route| local.compiled.labels[route].to_string());
            known.push((method, exchange.status, self.histogram(method, route, exchange.status)));
            known.len() - 1
        });
        use_it(&known[at].2)
    }

    /// Counts a request that is the same to the last byte as one before it.
    pub(crate) fn again(&self, counted: &Counted, ending: Ending, took: Duration) {
        self.endings[ending as usize].inc();
        self.cache[Outcome::Hit as usize].inc();
        counted.durations.observe(took.as_secs_f64());
    }

    fn count_degraded(&self, local: &Local, exchange: &Exchange) {
        if let (Some(degraded), Some(route)) = (&exchange.degraded, exchange.route) {
            let labels = DegradedLabels {
                http_route: local.compiled.labels[route].to_string(),
                missing: degraded.missing.to_string(),
            };
            self.metrics.degraded.get_or_create(&labels).inc();
        }
    }

    fn finish_late(&self, exchange: &Exchange, took: Duration) {
        let method = method_label(exchange.method.as_ref());
        self.histogram(method, String::new(), exchange.status).observe(took.as_secs_f64());
    }

    fn histogram(&self, method: &'static str, route: String, status: u16) -> Histogram {
        let labels = RequestLabels {
            http_request_method: method,
            http_route: route,
            http_response_status_code: status,
        };
        self.metrics.request_duration.get_or_create(&labels).clone()
    }

    fn count_unit(&self, local: &Local, exchange: &Exchange) {
        let Some(decision) = &exchange.decision else { return };
        let counts = &local.compiled.units[decision.unit.0].live.counts;
        let decided = match (decision.side, decision.reason) {
            (Side::Legacy, Reason::Percent) => &counts.legacy,
            (Side::Replacement, _) | (Side::Legacy, Reason::Fallback) => &counts.replacement,
        };
        decided.fetch_add(1, Relaxed);
        if decision.reason == Reason::Fallback {
            counts.fallback.fetch_add(1, Relaxed);
        }
        let mut units = self.units.borrow_mut();
        let known = slot_of(&mut units, decision.unit.0);
        let at =
            known.iter().position(|(side, reason, _)| (*side, *reason) == (decision.side, decision.reason));
        let at = at.unwrap_or_else(|| {
            let labels = UnitLabels {
                unit: decision.name.to_string(),
                side: decision.side.as_str(),
                reason: decision.reason.as_str(),
            };
            let counter = self.metrics.unit_requests.get_or_create(&labels).clone();
            known.push((decision.side, decision.reason, counter));
            known.len() - 1
        });
        known[at].2.inc();
    }

    /// Counts attempts on an upstream; all but the last have failed to connect.
    pub(crate) fn attempt(&self, upstream: usize, name: &str, outcome: &'static str, attempts: u32) {
        if attempts == 0 {
            return;
        }
        let mut known = self.attempts.borrow_mut();
        let known = slot_of(&mut known, upstream);
        let mut count = |outcome: &'static str, by: u64| {
            let at = known.iter().position(|(known, _)| *known == outcome).unwrap_or_else(|| {
                let labels = AttemptLabels { upstream: name.to_owned(), outcome };
                known.push((outcome, self.metrics.upstream_attempts.get_or_create(&labels).clone()));
                known.len() - 1
            });
            known[at].1.inc_by(by);
        };
        count(outcome, 1);
        if attempts > 1 {
            count("again", u64::from(attempts - 1));
        }
    }
}

fn slot_of<T: Default>(list: &mut Vec<T>, index: usize) -> &mut T {
    if list.len() <= index {
        list.resize_with(index + 1, T::default);
    }
    &mut list[index]
}

/// The method as a label; what is not well known is `_OTHER`, so that clients cannot make up series.
fn method_label(method: Option<&Method>) -> &'static str {
    match method.map(Method::as_str) {
        Some("GET") => "GET",
        Some("HEAD") => "HEAD",
        Some("POST") => "POST",
        Some("PUT") => "PUT",
        Some("PATCH") => "PATCH",
        Some("DELETE") => "DELETE",
        Some("OPTIONS") => "OPTIONS",
        Some("CONNECT") => "CONNECT",
        Some("TRACE") => "TRACE",
        _ => "_OTHER",
    }
}
