//! A small HTTP/1.1 client that keeps its connections.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

/// Idle connections kept; enough for the busiest moment of a demo.
const MAX_IDLE: usize = 256;
/// An idle connection older than this is not used again. Below the 75 s after which the gateway closes its side.
const MAX_AGE: Duration = Duration::from_secs(30);
/// Bytes of an answer. The site's are a thousand times smaller: more means that something else is answering.
const MAX_BODY: usize = 1 << 20;

/// Connections to one server.
#[derive(Debug)]
pub(crate) struct Client {
    target: SocketAddr,
    host: HeaderValue,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("cannot connect: {0}")]
    Connect(#[source] std::io::Error),
    #[error("the exchange broke off: {0}")]
    Exchange(#[source] hyper::Error),
    #[error("the answer's body broke off: {0}")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
}

impl Client {
    pub(crate) fn new(target: SocketAddr) -> Self {
        let host =
            HeaderValue::from_str(&target.to_string()).unwrap_or(HeaderValue::from_static("localhost"));
        Self { target, host, idle: Mutex::default() }
    }

    /// Asks, and waits for the whole answer. The URI of the request is its path and query.
    ///
    /// # Errors
    /// When there is no whole answer within `limit`. A request may have had an effect all the same.
    pub(crate) async fn ask(
        &self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<Answer, AskError> {
        timeout(limit, self.exchange(request)).await.unwrap_or(Err(AskError::Timeout(limit)))
    }

    async fn exchange(&self, mut request: Request<Full<Bytes>>) -> Result<Answer, AskError> {
        request.headers_mut().insert(header::HOST, self.host.clone());
        // The server may have closed an idle connection while we took it up. Nothing was sent then.
        while let Some(sender) = self.take_idle() {
            match self.send(sender, request).await {
                Ok(answer) => return Ok(answer),
                Err(Unsent::Returned(unsent)) => request = *unsent,
                Err(Unsent::Lost(error)) => return Err(error),
            }
        }
        match self.send(self.connect().await?, request).await {
            Ok(answer) => Ok(answer),
            Err(Unsent::Lost(error)) => Err(error),
            Err(Unsent::Returned(_)) => Err(AskError::Connect(std::io::ErrorKind::ConnectionAborted.into())),
        }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, AskError> {
        let stream = TcpStream::connect(self.target).await.map_err(AskError::Connect)?;
        stream.set_nodelay(true).map_err(AskError::Connect)?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(AskError::Exchange)?;
        // Ends with its sender; its errors come out there as well.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    async fn send(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Unsent> {
        let response =
            sender.try_send_request(request).await.map_err(|mut failed| match failed.take_message() {
                Some(unsent) => Unsent::Returned(Box::new(unsent)),
                None => Unsent::Lost(AskError::Exchange(failed.into_error())),
            })?;
        let (parts, body) = response.into_parts();
        let whole = Limited::new(body, MAX_BODY).collect().await;
        let body = whole.map_err(|broken| Unsent::Lost(AskError::Body(broken)))?.to_bytes();
        self.put_back(sender).await;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    fn take_idle(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.lock();
        let oldest = Instant::now().checked_sub(MAX_AGE);
        // The latest first, so that what is not needed grows old and goes.
        while let Some(Idle { sender, since }) = idle.pop() {
            if sender.is_ready() && oldest.is_none_or(|oldest| since > oldest) {
                return Some(sender);
            }
        }
        None
    }

    async fn put_back(&self, mut sender: SendRequest<Full<Bytes>>) {
        // Not before the connection is done with the exchange; it says no when it will not carry another.
        if sender.ready().await.is_err() {
            return;
        }
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            idle.push(Idle { sender, since: Instant::now() });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a connection gave no answer.
enum Unsent {
    /// Nothing was sent: another connection may.
    Returned(Box<Request<Full<Bytes>>>),
    /// It may have been.
    Lost(AskError),
}
