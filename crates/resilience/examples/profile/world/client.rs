//! A client that asks once. It has no timeouts, no pool and no second try: whoever calls it decides about these.

use std::{error::Error, fmt, io, net::SocketAddr};

use axum::{
    body::{Body, Bytes},
    http::{Request, StatusCode, header},
};
use http_body_util::{BodyExt as _, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use super::question::{LEG, Question, REQUEST};

/// More bytes than any answer here has.
const MOST: usize = 64 * 1024;

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
}

/// Why there is none.
#[derive(Debug)]
pub(crate) enum AskError {
    /// No connection, so nothing of the question was seen by anybody.
    Connect(io::Error),
    /// The connection broke before the answer was whole.
    Broken(Box<dyn Error + Send + Sync>),
}

/// Asks, and waits for the whole answer. Dropping the future closes the connection.
pub(crate) async fn get(from: SocketAddr, path: &str, question: Question) -> Result<Answer, AskError> {
    let stream = TcpStream::connect(from).await.map_err(AskError::Connect)?;
    stream.set_nodelay(true).map_err(AskError::Connect)?;
    exchange(stream, from, path, question).await.map_err(AskError::Broken)
}

async fn exchange(
    stream: TcpStream,
    from: SocketAddr,
    path: &str,
    question: Question,
) -> Result<Answer, Box<dyn Error + Send + Sync>> {
    let request = Request::get(path)
        .header(header::HOST, from.to_string())
        .header(REQUEST, question.request)
        .header(LEG, question.leg)
        .body(Body::empty())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // The connection is worked on beside the exchange, and ends with it: a set ends its tasks when it is dropped.
    let mut work = JoinSet::new();
    work.spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.map(str::to_owned);
    let body = Limited::new(body, MOST).collect().await?.to_bytes();
    Ok(Answer { status: head.status, content_type, body })
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Broken(error) => write!(f, "the answer broke off: {error}"),
        }
    }
}

impl Error for AskError {}
