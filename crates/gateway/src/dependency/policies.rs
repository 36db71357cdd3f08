//! The policy of each call: what an upstream says, and what a route says instead.

use banyan_config::plan::{Effect, Override, Plan, Route, RoutePolicy, Target, UpstreamId, ValidIf};
use banyan_resilience::{
    Policy,
    promise::{self, Promise},
};

use super::{
    classify::classify,
    patterns::{self, Patterns, Reason},
};
use crate::wire::{answer::Reply, body::Broken};

/// How calls of one route to one upstream are made.
#[derive(Debug)]
pub(crate) struct UpstreamPolicy {
    pub(crate) calls: Policy<Reply, Broken>,
    /// What an answer must be.
    pub(crate) promise: Option<Promise>,
    /// Whether an answer should be whole before it is sent on: something else could take its place.
    pub(crate) holds: bool,
    /// Whether the body of a request should be kept, to be sent again.
    pub(crate) keeps_body: bool,
}

impl UpstreamPolicy {
    /// Whether bodies of answers are looked into.
    pub(crate) fn reads_answers(&self) -> bool {
        self.promise.as_ref().is_some_and(Promise::needs_body)
    }
}

/// The policies of a plan.
#[derive(Debug)]
pub(crate) struct Policies {
    /// By upstream, for routes that say nothing.
    plain: Vec<UpstreamPolicy>,
    /// By route, for those that do: one for each upstream they may ask.
    own: Vec<Vec<(UpstreamId, UpstreamPolicy)>>,
}

impl Policies {
    pub(crate) fn new<'a>(
        plan: &Plan,
        patterns: impl Fn(UpstreamId) -> &'a Patterns,
    ) -> Result<Self, (UpstreamId, Reason)> {
        let build = |id: UpstreamId, route: Option<&Route>| {
            policy(plan, id, patterns(id), route).map_err(|reason| (id, reason))
        };
        let plain = (0..plan.upstreams.len()).map(|index| build(UpstreamId(index), None));
        let own = plan.routes.iter().map(|route| {
            let asked = if says_something(route) { asked_by(plan, route) } else { Vec::new() };
            asked.into_iter().map(|id| Ok((id, build(id, Some(route))?))).collect()
        });
        Ok(Self { plain: plain.collect::<Result<_, _>>()?, own: own.collect::<Result<_, _>>()? })
    }

    /// The policy of a route's calls to an upstream.
    pub(crate) fn of(&self, route: Option<usize>, upstream: UpstreamId) -> &UpstreamPolicy {
        let own = route.and_then(|route| self.own.get(route)).map(Vec::as_slice).unwrap_or_default();
        own.iter()
            .find(|(id, _)| *id == upstream)
            .map_or_else(|| &self.plain[upstream.0], |(_, policy)| policy)
    }
}

/// Whether a route has anything to say about how its calls are made.
fn says_something(route: &Route) -> bool {
    let policy = &route.policy;
    let inherits = policy.timeout.is_none()
        && policy.deadline.is_none()
        && policy.retry == Override::Inherit
        && policy.hedge == Override::Inherit
        && policy.valid_if == Override::Inherit
        && policy.fallback.is_empty();
    !inherits || matches!(route.target, Target::Unit(_))
}

/// The upstreams that a route may ask under its own policy. Fallbacks are asked under theirs.
fn asked_by(plan: &Plan, route: &Route) -> Vec<UpstreamId> {
    match route.target {
        Target::Upstream(id) => vec![id],
        Target::Unit(unit) => {
            let unit = &plan.units[unit.0];
            vec![unit.legacy, unit.replacement]
        }
    }
}

fn policy(
    plan: &Plan,
    id: UpstreamId,
    patterns: &Patterns,
    route: Option<&Route>,
) -> Result<UpstreamPolicy, Reason> {
    let upstream = &plan.upstreams[id.0];
    let inherited = RoutePolicy::default();
    let own = route.map_or(&inherited, |route| &route.policy);
    let retry = own.retry.over(upstream.retry.as_ref());
    let hedge = match &own.hedge {
        Override::Inherit => patterns.hedge.clone(),
        Override::Off => None,
        Override::Use(own) => Some(patterns::hedge(own)?),
    };
    let promise = own.valid_if.over(upstream.valid_if.as_ref());
    let mut builder = Policy::builder(upstream.name.clone())
        .timeout(own.timeout.unwrap_or(upstream.timeout))
        .deadline(own.deadline.unwrap_or(upstream.deadline))
        .callee_keeps_time()
        .classify(classify);
    if let Some(retry) = retry {
        builder = builder
            .retries(retry.attempts.saturating_sub(1))
            .retry_delay(retry.base)
            .retry_delay_at_most(retry.cap)
            .retry_budget(patterns.budget.clone().map_or_else(|| patterns::budget(retry), Ok)?);
    }
    if let Some(breaker) = &patterns.breaker {
        builder = builder.breaker(breaker.clone());
    }
    if let Some(throttle) = &patterns.throttle {
        builder = builder.throttle(throttle.clone());
    }
    if let Some(limit) = &patterns.limit {
        builder = builder.limit(limit.clone());
    }
    let is_hedged = hedge.is_some();
    if let Some(hedge) = hedge {
        builder = builder.hedge(hedge);
    }
    let has_substitute = route.is_some_and(|route| may_be_replaced(plan, id, route));
    Ok(UpstreamPolicy {
        calls: builder.build().map_err(|error| error.to_string())?,
        promise: promise.map(promise_of).transpose()?,
        holds: retry.is_some() || has_substitute,
        keeps_body: retry.is_some() || is_hedged || has_substitute,
    })
}

/// Whether something else may be answered in place of this upstream's answer.
fn may_be_replaced(plan: &Plan, id: UpstreamId, route: &Route) -> bool {
    let by_legacy = match route.target {
        Target::Unit(unit) => {
            let unit = &plan.units[unit.0];
            unit.fallback && unit.replacement == id && route.effect == Effect::Read
        }
        Target::Upstream(_) => false,
    };
    by_legacy || !route.policy.fallback.is_empty()
}

fn promise_of(config: &ValidIf) -> Result<Promise, Reason> {
    let build = || {
        let mut promise = Promise::new();
        for &status in &config.status {
            promise = promise.with_status(status)?;
        }
        if let Some(kind) = &config.content_type {
            promise = promise.with_content_type(kind)?;
        }
        if config.json {
            promise = promise.with_json();
        }
        for pointer in &config.required {
            promise = promise.with_required(pointer)?;
        }
        match &config.schema {
            Some(schema) => promise.with_schema(&schema.document),
            None => Ok(promise),
        }
    };
    let promise: Result<_, promise::SettingsError> = build();
    promise.map_err(|error| format!("valid_if: {error}"))
}
