//! Exchanges over one HTTP/2 connection to a host, by hyper.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::Instant;

use super::{
    h1::poll_stalled,
    local::{InFlight, LocalHost},
};
use crate::{
    outcome::Ending,
    wire::{
        body::{Broken, ReqBody},
        local::LocalExecutor,
        stream::Stream,
        timer::Deadline,
    },
};

/// How often an otherwise silent connection is asked whether it lives, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The sending side of a connection. Clones share the connection and are equal.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    inner: http2::SendRequest<ReqBody>,
    connection: Rc<()>,
}

/// A call that failed before its answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) broken: Broken,
    /// The upstream has said, or it is certain, that it has done nothing about the request: it may be sent again, whatever
    /// its method (RFC 9113 section 8.7).
    pub(crate) unprocessed: bool,
    /// The body, when not a byte of it was sent.
    pub(crate) body: Option<ReqBody>,
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self { broken, unprocessed: false, body: None }
    }
}

/// The connection to the host, if there is an open one.
pub(crate) fn existing(host: &LocalHost) -> Option<Sender> {
    let mut slot = host.h2.borrow_mut();
    if slot.as_ref().is_some_and(|sender| sender.inner.is_closed()) {
        *slot = None;
    }
    slot.clone()
}

/// Takes a connection out of use: the upstream is leaving it. One that has come in its place stays.
pub(crate) fn retire(host: &LocalHost, sender: &Sender) {
    let mut slot = host.h2.borrow_mut();
    if slot.as_ref().is_some_and(|current| Rc::ptr_eq(&current.connection, &sender.connection)) {
        *slot = None;
    }
}

/// Speaks HTTP/2 over a fresh stream and keeps the connection for the calls that follow.
pub(crate) async fn start(host: &Rc<LocalHost>, stream: Stream) -> Result<Sender, Ending> {
    let (sender, connection) = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .adaptive_window(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| Ending::Reset)?;
    let name = host.upstream.config.name.clone();
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(upstream = &*name, %error, "an HTTP/2 connection ended");
        }
    });
    let sender = Sender { inner: sender, connection: Rc::new(()) };
    *host.h2.borrow_mut() = Some(sender.clone());
    Ok(sender)
}

/// Sends a request and waits for the answer's head.
pub(crate) async fn send(
    sender: &mut Sender,
    request: Request<ReqBody>,
) -> Result<Response<Incoming>, Failure> {
    if sender.inner.ready().await.is_err() {
        return Err(unsent(request));
    }
    let mut error = match sender.inner.try_send_request(request).await {
        Ok(response) => return Ok(response),
        Err(error) => error,
    };
    match error.take_message() {
        Some(request) => Err(unsent(request)),
        None => {
            let error = error.into_error();
            Err(Failure {
                broken: broken_of(&error, Ending::Reset),
                unprocessed: was_unprocessed(&error),
                body: None,
            })
        }
    }
}

fn unsent(request: Request<ReqBody>) -> Failure {
    Failure { broken: Ending::Reset.into(), unprocessed: true, body: Some(request.into_body()) }
}

/// `REFUSED_STREAM`, or a connection that the upstream ends in good order before it came to this stream.
fn was_unprocessed(error: &hyper::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<::h2::Error>() {
            let ended_well = error.is_go_away() && error.reason() == Some(::h2::Reason::NO_ERROR);
            return error.reason() == Some(::h2::Reason::REFUSED_STREAM) || ended_well;
        }
        cause = inner.source();
    }
    false
}

/// The client's own failure if its body broke, else what `otherwise` says.
fn broken_of(error: &hyper::Error, otherwise: Ending) -> Broken {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(broken) = inner.downcast_ref::<Broken>() {
            return *broken;
        }
        cause = inner.source();
    }
    otherwise.into()
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct H2Body {
    incoming: Incoming,
    stall: Deadline,
    idle: Duration,
    whole: Option<Instant>,
    call: Option<InFlight>,
}

impl H2Body {
    pub(crate) fn new(incoming: Incoming, idle: Duration, whole: Option<Instant>, call: InFlight) -> Self {
        Self { incoming, stall: Deadline::default(), idle, whole, call: Some(call) }
    }

    pub(crate) fn is_end(&self) -> bool {
        self.incoming.is_end_stream()
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.stall.set(None);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                if let Some(call) = self.call.take() {
                    call.failed(Instant::now());
                }
                Poll::Ready(Some(Err(broken_of(&error, Ending::BodyReset))))
            }
            Poll::Ready(None) => {
                self.call = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                let broken = ready!(poll_stalled(&mut self.stall, self.idle, self.whole, cx));
                Poll::Ready(Some(Err(broken)))
            }
        }
    }
}
