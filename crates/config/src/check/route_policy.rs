//! How the calls of a route are made, where that differs from what its upstream says.

use std::time::Duration;

use http::Method;

use super::{
    chaos::{self, Subjects},
    fallback, policy, valid_if,
    world::World,
};
use crate::{
    language::duration_text,
    plan::{Criticality, Effect, Override, RoutePolicy, UpstreamId},
    read::{Fields, Switch},
    report::Read,
    source::Spanned,
};

/// The route that a policy is for, as far as it could be read.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    /// Its methods; empty means any.
    pub(super) methods: Option<&'a [Method]>,
    /// What it does to the world.
    pub(super) effect: Option<Effect>,
    /// The upstreams that it may ask.
    pub(super) asked: &'a [UpstreamId],
    /// Whether it belongs to a unit, so that its requests have a subject.
    pub(super) of_unit: bool,
}

pub(super) fn read(fields: &Fields<'_>, route: Subject<'_>, world: World<'_>) -> Read<RoutePolicy> {
    let (timeout, deadline) = (fields.maybe::<Duration>("timeout"), fields.maybe::<Duration>("deadline"));
    if let (Ok(timeout), Ok(deadline)) = (&timeout, &deadline) {
        fits(fields, timeout.as_ref(), deadline.as_ref(), route, world);
    }
    let longest = timeout.as_ref().ok().and_then(|timeout| longest(timeout.as_ref(), route, world));
    let retry = fields.switch("retry").and_then(|switch| switch.read(policy::retry));
    let hedge = fields.switch("hedge").and_then(|switch| {
        switch.read(|hedge| {
            may_hedge(hedge, route)?;
            policy::hedge(hedge, longest)
        })
    });
    let base = world.ground.base;
    let valid_if =
        fields.switch("valid_if").and_then(|switch| switch.read(|fields| valid_if::read(fields, base)));
    let subjects = if route.of_unit { Subjects::Some } else { Subjects::None };
    let chaos = fields.switch("chaos");
    let chaos = chaos.and_then(|switch| switch.read(|fields| chaos::read(fields, world.ground, subjects)));
    let fallback = fallback::all(fields, route.effect, route.asked, world);
    Ok(RoutePolicy {
        timeout: timeout?.map(|timeout| timeout.value),
        deadline: deadline?.map(|deadline| deadline.value),
        retry: retry?.into(),
        hedge: hedge?.into(),
        valid_if: valid_if?.into(),
        criticality: criticality(fields.get("criticality")?),
        fallback: fallback?,
        chaos: chaos?.into(),
    })
}

impl<T> From<Switch<T>> for Override<T> {
    fn from(switch: Switch<T>) -> Self {
        match switch {
            Switch::Absent => Self::Inherit,
            Switch::Off => Self::Off,
            Switch::On(own) => Self::Use(own),
        }
    }
}

fn criticality(word: &str) -> Criticality {
    match word {
        "critical" => Criticality::Critical,
        "high" => Criticality::High,
        "low" => Criticality::Low,
        _ => Criticality::Normal,
    }
}

/// Reports an attempt that may take longer than the whole call, once, if the route says one of the two.
fn fits(
    fields: &Fields<'_>,
    timeout: Option<&Spanned<Duration>>,
    deadline: Option<&Spanned<Duration>>,
    route: Subject<'_>,
    world: World<'_>,
) {
    let Some(own) = timeout.into_iter().chain(deadline).map(|limit| limit.span).max() else { return };
    let text = duration_text;
    for limits in world.limits(route.asked) {
        let (a, b) = (timeout.unwrap_or(&limits.timeout), deadline.unwrap_or(&limits.deadline));
        if a.value <= b.value {
            continue;
        }
        let (short, long) = (text(a.value), text(b.value));
        let hint = Some("lower 'timeout' or raise 'deadline', here or on the upstream".to_owned());
        match (timeout, deadline) {
            (Some(_), Some(_)) => {
                let message = format!("'timeout' ({short}) is longer than 'deadline' ({long})");
                fields.problems().add(own, message, hint);
            }
            (Some(_), None) => {
                let message =
                    format!("'timeout' ({short}) is longer than the upstream's 'deadline' ({long})");
                fields.problems().add_related(own, message, hint, (b.span, "the upstream's deadline"));
            }
            _ => {
                let message =
                    format!("the upstream's 'timeout' ({short}) is longer than 'deadline' ({long})");
                fields.problems().add_related(own, message, hint, (a.span, "the upstream's timeout"));
            }
        }
        return;
    }
}

/// The longest that an attempt may take on any upstream of the route, if that is known.
fn longest(timeout: Option<&Spanned<Duration>>, route: Subject<'_>, world: World<'_>) -> Option<Duration> {
    if let Some(own) = timeout {
        return Some(own.value);
    }
    let known = world.limits(route.asked).map(|limits| limits.timeout.value).collect::<Vec<_>>();
    (known.len() == route.asked.len()).then(|| known.into_iter().max())?
}

/// Refuses to hedge what may not be sent twice.
fn may_hedge(fields: &Fields<'_>, route: Subject<'_>) -> Read<()> {
    let once = route.methods.and_then(|methods| match methods {
        [] => Some("any method".to_owned()),
        _ => methods.iter().find(|method| !method.is_idempotent()).map(Method::to_string),
    });
    let message = if route.effect == Some(Effect::Write) {
        "this route writes, and a hedge would send its requests twice".to_owned()
    } else if let Some(method) = once {
        format!(
            "this route matches {method}, and what is not idempotent is never sent twice (RFC 9110 section 9.2.2)"
        )
    } else {
        return Ok(());
    };
    let hint = "remove 'hedge', or give the requests that only read a route of their own".to_owned();
    Err(fields.problems().add(fields.span(), message, Some(hint)))
}
