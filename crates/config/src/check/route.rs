//! Routes, one by one.

use http::{HeaderName, HeaderValue, Method};

use super::{
    headers,
    names::Names,
    route_cache,
    route_policy::{self, Subject},
    text::rule::Rule,
    world::World,
};
use crate::{
    pattern::{Pattern, Segment},
    plan::{Effect, HostMatch, Route, RouteCache, RoutePolicy, TagTemplate, Target, UpstreamId},
    read::Fields,
    report::{Problems, Read, Reported},
    source::{Span, Spanned},
};

/// A route as far as it could be read. What it matches is known even when who answers is not, so that two routes that
/// collide are found in any case.
pub(super) struct Draft {
    /// Where its `match` stands.
    pub(super) place: Span,
    /// Whether HEAD comes from GET alone.
    pub(super) implied_head: bool,
    /// Its methods; empty means any.
    pub(super) methods: Vec<Method>,
    /// Its template.
    pub(super) pattern: Pattern,
    /// Its host.
    pub(super) host: Option<HostMatch>,
    /// Its header conditions, sorted by name.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// The rest, if it could be read.
    pub(super) rest: Read<Rest>,
}

/// What a route does with what it matches.
pub(super) struct Rest {
    target: Target,
    path: Option<Pattern>,
    effect: Effect,
    body_limit: Option<u64>,
    policy: RoutePolicy,
    cache: RouteCache,
    invalidates: Vec<TagTemplate>,
    span: Span,
}

/// Who answers a route.
#[derive(Clone, Copy)]
struct Aim<'a> {
    target: Read<Target>,
    /// The upstreams that may be asked, as far as they are known.
    asked: &'a [UpstreamId],
}

impl Draft {
    /// Whether it is known to write.
    pub(super) fn writes(&self) -> bool {
        self.rest.as_ref().is_ok_and(|rest| rest.effect == Effect::Write)
    }

    pub(super) fn into_route(self) -> Read<Route> {
        let rest = self.rest?;
        Ok(Route {
            pattern: self.pattern,
            methods: self.methods,
            host: self.host,
            headers: self.headers,
            target: rest.target,
            path: rest.path,
            effect: rest.effect,
            body_limit: rest.body_limit,
            policy: rest.policy,
            cache: rest.cache,
            invalidates: rest.invalidates,
            span: rest.span,
        })
    }
}

/// The routes that belong to no unit, and whether that is all of them.
pub(super) fn of_root(root: &Fields<'_>, world: World<'_>) -> (Vec<Draft>, Read<()>) {
    drafts(root, |fields| {
        let name = fields.placed::<String>("to");
        let names = world.upstreams.map(|known| &known.names);
        let to = name.and_then(|name| upstream(&name, names, fields.problems()));
        let aim = Aim { target: to.map(Target::Upstream), asked: &to.into_iter().collect::<Vec<_>>() };
        draft(fields, aim, world)
    })
}

/// The routes of a unit with these sides, and whether that is all of them.
pub(super) fn of_unit(
    unit: &Fields<'_>,
    target: Target,
    sides: &[UpstreamId],
    world: World<'_>,
) -> (Vec<Draft>, Read<()>) {
    drafts(unit, |fields| draft(fields, Aim { target: Ok(target), asked: sides }, world))
}

/// An upstream by its name. `None` stands for names that could not be read, which was reported.
pub(super) fn upstream(
    name: &Spanned<String>,
    upstreams: Option<&Names>,
    problems: &Problems,
) -> Read<UpstreamId> {
    match upstreams {
        Some(names) => names.find(name, problems).map(UpstreamId),
        None => {
            Err(problems.add(name.span, "the upstreams cannot be read, so this name leads nowhere", None))
        }
    }
}

fn drafts(parent: &Fields<'_>, read: impl Fn(&Fields<'_>) -> Read<Draft>) -> (Vec<Draft>, Read<()>) {
    let (objects, mut whole) = parent.objects("routes");
    let mut drafts = Vec::with_capacity(objects.len());
    for fields in objects {
        match read(fields) {
            Ok(draft) => drafts.push(draft),
            Err(reported) => whole = Err(reported),
        }
    }
    (drafts, whole)
}

fn draft(fields: &Fields<'_>, aim: Aim<'_>, world: World<'_>) -> Read<Draft> {
    let rule = fields.text::<Rule>("match");
    let known = rule.as_ref().ok().map(|rule| &rule.value);
    let host = fields.maybe_text::<HostMatch>("host").map(|host| host.map(|host| host.value));
    let headers = headers::conditions(fields);
    let pattern = known.map(|rule| &rule.pattern);
    let path = path(fields, pattern);
    let methods = known.map(|rule| rule.methods.as_slice());
    let effect = effect(fields, methods);
    let body_limit = fields.maybe::<u64>("body_limit").map(|limit| limit.map(|limit| limit.value));
    let of_unit = matches!(aim.target, Ok(Target::Unit(_)));
    let subject = Subject { methods, effect: effect.ok().flatten(), asked: aim.asked, of_unit };
    let policy = route_policy::read(fields, subject, world);
    let cache = route_cache::read(fields, subject, pattern, world.ground.caching);
    let invalidates = route_cache::invalidates(fields, subject, pattern);
    let Spanned { value: rule, span: place } = rule?;
    let effect = effect.map(|effect| effect.unwrap_or(Effect::Write));
    let rest = policy.and_then(|policy| {
        Ok(Rest {
            target: aim.target?,
            path: path?,
            effect: effect?,
            body_limit: body_limit?,
            policy,
            cache: cache?,
            invalidates: invalidates?,
            span: fields.span(),
        })
    });
    Ok(Draft {
        place,
        implied_head: rule.implied_head,
        methods: rule.methods,
        pattern: rule.pattern,
        host: host?,
        headers: headers?,
        rest,
    })
}

/// What was declared, or follows from the methods; `None` when these are not known.
fn effect(fields: &Fields<'_>, methods: Option<&[Method]>) -> Read<Option<Effect>> {
    let declared = fields.maybe::<&'static str>("effect")?;
    Ok(declared.map(|effect| declared_effect(effect.value)).or_else(|| methods.map(default_effect)))
}

fn declared_effect(word: &str) -> Effect {
    if word == "read" { Effect::Read } else { Effect::Write }
}

/// The safe methods of RFC 9110 section 9.2.1 but TRACE; no methods are all methods.
fn default_effect(methods: &[Method]) -> Effect {
    let safe = |method: &Method| [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    if !methods.is_empty() && methods.iter().all(safe) { Effect::Read } else { Effect::Write }
}

/// The path sent upstream, all of whose parameters the match has.
fn path(fields: &Fields<'_>, pattern: Option<&Pattern>) -> Read<Option<Pattern>> {
    let Some(path) = fields.maybe_text::<Pattern>("path")? else { return Ok(None) };
    let Some(pattern) = pattern else { return Ok(Some(path.value)) };
    let known = pattern.segments();
    for segment in path.value.segments() {
        if !matches!(segment, Segment::Literal(_)) && !known.contains(segment) {
            return Err(unknown_parameter(segment, pattern, path.span, fields.problems()));
        }
    }
    Ok(Some(path.value))
}

fn unknown_parameter(segment: &Segment, pattern: &Pattern, span: Span, problems: &Problems) -> Reported {
    let known = pattern.segments().iter().filter(|known| !matches!(known, Segment::Literal(_)));
    let known = known.map(ToString::to_string).collect::<Vec<_>>();
    let hint = if known.is_empty() {
        format!("'{pattern}' has no parameters")
    } else {
        format!("'{pattern}' has {}", known.join(" and "))
    };
    problems.add(span, format!("path uses {segment}, which match does not have"), Some(hint))
}
