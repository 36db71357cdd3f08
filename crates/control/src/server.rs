//! A listener that cannot be kept busy: bounded connections, a limit for heads, and an end.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// What a listener is kept within.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Connections at once; more wait in the kernel's backlog.
    pub(crate) connections: usize,
    /// For a request head, and for an idle connection.
    pub(crate) idle: Duration,
    /// What is served, for the log.
    pub(crate) what: &'static str,
}

/// People, scrapers and probes need a dozen connections.
const ADMIN: Bounds = Bounds { connections: 256, idle: Duration::from_secs(15), what: "the admin API" };
/// For a whole connection, so that a client that takes no byte of its answer is gone at some time. One that behaves may
/// finish what is under way, and comes back.
const CONNECTION: Duration = Duration::from_secs(600);
/// For a request under way when the end comes.
const END: Duration = Duration::from_secs(5);
/// After a failed accept, such as for want of file descriptors; trying at once would only burn the processor.
const REST: Duration = Duration::from_millis(100);

/// Serves `router` until `stop` says so or its sender is gone, then ends what is under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: watch::Receiver<bool>) {
    serve_each(listener, stop, ADMIN, |_| router.clone()).await;
}

/// The same within other bounds, with a router that may know the peer.
pub(crate) async fn serve_each(
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
    bounds: Bounds,
    router: impl Fn(SocketAddr) -> Router,
) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer, place)) => {
                let (service, stop) = (TowerToHyperService::new(router(peer)), stop.clone());
                connections.spawn(async move {
                    converse(stream, service, bounds, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, what = bounds.what, "a connection cannot be accepted");
                sleep(REST).await;
            }
        }
    }
    drop(listener);
    // Each has been told, and ends within its time.
    while connections.join_next().await.is_some() {}
}

/// One connection to its end. When its time is over, or all end, the request under way is still answered.
async fn converse(
    stream: TcpStream,
    service: TowerToHyperService<Router>,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.idle)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // How a connection ends concerns only its client.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = sleep(CONNECTION) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    drop(timeout(END, connection).await);
}

/// A connection and the place it takes.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}
