//! What rollouts are judged by: every answer of a unit that is on trial, told to a thread of its own.
//!
//! A worker only says what it knows anyway, to a bounded queue; when that is full, the answer is not judged and counted.
//! Which answers those are does not depend on how they turned out, so the judge stays fair.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use banyan_config::plan::{Plan, Target};
use banyan_rollout::{
    Millis, Side as Role, Source,
    judge::{Exhibit, Observation, RouteIndex},
};
use banyan_state::live::{UnitLive, Units};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

use crate::{
    cache::outcome::Outcome,
    exchange::{Exchange, Lack},
    outcome::Ending,
    stages::decide::{Decision, Reason, Side},
    worker::{Local, Worker},
};

/// Answers that may wait to be judged: a fraction of a second's worth, some MB.
pub(crate) const QUEUE: usize = 32 * 1024;
/// Answers that are judged at once, under one lock.
const BATCH: usize = 256;
/// How often judges learn that time passes.
const TICK: Duration = Duration::from_secs(1);

/// An answer, as the judge is told of it.
#[derive(Debug)]
pub(crate) struct Sighting {
    unit: Arc<UnitLive>,
    seen: Observation,
    /// What to look for, should it have failed.
    about: About,
}

/// How to find a request again.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// The label of its route.
    pub(crate) route: Arc<str>,
    /// Status of the answer, or of the one that something else was given for.
    pub(crate) status: u16,
    /// How it ended.
    pub(crate) ending: Ending,
    pub(crate) trace: [u8; 32],
}

impl About {
    fn what(&self) -> String {
        match self.ending {
            Ending::Ok => format!("status {}", self.status),
            ending => ending.row().title.to_lowercase(),
        }
    }

    pub(crate) fn exhibit(
        &self,
        metric: banyan_rollout::Metric,
        source: Source,
        latency_us: Option<u64>,
    ) -> Exhibit {
        Exhibit {
            at: now(),
            metric,
            route: self.route.to_string(),
            source,
            what: self.what(),
            latency_us,
            trace: String::from_utf8_lossy(&self.trace).into_owned(),
        }
    }
}

/// The number of each route among those of its unit, in the order of the plan.
pub(crate) fn numbers(plan: &Plan) -> Vec<RouteIndex> {
    let mut next = vec![0; plan.units.len()];
    let number = |target: &Target| match *target {
        Target::Unit(id) => {
            let number = RouteIndex(next[id.0]);
            next[id.0] = next[id.0].saturating_add(1);
            number
        }
        Target::Upstream(_) => RouteIndex(0),
    };
    plan.routes.iter().map(|route| &route.target).map(number).collect()
}

/// Which role a side plays.
pub(crate) const fn role(side: Side) -> Role {
    match side {
        Side::Legacy => Role::Control,
        Side::Replacement => Role::Candidate,
    }
}

/// What a bucket is to the judge: as good as a subject, of which it stands for one in 10,000.
pub(crate) fn subject(decision: &Decision) -> u64 {
    u64::from(decision.bucket.index())
}

/// The wall clock.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Tells the judge what came of an exchange, if its unit is on trial and a side of it was asked.
pub(crate) fn tell(worker: &Worker, local: &Local, exchange: &Exchange) {
    let Some(decision) = &exchange.decision else { return };
    if exchange.generation != local.compiled.generation {
        return;
    }
    let live = &local.compiled.units[decision.unit.0].live;
    if !live.is_judged() {
        return;
    }
    let Some(sighting) = sighting(local, exchange, decision, live) else { return };
    if worker.judge.try_send(sighting).is_err() {
        live.counts.unjudged.fetch_add(1, Relaxed);
    }
}

fn sighting(
    local: &Local,
    exchange: &Exchange,
    decision: &Decision,
    live: &Arc<UnitLive>,
) -> Option<Sighting> {
    let route = exchange.route?;
    let asked = &exchange.asked;
    // What came from memory says nothing about either side, nor does a client that did not wait.
    let was_asked = asked.attempts > 0 || asked.trouble != Ending::Ok;
    let nobody_waited =
        matches!(exchange.ending, Ending::ClientGone | Ending::ClientStalled) && exchange.status == 0;
    if !was_asked || nobody_waited {
        return None;
    }
    let is_stale = exchange.cache == Some(Outcome::StaleIfError);
    let is_substitute = exchange.degraded.as_ref().is_some_and(|it| matches!(it.why, Lack::Call(_)));
    let fell_back = decision.reason == Reason::Fallback;
    let broke = exchange.ending.is_upstream_failure();
    let (status, ending) = match exchange.gave_up {
        Some((status, ending)) => (status, ending),
        None if asked.trouble != Ending::Ok => (exchange.status, asked.trouble),
        None if broke => (exchange.status, exchange.ending),
        None => (exchange.status, Ending::Ok),
    };
    let latency = exchange.answered.unwrap_or_default();
    Some(Sighting {
        unit: live.clone(),
        seen: Observation {
            route: local.compiled.numbers[route],
            side: if fell_back { Role::Candidate } else { role(decision.side) },
            failed: fell_back || is_substitute || is_stale || broke || exchange.status >= 500,
            latency_us: u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
            degraded: is_stale || exchange.degraded.is_some(),
            // What the shadow compares are answers of its own.
            compared: false,
            subject: subject(decision),
        },
        about: About {
            route: local.compiled.labels[route].clone(),
            status,
            ending,
            trace: exchange.trace.trace_hex(),
        },
    })
}

/// Judges what is told until nobody tells any more, or `stop` says so.
pub(crate) async fn run(
    mut told: mpsc::Receiver<Sighting>,
    units: Arc<Units>,
    mut stop: watch::Receiver<bool>,
) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            count = told.recv_many(&mut batch, BATCH) => match count {
                0 => return,
                _ => batch.drain(..).for_each(judge),
            },
            _ = ticks.tick() => for unit in units.all() {
                let _judged = unit.with_judge(|judge| judge.tick(now()));
            },
            _ = stop.wait_for(|&stop| stop) => return,
        }
    }
}

fn judge(Sighting { unit, seen, about }: Sighting) {
    let _judged = unit.with_judge(|judge| {
        let failed = judge.observe(&seen, now());
        if let Some(metric) = failed.first() {
            judge.exhibit(about.exhibit(metric, Source::Live, Some(seen.latency_us)));
        }
    });
}
