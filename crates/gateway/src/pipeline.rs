//! The one place where the order of a request's steps exists. It reads from top to bottom.

use std::{borrow::Cow, rc::Rc};

use banyan_config::plan::{Effect, Route, Target, UpstreamId};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body::Body as _;
use tokio::time::Instant;

use crate::{
    cache::{
        fetch::refresh,
        invalidate::{self, Written},
        look::{Look, Question, Want, look},
    },
    dependency::UpstreamPolicy,
    exchange::Exchange,
    forward::{self, Client},
    outcome::Ending,
    router::{captures, normalize},
    stages::{admit, call, decide::Decision, respond, route, shadow},
    subject,
    wire::{
        answer::Reply,
        body::{Broken, ReqBody},
        head::Head,
    },
    worker::{Local, Worker},
};

/// Request bodies that say they are no larger are held where that lets a request be sent twice: to fall back, or to compare.
const HOLD_BYTES: usize = 64 * 1024;
const NO_HOST: HeaderValue = HeaderValue::from_static("");

/// A request as the pipeline takes it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    /// What `Host` says, if it is there.
    pub(crate) host: Option<HeaderValue>,
    pub(crate) head: Head,
    pub(crate) body: ReqBody,
}

/// Serves one request. Every ending comes back as an answer.
pub(crate) async fn serve(
    worker: &Rc<Worker>,
    client: &Client,
    exchange: &mut Exchange,
    incoming: &mut Incoming,
) -> Reply {
    let local = worker.local();
    exchange.generation = local.compiled.generation;
    let mut allow = None;
    let mut response = match answer(worker, &local, client, exchange, incoming, &mut allow).await {
        Ok(response) => response,
        Err(broken) => respond::problem(exchange, broken),
    };
    if let Some(allow) = allow {
        response.head_mut().set(header::ALLOW, allow);
    }
    exchange.status = response.status().as_u16();
    let judged = |decision: &Decision| local.compiled.units[decision.unit.0].live.is_judged();
    if exchange.decision.as_ref().is_some_and(judged) {
        exchange.answered = Some(exchange.started.elapsed());
    }
    response
}

async fn answer(
    worker: &Rc<Worker>,
    local: &Rc<Local>,
    client: &Client,
    exchange: &mut Exchange,
    incoming: &mut Incoming,
    allow: &mut Option<HeaderValue>,
) -> Result<Reply, Broken> {
    let plan = &local.compiled.plan;
    let host = host_of(&incoming.target, incoming.host.as_ref());

    // 1. Admit: a path that is none, a loop, or a caller that has given up, goes no further.
    admit::check_path(&incoming.target)?;
    if incoming.target.path() == "*" {
        exchange.ending = Ending::Ok;
        return Ok(respond::about_the_server());
    }
    let hop = admit::admit(exchange, &incoming.head, plan.limits.hops, exchange.started)?;
    // 2. Route.
    let Incoming { method, target, head, body, .. } = incoming;
    let index = route::route(&local.compiled, method, target, host.to_str().unwrap_or_default(), head)
        .map_err(|no_route| {
            *allow = no_route.allow;
            no_route.ending
        })?;
    exchange.route = Some(index);
    let route = &plan.routes[index];
    // 3. Limit: the route's own size of a body.
    if let Some(limit) = route.body_limit
        && !body.limit(limit)
    {
        return Err(Ending::BodyTooLarge.into());
    }
    // 4. Decide: the side of the unit, by the subject.
    let cookie = decide(worker, local, exchange, route, head);
    let upstream = upstream_of(local, exchange, route).ok_or(Ending::Internal)?;
    let passage = Passage { client, route, host: &host, hop, upstream };
    // 5. Cache: what is kept of this side's answers may be good enough.
    let want = match looked(worker, local, exchange, incoming, &passage) {
        Look::Off => None,
        Look::Miss(want) => Some(want),
        Look::Unavailable => return Err(Ending::NotCached.into()),
        Look::Hit(mut response, refresh) => {
            respond::finish_kept(response.head_mut(), exchange, cookie);
            exchange.ending = Ending::Ok;
            if let Some(want) = refresh {
                refresh_kept(worker, local, exchange, incoming, &passage, &want);
            }
            return Ok(response);
        }
    };
    let mut response = pass_on(worker, local, exchange, incoming, &passage, want).await?;
    // 9. Respond.
    let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let protocol = if switching { response.headers().get(header::UPGRADE).cloned() } else { None };
    respond::finish(response.head_mut(), exchange, cookie);
    if let Some(protocol) = protocol {
        response.head_mut().set(header::CONNECTION, forward::UPGRADE);
        response.head_mut().set(header::UPGRADE, protocol);
    }
    exchange.ending = Ending::Ok;
    Ok(response)
}

/// What is known of a request once its side is decided.
#[derive(Clone, Copy)]
struct Passage<'a> {
    client: &'a Client,
    route: &'a Route,
    host: &'a HeaderValue,
    /// The number of this hop.
    hop: u32,
    upstream: UpstreamId,
}

/// Passes a request on to where it belongs.
async fn pass_on(
    worker: &Rc<Worker>,
    local: &Rc<Local>,
    exchange: &mut Exchange,
    incoming: &mut Incoming,
    passage: &Passage<'_>,
    want: Option<Box<Want>>,
) -> Result<Reply, Broken> {
    let Passage { route, host, upstream, .. } = *passage;
    let Incoming { method, target: asked_for, head, body, .. } = incoming;
    let upgrade = if exchange.seen.upgrade { upgrade_of(head.map()) } else { None };
    let repeatable = is_repeatable(route, method, head);
    // 6. Forward: the fields as the next hop gets them.
    let policy = local.compiled.policies.of(exchange.route, upstream);
    let fields = fields_of(exchange, head, passage, policy);
    let target = upstream_target(route, asked_for);
    let mut body = std::mem::replace(body, ReqBody::Empty);
    let mut asked_at = exchange.started;
    // 7. Shadow: whether a copy is wanted; and whether the body must be held for that, or for a fallback.
    let sampled = exchange.decision.as_ref().is_some_and(|decision| {
        upgrade.is_none() && shadow::is_sampled(worker, local, decision, route.effect)
    });
    let is_small = body.size_hint().exact().is_some_and(|length| length <= HOLD_BYTES as u64);
    if is_small && (sampled || policy.keeps_body) {
        let waits = !matches!(body, ReqBody::Empty);
        body = body.hold(HOLD_BYTES).await?;
        if waits {
            // A client that is slow to send must not use up the upstream's time.
            asked_at = Instant::now();
        }
    }
    let copy = if sampled {
        copy_of(worker, local, exchange, original(method, &target, &fields, host, &body))
    } else {
        None
    };
    // 8. Call, with the fallback; those who want the same wait for one call. The shadow sees the answer pass, and what a
    //    write makes untrue is forgotten.
    let call = call::Call {
        method,
        target: &target,
        fields: &fields,
        host,
        upgrade: upgrade.as_ref(),
        repeatable: repeatable && upgrade.is_none(),
        now: asked_at,
    };
    let mut response = call::call(worker, local, exchange, route, call, body, want).await?;
    if let (Some(copy), true) = (copy, is_first_choice(exchange)) {
        shadow::attach(worker, local, copy, &mut response);
    }
    let written = Written { method, target: asked_for, host, secure: exchange.secure };
    invalidate::after(local, route, &written, &response).await;
    Ok(response)
}

/// The fields of a request as the next hop gets them.
fn fields_of(
    exchange: &Exchange,
    head: &mut Head,
    passage: &Passage<'_>,
    policy: &UpstreamPolicy,
) -> forward::Fields {
    let sent = std::mem::take(head);
    let mut fields = forward::request(sent, passage.client, exchange, passage.host, passage.hop);
    if policy.reads_answers() {
        // What is to be looked into must come as it is.
        fields.leave_out(header::ACCEPT_ENCODING);
    }
    fields
}

/// What is kept for a request.
fn looked(
    worker: &Worker,
    local: &Local,
    exchange: &mut Exchange,
    incoming: &Incoming,
    passage: &Passage<'_>,
) -> Look {
    // What a request with a body means is for the upstream to say (RFC 9110 section 9.3.1).
    let is_plain = matches!(incoming.body, ReqBody::Empty) && !exchange.seen.upgrade;
    if local.compiled.cache.is_none() || !is_plain {
        return Look::Off;
    }
    let question = Question {
        method: &incoming.method,
        target: &incoming.target,
        headers: incoming.head.map_by(&mut worker.names.borrow_mut()),
        host: passage.host,
        side: &local.compiled.plan.upstreams[passage.upstream.0].name,
        secure: exchange.secure,
        is_particular: exchange.seen.for_caches,
        now: exchange.started,
    };
    look(worker, local, exchange, &question)
}

/// Fetches anew what was just given.
fn refresh_kept(
    worker: &Rc<Worker>,
    local: &Rc<Local>,
    exchange: &Exchange,
    incoming: &mut Incoming,
    passage: &Passage<'_>,
    want: &Want,
) {
    let Some(behalf) = call::Behalf::of(exchange) else { return };
    let policy = local.compiled.policies.of(exchange.route, passage.upstream);
    let fields = fields_of(exchange, &mut incoming.head, passage, policy);
    let target = upstream_target(passage.route, &incoming.target);
    let call = call::Call {
        method: &Method::GET,
        target: &target,
        fields: &fields,
        host: passage.host,
        upgrade: None,
        repeatable: true,
        now: exchange.started,
    };
    refresh(worker, local, &call::Inquiry { behalf, upstream: passage.upstream, call }, want);
}

/// The authority the client asked for: of the target where it has one, else of the `Host` field.
fn host_of(target: &Uri, host: Option<&HeaderValue>) -> HeaderValue {
    match target.authority() {
        Some(named) => HeaderValue::from_str(named.as_str()).unwrap_or(NO_HOST),
        None => host.cloned().unwrap_or(NO_HOST),
    }
}

/// The side, for a route of a unit. A subject who is nobody yet gets a cookie.
fn decide(
    worker: &Worker,
    local: &Local,
    exchange: &mut Exchange,
    route: &Route,
    head: &Head,
) -> Option<HeaderValue> {
    let Target::Unit(id) = route.target else { return None };
    let (unit, live) = (&local.compiled.plan.units[id.0], &local.compiled.units[id.0].live);
    let percent = live.percent();
    let (decision, cookie) = match subject::find(&unit.subject, &worker.signer, head) {
        Some(subject) => (Decision::make(id, unit, percent, &subject), None),
        None => {
            let (subject, cookie) = worker.signer.issue(exchange.secure, &mut *worker.rng.borrow_mut());
            (Decision::make(id, unit, percent, &subject), cookie)
        }
    };
    exchange.decision = Some(decision);
    cookie
}

fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(header::UPGRADE)?;
    let wanted = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
    // Prior knowledge is how HTTP/2 is begun in cleartext; an upgrade to it would end in the middle of us.
    let is_h2c = protocol.as_bytes().eq_ignore_ascii_case(b"h2c");
    (wanted && !is_h2c).then(|| protocol.clone())
}

/// Path and query as the upstream gets them.
fn upstream_target<'a>(route: &Route, target: &'a Uri) -> Cow<'a, str> {
    let Some(template) = &route.path else {
        let target = target.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        // The absolute form may leave the path out in front of a query (RFC 9112 section 3.2.1).
        return if target.starts_with('?') {
            Cow::Owned(format!("/{target}"))
        } else {
            Cow::Borrowed(target)
        };
    };
    // What was matched is what fills the template: parameters of another spelling would be another resource.
    let matched = normalize(target.path());
    let values = captures(&route.pattern, &matched);
    let named: Vec<_> = route.pattern.params().zip(values).collect();
    let mut path = String::with_capacity(target.path().len());
    for segment in template.segments() {
        path.push('/');
        match segment {
            banyan_config::pattern::Segment::Literal(text) => path.push_str(text),
            banyan_config::pattern::Segment::Param(name) | banyan_config::pattern::Segment::Rest(name) => {
                path.push_str(named.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value));
            }
        }
    }
    if let Some(query) = target.query() {
        path.push('?');
        path.push_str(query);
    }
    Cow::Owned(path)
}

/// The upstream that was decided for.
fn upstream_of(local: &Local, exchange: &Exchange, route: &Route) -> Option<UpstreamId> {
    match (route.target, &exchange.decision) {
        (Target::Upstream(upstream), _) => Some(upstream),
        (Target::Unit(_), None) => None,
        (Target::Unit(id), Some(decision)) => {
            Some(Decision::upstream(&local.compiled.plan.units[id.0], decision.side))
        }
    }
}

/// Whether a request may run more than once: its route reads, its method is idempotent (RFC 9110 section 9.2.2), or it has
/// a key by which the upstream knows the second one.
fn is_repeatable(route: &Route, method: &Method, head: &Head) -> bool {
    // A route of safe methods only is a write because the config says so, against the method.
    let is_declared_write = !route.methods.is_empty() && route.methods.iter().all(Method::is_safe);
    match route.effect {
        Effect::Read => true,
        Effect::Write if method.is_idempotent() => !is_declared_write,
        Effect::Write => head.contains(&forward::IDEMPOTENCY_KEY),
    }
}

fn copy_of(
    worker: &Worker,
    local: &Local,
    exchange: &Exchange,
    original: shadow::Original<'_>,
) -> Option<shadow::Copy> {
    shadow::copy(worker, local, exchange, exchange.decision.as_ref()?, original)
}

fn original<'a>(
    method: &'a Method,
    target: &'a str,
    fields: &'a forward::Fields,
    host: &'a HeaderValue,
    body: &ReqBody,
) -> shadow::Original<'a> {
    shadow::Original { method, target, fields, host, body: body.held() }
}

/// Whether the side that was decided for has answered itself, and what it wanted to answer.
fn is_first_choice(exchange: &Exchange) -> bool {
    let decided = exchange.decision.as_ref();
    decided.is_some_and(|decision| decision.reason == crate::stages::decide::Reason::Percent)
        && exchange.degraded.is_none()
        && exchange.asked.chaos.is_empty()
}

/// Ends an exchange whose head was refused before there was a request.
pub(crate) fn refuse(worker: &Worker, exchange: &mut Exchange, broken: Broken) -> Reply {
    exchange.generation = worker.local().compiled.generation;
    let response = respond::problem(exchange, broken);
    exchange.status = response.status().as_u16();
    response
}

/// What is known the moment a request's head is complete.
pub(crate) fn begin(worker: &Worker, client: &Client, version: http::Version, head: &Head) -> Exchange {
    let probability = worker.local().compiled.trace_probability;
    let seen = forward::Seen::of(head);
    let trace = crate::trace::TraceContext::of(head, seen, probability, &mut *worker.rng.borrow_mut());
    let active = &worker.meter.metrics.active_requests;
    Exchange::new(client, version, trace, seen, active, Instant::now())
}

#[cfg(test)]
mod tests {
    use banyan_config::{
        pattern::Pattern,
        plan::{Effect, RouteCache, RoutePolicy, UpstreamId},
        source::Span,
    };

    use super::*;

    fn rewriting(template: &str, path: &str) -> Route {
        Route {
            pattern: Pattern::parse(template).unwrap(),
            methods: Vec::new(),
            host: None,
            headers: Vec::new(),
            target: Target::Upstream(UpstreamId(0)),
            path: Some(Pattern::parse(path).unwrap()),
            effect: Effect::Read,
            body_limit: None,
            policy: RoutePolicy::default(),
            cache: RouteCache::Off,
            invalidates: Vec::new(),
            span: Span::default(),
        }
    }

    #[test]
    fn a_rewritten_path_is_filled_from_what_was_matched() {
        let route = rewriting("/articles/{id}/{rest...}", "/v2/a/{id}/x/{rest...}");
        for (sent, upstream) in [
            ("/articles/7/c/d?q=1", "/v2/a/7/x/c/d?q=1"),
            ("/x/../articles/7/c", "/v2/a/7/x/c"),
            ("/%61rticles/7/c", "/v2/a/7/x/c"),
            ("/articles/7/", "/v2/a/7/x/"),
        ] {
            assert_eq!(upstream_target(&route, &sent.parse().unwrap()), upstream, "{sent}");
        }
    }
}
