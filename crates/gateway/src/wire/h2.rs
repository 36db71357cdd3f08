//! An HTTP/2 client's connection, by hyper: many requests at once, each through the same pipeline.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Version, header};
use http_body::{Body, Frame};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    body::{Broken, H2Request, ReqBody, ResBody},
    head::Head,
    local::LocalExecutor,
    timer::Deadline,
};
use crate::{exchange::Exchange, forward::Client, outcome::Ending, pipeline, worker::Worker};

/// Requests one connection may have under way.
const STREAMS: u32 = 256;
/// How often a silent client is asked whether it lives, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves a connection to its end.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    client: Client,
) {
    let drained = worker.clone();
    let head = u32::try_from(worker.local().compiled.plan.limits.head).unwrap_or(u32::MAX);
    let client = Rc::new(client);
    let service = service_fn(move |request| {
        let (worker, client) = (worker.clone(), client.clone());
        async move { Ok::<_, Infallible>(exchange(worker, &client, request).await) }
    });
    let connection = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(head)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .adaptive_window(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = drained.drain_begun() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "an HTTP/2 client's connection ended");
    }
}

async fn exchange(worker: Rc<Worker>, client: &Client, request: Request<Incoming>) -> Response<Tracked> {
    let (mut parts, incoming) = request.into_parts();
    let head = Head::from(std::mem::take(&mut parts.headers));
    let mut exchange = Box::new(pipeline::begin(&worker, client, Version::HTTP_2, &head));
    exchange.method = Some(parts.method.clone());
    exchange.target = Some(parts.uri.clone());
    let tracked = Finish { worker: worker.clone(), exchange: Some(exchange) };
    parts.headers = head.into_map();
    serve_one(&worker, client, tracked, Request::from_parts(parts, incoming)).await
}

async fn serve_one(
    worker: &Rc<Worker>,
    client: &Client,
    mut tracked: Finish,
    request: Request<Incoming>,
) -> Response<Tracked> {
    let Some(exchange) = tracked.exchange.as_deref_mut() else {
        return Response::new(tracked.around(ResBody::empty()));
    };
    let response = match prepare(worker, request) {
        Ok(mut incoming) => pipeline::serve(worker, client, exchange, &mut incoming).await,
        Err(broken) => pipeline::refuse(worker, exchange, broken),
    };
    let (mut parts, body) = response.into_http().into_parts();
    match (body.stored(), body.held_length()) {
        (Some(hit), _) => hit.put_fields(&mut parts.headers),
        (None, Some(length)) => {
            parts.headers.insert(header::CONTENT_LENGTH, length.into());
        }
        (None, None) => {}
    }
    if !parts.headers.contains_key(header::DATE) {
        parts.headers.insert(header::DATE, worker.date(exchange.started));
    }
    Response::from_parts(parts, tracked.around(body))
}

/// The request as the pipeline takes it.
fn prepare(worker: &Worker, request: Request<Incoming>) -> Result<pipeline::Incoming, Broken> {
    let local = worker.local();
    let (limits, timeouts) = (&local.compiled.plan.limits, &local.compiled.plan.timeouts);
    let (parts, incoming) = request.into_parts();
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.uri {
        return Err(Ending::TargetTooLong.into());
    }
    if parts.headers.len() > limits.headers {
        return Err(Ending::HeadTooLarge.into());
    }
    // A tunnel through us is nothing that a route could mean.
    if parts.method == http::Method::CONNECT {
        return Err(Broken { ending: Ending::BadRequest, detail: Some("the request target is not valid") });
    }
    check_host(&parts)?;
    if limits.body.is_some_and(|limit| incoming.size_hint().lower() > limit) {
        return Err(Ending::BodyTooLarge.into());
    }
    let body = if incoming.is_end_stream() {
        ReqBody::Empty
    } else {
        let (left, timeout) = (limits.body, timeouts.body);
        ReqBody::H2(Box::new(H2Request { incoming, left, stall: Deadline::default(), timeout }))
    };
    let host = parts.headers.get(header::HOST).cloned();
    Ok(pipeline::Incoming { method: parts.method, target: parts.uri, host, head: parts.headers.into(), body })
}

/// What HTTP/1.1 asks of `Host`, asked of `:authority` and of a `host` beside it (RFC 9113 section 8.3.1).
fn check_host(parts: &http::request::Parts) -> Result<(), Broken> {
    let refuse = |detail| Err(Broken { ending: Ending::BadRequest, detail: Some(detail) });
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let named = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let is_userinfo = |name: &[u8]| name.contains(&b'@');
    match (named, host.map(http::HeaderValue::as_bytes)) {
        _ if second.is_some() => refuse("the Host field is repeated or not valid"),
        (None, None) => refuse("the Host field is missing"),
        (Some(named), _) if is_userinfo(named) => refuse("the Host field is repeated or not valid"),
        (None, Some(host)) if is_userinfo(host) => refuse("the Host field is repeated or not valid"),
        (Some(named), Some(host)) if !named.eq_ignore_ascii_case(host) => {
            refuse("the request target names another host than the Host field")
        }
        _ => Ok(()),
    }
}

/// Ends the exchange when the answer has ended, or was given up.
#[derive(Debug)]
struct Finish {
    worker: Rc<Worker>,
    exchange: Option<Box<Exchange>>,
}

impl Finish {
    fn around(mut self, body: ResBody) -> Tracked {
        let outcome = self.exchange.as_ref().map_or(Ending::Internal, |exchange| exchange.ending);
        if let Some(exchange) = &mut self.exchange
            && !body.is_end_stream()
        {
            // Until the end was seen, a stream that is dropped was given up by its client.
            exchange.ending = Ending::ClientGone;
        }
        Tracked { body, finish: self, outcome }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            self.worker.finish(&exchange);
        }
    }
}

/// An answer's body that counts what passes.
#[derive(Debug)]
struct Tracked {
    body: ResBody,
    finish: Finish,
    /// How the exchange ends if the body does.
    outcome: Ending,
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let ended = self.body.is_end_stream();
        let outcome = self.outcome;
        if let Some(exchange) = &mut self.finish.exchange {
            match &frame {
                Some(Ok(frame)) => exchange.sent += frame.data_ref().map_or(0, |data| data.len() as u64),
                Some(Err(broken)) => exchange.ending = broken.ending,
                None => {}
            }
            if frame.is_none() || ended {
                exchange.ending = outcome;
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.held_length().map_or_else(http_body::SizeHint::default, http_body::SizeHint::with_exact)
    }
}
