//! Routes, one by one.

use http::{HeaderName, HeaderValue, Method};

use super::{
    names::Names,
    text::{
        header::{ConditionName, ConditionValue},
        rule::Rule,
    },
};
use crate::{
    pattern::{Pattern, Segment},
    plan::{Effect, HostMatch, Route, Target, UpstreamId},
    read::{Fields, FromText},
    report::{Complaint, Problems, Read, Reported, shown},
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
    pub(super) policy: Read<Policy>,
}

/// What a route does with what it matches.
pub(super) struct Policy {
    target: Target,
    path: Option<Pattern>,
    effect: Effect,
    body_limit: Option<u64>,
    span: Span,
}

impl Draft {
    pub(super) fn into_route(self) -> Read<Route> {
        let policy = self.policy?;
        Ok(Route {
            pattern: self.pattern,
            methods: self.methods,
            host: self.host,
            headers: self.headers,
            target: policy.target,
            path: policy.path,
            effect: policy.effect,
            body_limit: policy.body_limit,
            span: policy.span,
        })
    }
}

/// The routes that belong to no unit, and whether that is all of them.
pub(super) fn of_root(root: &Fields<'_>, upstreams: Option<&Names>) -> (Vec<Draft>, Read<()>) {
    let target = |fields: &Fields<'_>| {
        let name = fields.placed::<String>("to")?;
        upstream(&name, upstreams, fields.problems()).map(Target::Upstream)
    };
    drafts(root, target)
}

/// The routes of a unit, and whether that is all of them.
pub(super) fn of_unit(unit: &Fields<'_>, target: Target) -> (Vec<Draft>, Read<()>) {
    drafts(unit, |_| Ok(target))
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

fn drafts(parent: &Fields<'_>, target: impl Fn(&Fields<'_>) -> Read<Target>) -> (Vec<Draft>, Read<()>) {
    let (objects, mut whole) = parent.objects("routes");
    let mut drafts = Vec::with_capacity(objects.len());
    for fields in objects {
        match draft(fields, &target) {
            Ok(draft) => drafts.push(draft),
            Err(reported) => whole = Err(reported),
        }
    }
    (drafts, whole)
}

fn draft(fields: &Fields<'_>, target: impl Fn(&Fields<'_>) -> Read<Target>) -> Read<Draft> {
    let rule = fields.text::<Rule>("match");
    let host = fields.maybe_text::<HostMatch>("host").map(|host| host.map(|host| host.value));
    let headers = headers(fields);
    let target = target(fields);
    let path = path(fields, rule.as_ref().ok().map(|rule| &rule.value.pattern));
    let effect = fields.maybe::<&'static str>("effect");
    let body_limit = fields.maybe::<u64>("body_limit").map(|limit| limit.map(|limit| limit.value));
    let Spanned { value: rule, span: place } = rule?;
    let policy = effect.and_then(|effect| {
        Ok(Policy {
            target: target?,
            path: path?,
            effect: effect
                .map_or_else(|| default_effect(&rule.methods), |effect| declared_effect(effect.value)),
            body_limit: body_limit?,
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
        policy,
    })
}

fn declared_effect(word: &str) -> Effect {
    if word == "read" { Effect::Read } else { Effect::Write }
}

/// The safe methods of RFC 9110 section 9.2.1 but TRACE; no methods are all methods.
fn default_effect(methods: &[Method]) -> Effect {
    let safe = |method: &Method| [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    if !methods.is_empty() && methods.iter().all(safe) { Effect::Read } else { Effect::Write }
}

fn headers(fields: &Fields<'_>) -> Read<Vec<(HeaderName, HeaderValue)>> {
    let mut headers = Vec::<(HeaderName, HeaderValue)>::new();
    let (conditions, mut whole) = fields.named_texts("headers");
    for named in conditions {
        let problems = fields.problems();
        let name = condition::<ConditionName>(&named.name, "a header condition", problems);
        let value = condition::<ConditionValue>(
            &named.value,
            &format!("the value of {}", shown(&named.name.value)),
            problems,
        );
        match (name, value) {
            (Ok(ConditionName(name)), Ok(ConditionValue(value))) => {
                if headers.iter().any(|(known, _)| *known == name) {
                    let hint = Some("header field names are the same in upper and lower case".to_owned());
                    whole = Err(problems.add(
                        named.name.span,
                        format!("the condition on '{name}' stands twice"),
                        hint,
                    ));
                } else {
                    headers.push((name, value));
                }
            }
            (Err(reported), _) | (_, Err(reported)) => whole = Err(reported),
        }
    }
    headers.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
    whole.map(|()| headers)
}

fn condition<T: FromText>(text: &Spanned<String>, label: &str, problems: &Problems) -> Read<T> {
    T::from_text(&text.value).map_err(|Complaint { message, hint }| {
        problems.add(text.span, format!("{label} is {}: {message}", shown(&text.value)), hint)
    })
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
