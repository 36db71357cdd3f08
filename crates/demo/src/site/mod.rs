//! The community site: one legacy system that does everything, and three replacements that each do one thing.

mod bridge;
mod dialect;
mod legacy;
mod pages;
mod refusal;
mod replacement;
mod server;
mod shared;
mod temper;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use axum::Router;
use futures_util::future::join_all;
use tokio::sync::oneshot;

use self::{bridge::Bridge, dialect::Dialect, server::Server, shared::Books, temper::Temper};
use crate::{background::Background, community::Community, seed::Seed};

/// The running site. Ends when it is dropped.
#[derive(Debug)]
pub struct Site {
    addresses: Addresses,
    bridge: Arc<Bridge>,
    // Last, so that nothing it serves with goes before it.
    _background: Background,
}

/// Where the systems of the site listen, all on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The old system: every page.
    pub legacy: SocketAddr,
    /// The new system of the unit `articles`.
    pub articles: SocketAddr,
    /// The new system of the unit `comments`.
    pub comments: SocketAddr,
    /// The new system of the unit `notifications`.
    pub notifications: SocketAddr,
}

impl Site {
    /// Starts every system on a free port. When it returns, connections are accepted.
    ///
    /// One `seed` makes one community with one set of differences and failures. The replacement of notifications asks
    /// the gateway for users and articles, so it answers 502 until [`Site::connect`].
    ///
    /// # Errors
    /// When there is no free port or no thread.
    pub fn start(seed: u64) -> io::Result<Self> {
        let seed = Seed(seed);
        let bridge = Arc::new(Bridge::default());
        let services = services(seed, &bridge);
        let listeners = services.iter().map(|_| listen()).collect::<io::Result<Vec<_>>>()?;
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
        let &[legacy, articles, comments, notifications] = addresses.as_slice() else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        let run = move |stopped| run(services.into_iter().zip(listeners).collect(), stopped);
        let background = Background::start("demo-site", run)?;
        let addresses = Addresses { legacy, articles, comments, notifications };
        Ok(Self { addresses, bridge, _background: background })
    }

    /// Where its systems listen.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Tells the replacements where the gateway is. It is said once: later addresses are not taken.
    pub fn connect(&self, gateway: SocketAddr) {
        self.bridge.connect(gateway);
    }
}

/// The systems, in the order of [`Addresses`].
fn services(seed: Seed, bridge: &Arc<Bridge>) -> [Server; 4] {
    let community = Arc::new(Community::new(seed));
    let old = Books { community: community.clone(), dialect: Dialect::Legacy };
    let new = Books { community, dialect: Dialect::Replacement(seed) };
    let shaky = |pages: Router, name| Server::new(pages, Temper::shaky(seed, name));
    [
        Server::new(legacy::router(old), Temper::steady(seed, "legacy")),
        shaky(replacement::articles(new.clone()), "articles"),
        shaky(replacement::comments(new.clone()), "comments"),
        shaky(replacement::notifications(new, bridge.clone()), "notifications"),
    ]
}

fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn run(services: Vec<(Server, TcpListener)>, stopped: oneshot::Receiver<()>) {
    let serve = |(server, listener): (Server, TcpListener)| async move {
        // Fails only where there is no event queue, and the runtime has one.
        if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
            server.run(listener).await;
        }
    };
    tokio::select! {
        _ = join_all(services.into_iter().map(serve)) => {}
        _ = stopped => {}
    }
}
