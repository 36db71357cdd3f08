//! How the upstreams are, for whoever asks.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use banyan_resilience::breaker;
use tokio::time::Instant;

use crate::upstream::host::SharedUpstream;

/// An upstream and its endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamStatus {
    /// Its name.
    pub name: Arc<str>,
    /// One per address.
    pub endpoints: Vec<EndpointStatus>,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointStatus {
    /// Where it is.
    pub address: SocketAddr,
    /// Host and port as the config has them.
    pub authority: String,
    /// By its health check: `up`, `not-ready` (it answers, with an error) or `down`. `up` without a check.
    pub health: &'static str,
    /// How much longer it is left alone after failures in a row.
    pub ejected_for: Option<Duration>,
    /// Calls under way over all workers.
    pub in_flight: u32,
}

/// A circuit breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerStatus {
    /// The upstream it protects.
    pub upstream: Arc<str>,
    /// How it is.
    pub status: breaker::Status,
    /// Who forced it may want to know when that ends: the time left.
    pub forced_for: Option<Duration>,
}

/// Reads off a breaker; `None` for an upstream without one.
pub(crate) fn breaker(upstream: &SharedUpstream, now: Instant) -> Option<BreakerStatus> {
    let status = upstream.patterns.breaker.as_ref()?.status(now);
    Some(BreakerStatus {
        upstream: upstream.config.name.clone(),
        status,
        forced_for: status.forced.map(|(_, until)| until.saturating_duration_since(now)),
    })
}

/// Reads them off.
pub(crate) fn read(upstreams: &[Arc<SharedUpstream>]) -> Vec<UpstreamStatus> {
    let now = Instant::now();
    let endpoint = |host: &Arc<crate::upstream::host::Host>| EndpointStatus {
        address: host.address,
        authority: host.authority.clone(),
        health: host.state().as_str(),
        ejected_for: host.ejected_for(now),
        in_flight: host.in_flight.load(Relaxed),
    };
    upstreams
        .iter()
        .map(|upstream| UpstreamStatus {
            name: upstream.config.name.clone(),
            endpoints: upstream.hosts.load().iter().map(endpoint).collect(),
        })
        .collect()
}
