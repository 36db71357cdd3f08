//! An HTTP/2 client and server, by hyper.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2::{SendRequest, handshake},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

/// A body of any kind.
pub type Body = BoxBody<Bytes, Infallible>;

/// A body that is there.
#[must_use]
pub fn full(data: impl Into<Bytes>) -> Body {
    Full::new(data.into()).boxed()
}

/// A body that comes through a channel; it ends when the sender is dropped.
#[must_use]
pub fn channel() -> (mpsc::Sender<Frame<Bytes>>, Body) {
    let (frames, body) = mpsc::channel(16);
    (frames, BoxBody::new(StreamBody::new(ReceiverStream::new(body).map(Ok))))
}

/// Connects with prior knowledge.
///
/// # Panics
/// When nobody listens or HTTP/2 is not spoken.
pub async fn connect(address: SocketAddr) -> SendRequest<Body> {
    over(TcpStream::connect(address).await.expect("somebody listens")).await
}

/// Begins HTTP/2 on a stream, such as one of TLS.
///
/// # Panics
/// When HTTP/2 is not spoken.
pub async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> SendRequest<Body> {
    let (sender, connection) =
        handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Status, fields.
    pub head: http::response::Parts,
    /// The whole body.
    pub body: Bytes,
    /// Fields after the body.
    pub trailers: Option<HeaderMap>,
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// When the stream or the connection breaks.
pub async fn ask(sender: &mut SendRequest<Body>, request: Request<Body>) -> hyper::Result<Answer> {
    sender.ready().await?;
    read(sender.send_request(request).await?).await
}

/// Reads an answer to its end.
///
/// # Errors
/// When the stream breaks.
pub async fn read(response: Response<Incoming>) -> hyper::Result<Answer> {
    let (head, body) = response.into_parts();
    let whole = body.collect().await?;
    let trailers = whole.trailers().cloned();
    Ok(Answer { head, body: whole.to_bytes(), trailers })
}

/// Serves HTTP/2 with prior knowledge on a free port for as long as the runtime lives.
///
/// # Panics
/// When no port is free.
pub async fn serve<F, R>(answer: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            let service = service_fn(move |request| {
                let answering = answer(request);
                async move { Ok::<_, Infallible>(answering.await) }
            });
            tokio::spawn(
                http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    address
}
