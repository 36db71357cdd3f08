//! Starting a server.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use axum::Router;
use tokio::{net::TcpListener, task::JoinSet};

/// Serves on a free port of the loopback interface for as long as `servers` is kept.
pub(crate) async fn start(router: Router, servers: &mut JoinSet<()>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    servers.spawn(async move {
        // It ends only with its task: errors of single connections are theirs alone.
        drop(axum::serve(listener, router).await);
    });
    Ok(address)
}
