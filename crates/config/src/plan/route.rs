//! Routes and what holds for them alone.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use super::{Chaos, Hedge, Override, Retry, RouteCache, TagTemplate, UnitId, UpstreamId, ValidIf};
use crate::{pattern::Pattern, source::Span};

/// What a route does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Safe to repeat and to copy (RFC 9110 section 9.2.1).
    Read,
    /// Changes something: never copied, never answered twice.
    Write,
}

/// Match rule and policy.
#[derive(Clone, Debug)]
pub struct Route {
    /// The path template, as text the metric label `http_route`.
    pub pattern: Pattern,
    /// Methods accepted; empty means any.
    pub methods: Vec<Method>,
    /// Host accepted; `None` means any.
    pub host: Option<HostMatch>,
    /// Header fields that must be present with exactly these values.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who answers.
    pub target: Target,
    /// Path sent upstream instead of the caller's, with the parameters of `pattern` filled in.
    pub path: Option<Pattern>,
    /// Declared, or `Read` when every method is GET, HEAD or OPTIONS and `Write` otherwise.
    pub effect: Effect,
    /// Overrides [`super::Limits::body`].
    pub body_limit: Option<u64>,
    /// How its calls are made, where that differs from what its upstream says.
    pub policy: RoutePolicy,
    /// What is kept of its answers. [`RouteCache::Off`] on a route with `effect: write`, or that neither GET nor HEAD
    /// reach.
    pub cache: RouteCache,
    /// Tags of answers that a request of this route makes wrong; distinct, at most 16. Empty on a route that only reads
    /// by safe methods.
    pub invalidates: Vec<TagTemplate>,
    /// Where it stands in the config.
    pub span: Span,
}

/// Host rule of a route, lower case, without port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostMatch {
    /// This host.
    Exact(String),
    /// `*.example.com`: any host below (the stored text is `example.com`).
    Below(String),
}

/// Who answers a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One upstream.
    Upstream(UpstreamId),
    /// The side of a unit that the subject belongs to.
    Unit(UnitId),
}

/// How the calls of a route are made, where that differs from what its upstream says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutePolicy {
    /// Instead of the upstream's `timeout`. What is in force of the two is at most the `deadline` in force, for every
    /// upstream that the route may ask.
    pub timeout: Option<Duration>,
    /// Instead of the upstream's `deadline`.
    pub deadline: Option<Duration>,
    /// Instead of the upstream's `retry`.
    pub retry: Override<Retry>,
    /// Instead of the upstream's `hedge`. Only used on a route that reads by idempotent methods.
    pub hedge: Override<Hedge>,
    /// Instead of the upstream's `valid_if`.
    pub valid_if: Override<ValidIf>,
    /// What is shed last and what first.
    pub criticality: Criticality,
    /// Substitutes for a call that failed, tried in order. Nothing stands after a [`RouteFallback::Answer`], which
    /// cannot fail.
    pub fallback: Vec<RouteFallback>,
    /// Instead of the upstream's `chaos`; never [`Override::Use`] in production.
    pub chaos: Override<Chaos>,
}

/// How much a request matters, the most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criticality {
    /// Shed last.
    Critical,
    /// Shed after normal ones.
    High,
    /// The default.
    #[default]
    Normal,
    /// Shed first.
    Low,
}

impl Criticality {
    /// As the config says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// A substitute for a call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteFallback {
    /// This answer.
    Answer(FallbackAnswer),
    /// Another upstream, none of those that the route asks anyway. Only on a route that reads.
    Upstream(UpstreamId),
}

/// An answer kept for the time when there is no better one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FallbackAnswer {
    /// Status, 200 to 599.
    pub status: u16,
    /// `Content-Type`, when there is a body.
    pub content_type: Option<HeaderValue>,
    /// Further fields, none of which frames a message.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; empty for 204, 205 and 304.
    pub body: Bytes,
}
