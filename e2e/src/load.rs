//! Clients that never stop asking while a test does something to the gateway.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use anyhow::{Context as _, Result, ensure};
use banyan_testkit::{RawClient, eventually};
use tokio::task::JoinSet;

/// Clients at work, each on a connection that it keeps as long as it may.
pub struct Load {
    stop: Arc<AtomicBool>,
    leaving: Arc<AtomicBool>,
    answered: Vec<Arc<AtomicUsize>>,
    clients: JoinSet<Result<()>>,
}

impl Load {
    /// Starts `clients` of them. Each asks for `target` until [`Self::stop`], or until the gateway takes no new connection.
    /// Any answer but 200, and any connection that ends without the answer to what was sent, fails the load.
    ///
    /// # Errors
    /// When a client fails at once.
    pub async fn start(server: SocketAddr, clients: usize, target: &'static str) -> Result<Self> {
        let mut load = Self {
            stop: Arc::default(),
            leaving: Arc::default(),
            answered: Vec::new(),
            clients: JoinSet::new(),
        };
        for _ in 0..clients {
            let answered = Arc::new(AtomicUsize::new(0));
            load.answered.push(answered.clone());
            load.clients.spawn(ask_on(server, target, load.stop.clone(), load.leaving.clone(), answered));
        }
        load.goes_on().await?;
        Ok(load)
    }

    /// Waits until every client was answered again, twice: once may have been under way before.
    ///
    /// # Errors
    /// When one has failed or is not answered.
    pub async fn goes_on(&mut self) -> Result<()> {
        let then: Vec<_> = self.answered.iter().map(|count| count.load(Relaxed)).collect();
        let clients = &mut self.clients;
        eventually(async || {
            if let Some(ended) = clients.try_join_next() {
                // An end is no reason to ask again.
                return Ok(ended.map_err(Into::into).and_then(|result| result));
            }
            let on = self.answered.iter().zip(&then).all(|(count, then)| count.load(Relaxed) >= then + 2);
            ensure!(on, "not every client was answered");
            Ok(Ok(()))
        })
        .await?
    }

    /// From now on the gateway may close its listener. A connection that the kernel makes in that very moment is reset without
    /// a byte of it being read, which is no more than being refused.
    pub fn gateway_leaves(&self) {
        self.leaving.store(true, Relaxed);
    }

    /// Stops the clients; see [`Self::end`].
    ///
    /// # Errors
    /// When one has failed.
    pub async fn stop(self) -> Result<usize> {
        self.stop.store(true, Relaxed);
        self.end().await
    }

    /// Waits until the clients have ended, and returns how often they were answered.
    ///
    /// # Errors
    /// When one has failed.
    pub async fn end(mut self) -> Result<usize> {
        while let Some(ended) = self.clients.join_next().await {
            ended??;
        }
        Ok(self.answered.iter().map(|count| count.load(Relaxed)).sum())
    }
}

async fn ask_on(
    server: SocketAddr,
    target: &str,
    stop: Arc<AtomicBool>,
    leaving: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
) -> Result<()> {
    while !stop.load(Relaxed) {
        // Refused: the gateway has gone, and nothing was asked of it.
        let Ok(mut client) = RawClient::connect(server).await else { return Ok(()) };
        let (mut open, mut is_new) = (true, true);
        while open && !stop.load(Relaxed) {
            let count = answered.load(Relaxed);
            let response = match client.get(target, "").await {
                Err(_) if is_new && leaving.load(Relaxed) => return Ok(()),
                response => response.with_context(|| format!("request {count} of a client"))?,
            };
            is_new = false;
            ensure!(
                response.status == 200 && response.body.complete,
                "{} {}",
                response.status,
                response.text()
            );
            answered.fetch_add(1, Relaxed);
            open = response.fields.get("connection") != Some("close");
        }
    }
    Ok(())
}
