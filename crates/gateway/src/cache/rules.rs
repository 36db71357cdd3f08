//! What the config says about the answers of one route, made ready for requests.

use std::{borrow::Cow, sync::Arc, time::Duration};

use banyan_config::{
    pattern::Pattern,
    plan::{CacheRules, KeyPart, Plan, Route, RouteCache, TagSegment, TagTemplate, Target},
};
use banyan_httpcache::{KeyBuilder, QueryPart, Rules};
use http::{HeaderMap, HeaderName, header};
use smallvec::SmallVec;

use super::{key::tag_of_name, purges::Tag};
use crate::{router::captures, subject};

/// How the answers of a route are kept.
#[derive(Debug)]
pub(crate) struct CachedRoute {
    pub(crate) rules: Rules,
    /// How long a degraded answer is fresh; `None` when it is not kept.
    pub(crate) degraded: Option<Duration>,
    /// XFetch's beta; zero never refreshes early.
    pub(crate) early: f64,
    /// The share of a `ttl` that may be cut off.
    pub(crate) jitter: f64,
    pub(crate) coalesce: bool,
    /// What says 'not found' by being empty.
    pub(crate) empty: Option<String>,
    /// What must not be missing.
    pub(crate) parts: Vec<Arc<str>>,
    key: Option<Vec<KeyPart>>,
    tags: Vec<TagTemplate>,
    pattern: Pattern,
    /// What sets this route apart from others, the same on every node and after every reload.
    identity: String,
}

impl CachedRoute {
    /// `None` for a route whose answers are not kept.
    pub(crate) fn of(plan: &Plan, route: &Route) -> Option<Self> {
        let rules = match &route.cache {
            RouteCache::Off => return None,
            RouteCache::Origin => Cow::Owned(CacheRules::default()),
            RouteCache::Rules(rules) => Cow::Borrowed(rules),
        };
        let target = match route.target {
            Target::Unit(unit) => &plan.units[unit.0].name,
            Target::Upstream(upstream) => &plan.upstreams[upstream.0].name,
        };
        let identity = format!(
            "{}|{:?}|{:?}|{:?}|{target}|{:?}",
            route.pattern,
            route.host,
            route.headers,
            route.path.as_ref().map(ToString::to_string),
            // What was kept by other rules is not given by these.
            route.cache,
        );
        Some(Self {
            rules: Rules {
                ttl: rules.ttl,
                negative: rules.negative,
                stale_while_revalidate: rules.stale_while_revalidate,
                stale_if_error: rules.stale_if_error,
                allow_set_cookie: rules.allow.set_cookie,
                allow_authorization: rules.allow.authorization,
            },
            degraded: rules.degraded,
            early: rules.early_refresh,
            jitter: rules.jitter.ratio(),
            coalesce: rules.coalesce,
            empty: rules.empty.clone(),
            parts: rules.parts.iter().map(|part| part.as_str().into()).collect(),
            key: rules.key.clone(),
            tags: rules.tags.clone(),
            pattern: route.pattern.clone(),
            identity,
        })
    }

    /// What makes two requests of this route the same, put behind what `parts` holds already.
    pub(crate) fn key(&self, parts: KeyBuilder, request: &Asked<'_>) -> KeyBuilder {
        let parts = parts.extra("route", Some(self.identity.as_bytes()));
        let parts = match request.headers.get(header::AUTHORIZATION) {
            // What is for somebody is kept for them alone. That a token names them is no proof of who they are: nobody
            // here has verified it, so the credentials themselves take part whatever else does.
            Some(credentials) if self.rules.allow_authorization => {
                parts.extra("authorization", Some(credentials.as_bytes()))
            }
            _ => parts,
        };
        let Some(key) = &self.key else {
            return parts.path(request.path).query(request.query, QueryPart::Whole);
        };
        let names: SmallVec<[&str; 4]> = key.iter().filter_map(query_parameter).collect();
        let wanted = match (key.contains(&KeyPart::Query), &*names) {
            (true, _) => QueryPart::Whole,
            (false, []) => QueryPart::Nothing,
            (false, names) => QueryPart::Only(names),
        };
        let parts = parts.query(request.query, wanted);
        key.iter().fold(parts, |parts, part| match part {
            KeyPart::Path => parts.path(request.path),
            KeyPart::Query | KeyPart::QueryParam(_) => parts,
            KeyPart::Header(name) => request
                .headers
                .get_all(name)
                .iter()
                .fold(parts, |parts, value| parts.extra(name.as_str(), Some(value.as_bytes()))),
            KeyPart::Cookie(name) => {
                parts.extra(name, subject::cookie(request.headers, name).map(str::as_bytes))
            }
            KeyPart::Subject => parts.extra("subject", request.subject.map(str::as_bytes)),
            KeyPart::Jwt(claim) => {
                let value = subject::jwt_claim(request.headers, claim);
                parts.extra(claim, value.as_deref().map(str::as_bytes))
            }
        })
    }

    /// Whether addresses that differ in their queries may share an answer, so that it is no longer known which of them a
    /// write is about: such an answer is tied to the path alone.
    pub(crate) fn shares_among_queries(&self) -> bool {
        self.key.as_ref().is_some_and(|key| !key.contains(&KeyPart::Query))
    }

    /// Whether the key holds this field of the request.
    pub(crate) fn has_in_key(&self, name: &HeaderName) -> bool {
        let is_it = |part: &KeyPart| matches!(part, KeyPart::Header(known) if known == name);
        self.key.as_ref().is_some_and(|key| key.iter().any(is_it))
    }

    /// Whether the key holds the subject.
    pub(crate) fn wants_subject(&self) -> bool {
        self.key.as_ref().is_some_and(|key| key.contains(&KeyPart::Subject))
    }

    /// Whether what is fetched ahead is what a user would get: the key holds nothing that belongs to one of them.
    pub(crate) fn is_for_everybody(&self) -> bool {
        let is_public =
            |part: &KeyPart| matches!(part, KeyPart::Path | KeyPart::Query | KeyPart::QueryParam(_));
        self.key.as_ref().is_none_or(|key| key.iter().all(is_public))
    }

    /// The tags that the config gives to the answers of a path.
    pub(crate) fn tags(&self, path: &str) -> impl Iterator<Item = Tag> {
        filled(&self.tags, &self.pattern, path)
    }
}

fn query_parameter(part: &KeyPart) -> Option<&str> {
    if let KeyPart::QueryParam(name) = part { Some(name) } else { None }
}

/// What of a request decides its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) subject: Option<&'a str>,
}

/// Tags with the parameters of a path filled in.
pub(crate) fn filled(tags: &[TagTemplate], pattern: &Pattern, path: &str) -> impl Iterator<Item = Tag> {
    let values: Vec<_> =
        if tags.is_empty() { Vec::new() } else { pattern.params().zip(captures(pattern, path)).collect() };
    tags.iter().map(move |tag| {
        let mut text = String::new();
        for segment in tag.segments() {
            text.push_str(match segment {
                TagSegment::Literal(literal) => literal,
                TagSegment::Param(name) => {
                    values.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
                }
            });
        }
        tag_of_name(&text)
    })
}
