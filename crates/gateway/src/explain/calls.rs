//! How an upstream would be called: every stage of the engine, in its order.

use banyan_config::plan::{
    Breaker, BreakerMode, Concurrency, ConcurrencyLimit, Hedge, HedgeAfter, Plan, Retry, Route,
    RouteFallback, Throttle, Upstream, ValidIf,
};
use banyan_resilience::Stage;

use super::{Step, cache};

pub(super) const NONE: &str = "none";

/// The stages of a call, outermost first, and what each would do.
pub(super) fn stages(plan: &Plan, route: &Route, upstream: &Upstream) -> Vec<Step> {
    let own = &route.policy;
    let says = |stage: Stage| match stage {
        Stage::Deadline => format!("{:?} for the whole call", own.deadline.unwrap_or(upstream.deadline)),
        Stage::Fallback => fallbacks(plan, &own.fallback),
        Stage::Cache => cache::levels(plan, route),
        Stage::Coalesce => cache::coalesces(plan, route),
        Stage::Retry => own.retry.over(upstream.retry.as_ref()).map_or_else(|| NONE.to_owned(), retry),
        Stage::Breaker => upstream.breaker.as_ref().map_or_else(|| "off".to_owned(), breaker),
        Stage::Throttle => upstream.throttle.as_ref().map_or_else(|| NONE.to_owned(), throttle),
        Stage::Limit => upstream.concurrency.as_ref().map_or_else(|| NONE.to_owned(), concurrency),
        Stage::Hedge => own.hedge.over(upstream.hedge.as_ref()).map_or_else(|| NONE.to_owned(), hedge),
        Stage::Timeout => timeout(route, upstream),
    };
    Stage::ORDER.into_iter().map(|stage| Step { name: stage.as_str(), says: says(stage) }).collect()
}

fn fallbacks(plan: &Plan, fallbacks: &[RouteFallback]) -> String {
    if fallbacks.is_empty() {
        return NONE.to_owned();
    }
    let each = fallbacks.iter().map(|fallback| match fallback {
        RouteFallback::Answer(answer) => {
            format!("answer {} with {} bytes of our own", answer.status, answer.body.len())
        }
        RouteFallback::Upstream(id) => format!("ask '{}'", plan.upstreams[id.0].name),
    });
    each.collect::<Vec<_>>().join(", else ")
}

fn retry(retry: &Retry) -> String {
    format!(
        "up to {} attempts if it may run more than once, waiting up to {:?} and doubling to {:?}, within {} of requests and {} a second",
        retry.attempts, retry.base, retry.cap, retry.budget, retry.per_second
    )
}

fn breaker(breaker: &Breaker) -> String {
    let when = match breaker.mode {
        BreakerMode::Consecutive { failures } => format!("{failures} failures in a row"),
        BreakerMode::Ratio { failures, of_at_least, within, slow } => {
            let slow = slow
                .map(|slow| format!(" (or {} slower than {:?})", slow.share, slow.over))
                .unwrap_or_default();
            format!("{failures} of at least {of_at_least} calls failed in {within:?}{slow}")
        }
    };
    format!(
        "opens for {:?} (doubling to {:?}) when {when}; then {} probes at once, closes after {}",
        breaker.open_for, breaker.open_at_most, breaker.probes, breaker.close_after
    )
}

fn throttle(throttle: &Throttle) -> String {
    format!(
        "lets {} calls through for each one accepted in {:?}, refuses at most {}",
        throttle.k.ratio(),
        throttle.within,
        throttle.cap
    )
}

fn concurrency(concurrency: &Concurrency) -> String {
    let limit = match concurrency.limit {
        ConcurrencyLimit::Fixed { limit } => format!("{limit} calls at once"),
        ConcurrencyLimit::Adaptive { start, min, max } => {
            format!("as many calls at once as it can work on, from {start}, within {min} to {max}")
        }
    };
    format!("{limit}; others wait up to {:?}", concurrency.queue)
}

fn hedge(hedge: &Hedge) -> String {
    let after = match hedge.after {
        HedgeAfter::Quantile(quantile) => format!("when it takes longer than {quantile} of calls do"),
        HedgeAfter::Fixed(delay) => format!("after {delay:?}"),
    };
    format!("a second attempt {after}, for at most {} of calls", hedge.extra)
}

fn timeout(route: &Route, upstream: &Upstream) -> String {
    let limit = route.policy.timeout.unwrap_or(upstream.timeout);
    let promise = route.policy.valid_if.over(upstream.valid_if.as_ref());
    let promise = promise.map(|promise| format!("; valid if {}", valid_if(promise))).unwrap_or_default();
    format!("{limit:?} for one attempt, {:?} to connect{promise}", upstream.connect)
}

fn valid_if(promise: &ValidIf) -> String {
    let mut parts = Vec::new();
    if !promise.status.is_empty() {
        let statuses: Vec<_> = promise.status.iter().map(ToString::to_string).collect();
        parts.push(format!("status {}", statuses.join(" or ")));
    }
    parts.extend(promise.content_type.iter().map(|kind| format!("content type {kind}")));
    if promise.json {
        parts.push("a JSON body".to_owned());
    }
    parts.extend(promise.required.iter().map(|pointer| format!("with {pointer}")));
    parts.extend(promise.schema.iter().map(|schema| format!("fits {}", schema.file.display())));
    parts.join(", ")
}
