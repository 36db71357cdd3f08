//! One call to an upstream: a host, a connection, an exchange; another host when connecting fails.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
};

use banyan_config::plan::HostField;
use banyan_http1::Framing;
use http::{HeaderValue, Method, Request, Uri, Version, header, uri};
use http_body::Body as _;
use rand::rngs::SmallRng;
use smallvec::SmallVec;
use tokio::time::{Instant, timeout_at};

use super::{
    connect,
    h1::{self, AttemptLimits, Connection, Failure, Outgoing},
    h2,
    local::{InFlight, LocalHost, LocalUpstream},
};
use crate::{
    forward::{self, Fields},
    outcome::Ending,
    wire::{
        answer::{Answer, Reply},
        body::{Broken, ReqBody, ResBody, Source, Taken},
    },
};

/// Hosts that are tried when connections cannot be opened: nothing was sent then, so any request may go elsewhere.
const MAX_CONNECTS: usize = 3;
/// How often a request goes again that an HTTP/2 upstream has not looked at.
const MAX_RESENDS: u32 = 3;

/// What is asked of an upstream.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a Method,
    /// Path and query.
    pub(crate) target: &'a str,
    /// End-to-end fields. Those of the hop (`Host`, framing, upgrade, deadline) are said here.
    pub(crate) fields: &'a Fields,
    /// What the client called us, for upstreams that want to know.
    pub(crate) host: &'a HeaderValue,
    /// Whether an upgrade is asked for; HTTP/1.1 only.
    pub(crate) upgrade: Option<&'a HeaderValue>,
    pub(crate) body: ReqBody,
    pub(crate) limits: AttemptLimits,
    /// Whether the next hop is told how long the call may still take.
    pub(crate) pass_deadline: bool,
}

/// What happened on the way. Attempts of one call share it, so that one leaves alone where another has failed.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// Requests sent, and connects that failed.
    pub(crate) attempts: Cell<u32>,
    /// Who was asked last.
    pub(crate) endpoint: Cell<Option<SocketAddr>>,
    asked: RefCell<Tried>,
}

type Tried = SmallVec<[Rc<LocalHost>; MAX_CONNECTS]>;

impl Trail {
    /// A host to ask: one that this call has not asked yet, if there is one.
    fn pick(
        &self,
        upstream: &LocalUpstream,
        tried: &[Rc<LocalHost>],
        rng: &RefCell<SmallRng>,
        now: Instant,
    ) -> Option<Rc<LocalHost>> {
        let rng = &mut rng.borrow_mut();
        let mut asked = self.asked.borrow_mut();
        let fresh = if asked.is_empty() { None } else { upstream.pick(&asked, rng, now) };
        let host = fresh.or_else(|| upstream.pick(tried, rng, now))?;
        self.attempts.set(self.attempts.get() + 1);
        self.endpoint.set(Some(host.shared.address));
        asked.push(host.clone());
        Some(host)
    }
}

/// Asks an upstream and waits for the answer's head.
pub(crate) async fn ask(
    upstream: &LocalUpstream,
    rng: &RefCell<SmallRng>,
    mut question: Question<'_>,
    trail: &Trail,
    now: Instant,
) -> Result<Reply, Broken> {
    let mut tried = Tried::new();
    let mut last = None;
    let mut now = now;
    let spare = question.body.again();
    // After a connection that lay idle turned out to be closed: once more, wherever that may be, on one that did not lie idle.
    let mut once_more = false;
    let mut resends = MAX_RESENDS;
    loop {
        let Some(host) = trail.pick(upstream, &tried, rng, now) else {
            let nobody = || if upstream.has_hosts() { Ending::NoEndpoint } else { Ending::DnsError };
            return Err(last.unwrap_or_else(nobody).into());
        };
        let call = InFlight::start(host.clone(), now);
        let ready = if once_more { None } else { at_hand(&host, &question, now) };
        let reached = match ready {
            Some(reached) => Ok(reached),
            // Boxed: nearly every call finds a connection, and need not carry the room for making one.
            None => Box::pin(timeout_at(question.limits.deadline, open(&host)))
                .await
                .unwrap_or(Err(Ending::Deadline)),
        };
        let again = || spare.as_ref().and_then(ReqBody::again);
        match reached {
            Ok(Reached::H1(connection)) => {
                let may_repeat = question.method.is_idempotent() && !once_more;
                match over_h1(&host, connection, &mut question, call, now).await {
                    Ok(reply) => return Ok(reply),
                    Err(failure) => match again().filter(|_| failure.stale && may_repeat) {
                        Some(body) => {
                            question.body = body;
                            (once_more, last, now) = (true, Some(Ending::Reset), Instant::now());
                        }
                        None => return Err(failure.broken),
                    },
                }
            }
            Ok(Reached::H2(sender)) => match Box::pin(over_h2(&host, sender, &mut question, call)).await {
                Ok(reply) => return Ok(reply),
                // The upstream leaves this connection and has not looked at the request.
                Err(failure) if failure.unprocessed && resends > 0 => {
                    let Some(body) = failure.body.or_else(again) else { return Err(failure.broken) };
                    question.body = body;
                    (resends, last, now) = (resends - 1, Some(failure.broken.ending), Instant::now());
                }
                Err(failure) => return Err(failure.broken),
            },
            Err(ending) => {
                now = Instant::now();
                call.failed(now);
                last = Some(ending);
                tried.push(host);
                if tried.len() == MAX_CONNECTS || ending == Ending::Deadline {
                    return Err(ending.into());
                }
            }
        }
    }
}

enum Reached {
    H1(Box<Connection>),
    H2(h2::Sender),
}

/// A connection to the host that is there already.
fn at_hand(host: &Rc<LocalHost>, question: &Question<'_>, now: Instant) -> Option<Reached> {
    if question.upgrade.is_none()
        && let Some(sender) = h2::existing(host)
    {
        return Some(Reached::H2(sender));
    }
    host.take_idle(now).map(Reached::H1)
}

async fn open(host: &Rc<LocalHost>) -> Result<Reached, Ending> {
    let opened = connect::open(&host.upstream, &host.shared).await?;
    if opened.http2 {
        return h2::start(host, opened.stream).await.map(Reached::H2);
    }
    let stream = opened.stream.batched(&host.rooms.batch);
    Ok(Reached::H1(Connection::new(stream, host.rooms.clone(), Instant::now())))
}

async fn over_h1(
    host: &Rc<LocalHost>,
    connection: Box<Connection>,
    question: &mut Question<'_>,
    call: InFlight,
    now: Instant,
) -> Result<Reply, Failure> {
    let body = std::mem::replace(&mut question.body, ReqBody::Empty);
    let framing = request_framing(&body, question.method);
    let deadline = question.pass_deadline.then(|| forward::millis_left(question.limits.deadline, now));
    let request = Outgoing {
        method: question.method,
        target: question.target,
        fields: question.fields,
        host: host_field(host, question.host),
        framing,
        upgrade: question.upgrade,
        deadline: deadline.as_ref(),
    };
    let answer = h1::send(connection, request, body, question.limits, call, now).await?;
    Ok(Answer::of(answer.head.status, answer.head.fields.into(), ResBody::new(Source::H1(answer.body))))
}

/// How the request's body will be framed: as long as it is known to be, else in chunks.
fn request_framing(body: &ReqBody, method: &Method) -> Framing {
    if body.is_end_stream() {
        return Framing::Empty;
    }
    match body.size_hint().exact() {
        Some(0) => Framing::Empty,
        Some(length) => Framing::Length(length),
        None if method == Method::TRACE => Framing::Empty,
        None => Framing::Chunked,
    }
}

/// What the caller called us, or what the endpoint is called, as the upstream wants it.
fn host_field<'a>(host: &'a LocalHost, asked_as: &'a HeaderValue) -> &'a HeaderValue {
    match host.upstream.config.host {
        HostField::Preserve if !asked_as.is_empty() => asked_as,
        HostField::Preserve | HostField::Endpoint => &host.shared.host_field,
    }
}

async fn over_h2(
    host: &Rc<LocalHost>,
    mut sender: h2::Sender,
    question: &mut Question<'_>,
    call: InFlight,
) -> Result<Reply, h2::Failure> {
    let limits = question.limits;
    let taken = Rc::new(Taken::default());
    let request = h2_request(host, question, &taken)?;
    let result = match in_time(&limits, &taken, h2::send(&mut sender, request)).await {
        Ok(result) => result,
        Err(ending) => Err(Broken::from(ending).into()),
    };
    match result {
        Ok(response) => {
            call.judge_status(response.status(), Instant::now());
            let (parts, incoming) = response.into_parts();
            let body = h2::H2Body::new(incoming, limits.idle, limits.whole, call);
            Ok(Answer::of(parts.status, parts.headers.into(), ResBody::new(Source::H2(Box::new(body)))))
        }
        Err(failure) => {
            if failure.unprocessed {
                h2::retire(host, &sender);
            } else if failure.broken.ending.is_upstream_failure() {
                call.failed(Instant::now());
            }
            Err(failure)
        }
    }
}

/// Waits for the answer's head as long as an attempt may take. The upstream's time does not run while the client is waited
/// for, and begins anew with every piece that it takes.
async fn in_time<T>(
    limits: &AttemptLimits,
    taken: &Taken,
    answer: impl Future<Output = T>,
) -> Result<T, Ending> {
    let mut answer = std::pin::pin!(answer);
    let mut until = limits.deadline.min(Instant::now() + limits.first_byte);
    let mut seen = 0;
    loop {
        if let Ok(answer) = timeout_at(until, answer.as_mut()).await {
            return Ok(answer);
        }
        let now = Instant::now();
        let is_over = limits.whole.is_some_and(|whole| now >= whole);
        if is_over || (taken.frames.get() == seen && !taken.waits.get()) {
            return Err(limits.ending(now));
        }
        seen = taken.frames.get();
        until = limits.after_progress();
    }
}

fn h2_request(
    host: &LocalHost,
    question: &mut Question<'_>,
    taken: &Rc<Taken>,
) -> Result<Request<ReqBody>, Broken> {
    let scheme = if host.shared.endpoint.tls { uri::Scheme::HTTPS } else { uri::Scheme::HTTP };
    let authority = host_field(host, question.host);
    let target = Uri::builder()
        .scheme(scheme)
        .authority(authority.as_bytes())
        .path_and_query(question.target)
        .build()
        .map_err(|_| Ending::BadRequest)?;
    let body = std::mem::replace(&mut question.body, ReqBody::Empty);
    let length = body.size_hint().exact().filter(|_| !body.is_end_stream());
    let mut request = Request::new(body.watched(taken));
    *request.method_mut() = question.method.clone();
    *request.uri_mut() = target;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = question.fields.to_map();
    if let Some(length) = length {
        request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    if question.pass_deadline {
        let left = forward::millis_left(question.limits.deadline, Instant::now());
        request.headers_mut().insert(forward::DEADLINE, left);
    }
    Ok(request)
}
