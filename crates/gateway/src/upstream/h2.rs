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

/// The sending side of a connection.
pub(crate) type Sender = http2::SendRequest<ReqBody>;

/// How often an otherwise silent connection is asked whether it lives, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that has room, if there is an open one.
pub(crate) fn existing(host: &LocalHost) -> Option<Sender> {
    let mut slot = host.h2.borrow_mut();
    if slot.as_ref().is_some_and(http2::SendRequest::is_closed) {
        *slot = None;
    }
    slot.clone()
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
    *host.h2.borrow_mut() = Some(sender.clone());
    Ok(sender)
}

/// Sends a request and waits for the answer's head.
pub(crate) async fn send(
    mut sender: Sender,
    request: Request<ReqBody>,
) -> Result<Response<Incoming>, Broken> {
    sender.ready().await.map_err(|_| Ending::Reset)?;
    sender.send_request(request).await.map_err(|error| broken_of(&error, Ending::Reset))
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
