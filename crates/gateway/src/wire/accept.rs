//! Accepting connections on one worker, until the drain.

use std::{io, net::SocketAddr, rc::Rc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;

use super::{h1, h2, stream::Stream};
use crate::{connections::Slot, forward::Client, worker::Worker};

/// Pause after accepting failed for want of descriptors or memory, so as not to spin.
const RECOVER: Duration = Duration::from_millis(50);

/// Accepts until the drain begins, then waits for the connections to end, as long as the config allows.
pub(crate) async fn run(worker: Rc<Worker>, listener: TcpListener, index: usize) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = worker.drain_begun() => break,
            accepted = listener.accept() => start(&worker, &mut open, accepted, index).await,
        }
        while open.try_join_next().is_some() {}
    }
    take_backlog(&worker, &listener, &mut open, index).await;
    drop(listener);
    let patience = worker.local().compiled.plan.timeouts.drain;
    let deadline = Instant::now() + patience;
    while let Ok(Some(_)) = timeout_at(deadline, open.join_next()).await {}
    if !open.is_empty() {
        tracing::warn!(connections = open.len(), after_s = patience.as_secs(), "drain: connections cut off");
    }
}

async fn start(
    worker: &Rc<Worker>,
    open: &mut JoinSet<()>,
    accepted: io::Result<(TcpStream, SocketAddr)>,
    index: usize,
) {
    match accepted {
        Ok((stream, peer)) => {
            let slot = slot(worker).await;
            let worker = worker.clone();
            open.spawn_local(async move {
                serve(worker, stream, peer, index).await;
                drop(slot);
            });
        }
        Err(error) if is_of_one_connection(&error) => {}
        Err(error) => {
            tracing::error!(%error, "accepting failed; is the limit of open files too low?");
            sleep(RECOVER).await;
        }
    }
}

/// A slot for a connection that is here. While there is none the worker accepts no other, so the rest waits in the kernel's
/// backlog; taking slots ahead of connections would let an idle worker keep them from a busy one.
async fn slot(worker: &Worker) -> Slot {
    tokio::select! {
        slot = worker.connections.slot() => slot,
        // It was accepted, so it is served: in a drain nobody may wait for a slot that a tunnel holds.
        () = worker.drain_begun() => worker.connections.slot_beyond_the_limit(),
    }
}

/// The kernel has accepted these already; closing the listener would reset them.
async fn take_backlog(worker: &Rc<Worker>, listener: &TcpListener, open: &mut JoinSet<()>, index: usize) {
    while let Ok(accepted) = timeout(Duration::ZERO, listener.accept()).await {
        start(worker, open, accepted, index).await;
    }
}

/// Errors that concern a connection which is gone already.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn serve(worker: Rc<Worker>, tcp: TcpStream, peer: SocketAddr, index: usize) {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let local = worker.local();
    let plan = &local.compiled.plan;
    let ip = peer.ip().to_canonical();
    let trusted = plan.trusted_proxies.iter().any(|net| net.contains(&ip));
    let Some(config) = local.compiled.tls.get(index).cloned().flatten() else {
        let stream = Stream::Tcp(tcp).batched(&worker.rooms.batch);
        return h1::serve(worker, stream, Client::new(peer, false, trusted)).await;
    };
    let handshake = timeout(plan.timeouts.head, TlsAcceptor::from(config).accept(tcp));
    let tls = match handshake.await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => return tracing::debug!(%peer, %error, "TLS handshake failed"),
        Err(_) => return tracing::debug!(%peer, "TLS handshake timed out"),
    };
    let client = Client::new(peer, true, trusted);
    let is_h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = Stream::Server(Box::new(tls));
    if is_h2 {
        h2::serve(worker, stream, client).await;
    } else {
        h1::serve(worker, stream, client).await;
    }
}
