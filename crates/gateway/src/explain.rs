//! What would happen to a request, in the order of the pipeline, without sending it.

mod cache;
mod calls;

use banyan_config::plan::{Effect, Plan, Route, Target, UnitId, Upstream, UpstreamId};
use banyan_flags::Percent;
use http::{HeaderMap, Method};

use crate::{
    router::{Match, Query, Router},
    stages::decide::{Decision, Side},
    wire::head::Head,
};

/// A request to be explained.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Method.
    pub method: &'a Method,
    /// Path, with or without a query.
    pub path: &'a str,
    /// Host, empty when it does not matter.
    pub host: &'a str,
    /// Fields.
    pub headers: &'a HeaderMap,
    /// The subject, instead of looking for one in the fields.
    pub subject: Option<&'a str>,
}

/// One step and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Name of the step.
    pub name: &'static str,
    /// What it decides, and why.
    pub says: String,
}

/// Explains a request step by step. `percent` gives a unit's share at run time, if it is known.
#[must_use]
pub fn explain(plan: &Plan, ask: &Ask<'_>, percent: impl Fn(&str) -> Option<Percent>) -> Vec<Step> {
    let mut steps = vec![step(
        "admit",
        format!(
            "at most {} passes through the gateway (limits.hops), head up to {} bytes",
            plan.limits.hops, plan.limits.head
        ),
    )];
    let path = ask.path.split('?').next().unwrap_or_default();
    let query = Query { host: ask.host, path, method: ask.method, head: &Head::from(ask.headers.clone()) };
    let route = match Router::new(&plan.routes).find(&plan.routes, &query) {
        Match::Route(index) => &plan.routes[index],
        Match::None => {
            steps.push(step("route", "no route matches: 404, code NR".into()));
            return steps;
        }
        Match::MethodNotAllowed(methods) => {
            let list: Vec<_> = methods.iter().map(Method::as_str).collect();
            let says = format!("the path is served, but only for {}: 405, code MA", list.join(", "));
            steps.push(step("route", says));
            return steps;
        }
    };
    steps.push(step("route", format!("{} (line {} of the config)", route.pattern, route.span.line)));
    if let Some(limit) = route.body_limit.or(plan.limits.body) {
        steps.push(step("limit", format!("request body up to {limit} bytes")));
    }
    let effect = match route.effect {
        Effect::Read => "read: may be repeated and copied",
        Effect::Write => "write: never repeated, never copied",
    };
    steps.push(step("effect", effect.into()));
    let upstream = match route.target {
        Target::Upstream(id) => id,
        Target::Unit(id) => explain_unit(plan, ask, route, id, percent, &mut steps),
    };
    let upstream = &plan.upstreams[upstream.0];
    steps.extend(cache::look(plan, route, upstream, ask));
    steps.push(step("criticality", route.policy.criticality.as_str().to_owned()));
    steps.push(explain_call(route, upstream));
    steps.extend(calls::stages(plan, route, upstream));
    steps
}

const fn step(name: &'static str, says: String) -> Step {
    Step { name, says }
}

/// The steps of a unit, and the upstream they come to.
fn explain_unit(
    plan: &Plan,
    ask: &Ask<'_>,
    route: &Route,
    id: UnitId,
    percent: impl Fn(&str) -> Option<Percent>,
    steps: &mut Vec<Step>,
) -> UpstreamId {
    let unit = &plan.units[id.0];
    let (share, source) = percent(&unit.name).map_or((unit.percent, "the config"), |live| (live, "run time"));
    let (side, why) = side_of(plan, ask, id, share);
    steps.push(step("unit", format!("{} at {share} by {source}", unit.name)));
    steps.push(step("decide", why));
    let replacement = &plan.upstreams[unit.replacement.0].name;
    let legacy = &plan.upstreams[unit.legacy.0].name;
    let other = if side == Side::Replacement { legacy } else { replacement };
    if let (Some(shadow), Effect::Read) = (&unit.shadow, route.effect) {
        let says = format!("{} of requests are copied to '{other}' and compared", shadow.sample);
        steps.push(step("shadow", says));
    }
    if unit.fallback && route.effect == Effect::Read && side == Side::Replacement {
        let says = format!("if '{replacement}' fails or answers 5xx, '{legacy}' is asked");
        steps.push(step("fallback", says));
    }
    Decision::upstream(unit, side)
}

fn explain_call(route: &Route, upstream: &Upstream) -> Step {
    let path = match &route.path {
        Some(path) => format!("the path {path}"),
        None => "the path as sent".to_owned(),
    };
    let says = format!(
        "'{}' with {path}: {} endpoint(s), idle {:?}; in this order:",
        upstream.name,
        upstream.endpoints.len(),
        upstream.idle,
    );
    step("call", says)
}

fn side_of(plan: &Plan, ask: &Ask<'_>, id: UnitId, share: Percent) -> (Side, String) {
    let unit = &plan.units[id.0];
    let signer = crate::subject::Signer::new(&[0; 32]);
    let found = crate::subject::find(&unit.subject, &signer, ask.headers);
    let Some(subject) =
        ask.subject.map(ToOwned::to_owned).or_else(|| found.map(std::borrow::Cow::into_owned))
    else {
        let says = "no subject: a new one is made up, in a signed cookie; name one with --as".to_owned();
        return (if share == Percent::FULL { Side::Replacement } else { Side::Legacy }, says);
    };
    let decision = Decision::make(id, unit, share, &subject);
    let relation = if decision.side == Side::Replacement { "below" } else { "not below" };
    let says = format!(
        "subject '{subject}' has bucket {}, {relation} {}: {}",
        decision.bucket.index(),
        share.basis_points(),
        decision.side.as_str(),
    );
    (decision.side, says)
}
