//! One service of the site: HTTP/1.1 on a port of its own.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::IntoResponse as _};
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use socket2::{SockRef, Socket};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

use super::temper::{Fault, Temper};

/// How long accepting rests after an error, which is usually a lack of file descriptors.
const REST: Duration = Duration::from_millis(50);

/// What runs on a port.
#[derive(Debug)]
pub(super) struct Server {
    pages: TowerToHyperService<Router>,
    temper: Temper,
}

/// The connection was reset on purpose.
#[derive(Debug, thiserror::Error)]
#[error("reset on purpose")]
struct Reset;

impl Server {
    pub(super) fn new(pages: Router, temper: Temper) -> Self {
        Self { pages: TowerToHyperService::new(pages), temper }
    }

    /// Serves for as long as it is polled. Its connections end with it.
    pub(super) async fn run(self, listener: TcpListener) {
        let server = Arc::new(self);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(server.clone().connection(stream))),
                    Err(_) => sleep(REST).await,
                },
                Some(ended) = connections.join_next() => drop(ended),
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let Ok(handle) = prepare(&stream) else { return };
        let handle = Arc::new(handle);
        let service = hyper::service::service_fn(move |request| {
            let (server, handle) = (self.clone(), handle.clone());
            async move { server.answer(request, &handle).await }
        });
        // Ends with an error when a client goes away or a reset was on purpose; both are the client's to notice.
        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
    }

    async fn answer(&self, request: Request<Incoming>, handle: &Socket) -> Result<Response<Body>, Reset> {
        let (parts, body) = request.into_parts();
        sleep(self.temper.pace(&parts)).await;
        match self.temper.fault(&parts) {
            Some(Fault::Error) => return Ok((StatusCode::INTERNAL_SERVER_ERROR, "it broke").into_response()),
            Some(Fault::Reset) => {
                // Closed with a linger of zero, which makes it a reset (RST) and not an orderly end (FIN).
                drop(handle.set_linger(Some(Duration::ZERO)));
                return Err(Reset);
            }
            None => {}
        }
        let answered: Result<_, Infallible> = self.pages.call(Request::from_parts(parts, body)).await;
        let Ok(response) = answered;
        Ok(response)
    }
}

/// Gives a second handle of the socket, for the protocol takes the first.
fn prepare(stream: &TcpStream) -> io::Result<Socket> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).try_clone()
}
