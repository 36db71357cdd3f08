//! Looking names up before a plan is in force, so that its first requests find addresses.

use std::{
    net::{IpAddr, ToSocketAddrs as _},
    sync::{Arc, mpsc::sync_channel},
    time::{Duration, Instant},
};

use super::host::SharedUpstream;

/// How long a start or a reload waits for names. What takes longer is left to the keeper, and requests for it end with
/// `UD` until then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Resolves the names of upstreams that have no address yet, side by side. Blocks, though never for long.
pub(crate) fn first(upstreams: &[Arc<SharedUpstream>]) {
    let unknown = upstreams.iter().filter(|upstream| upstream.hosts.load().is_empty());
    let names: Vec<_> = unknown
        .flat_map(|upstream| {
            upstream.config.endpoints.iter().map(move |endpoint| (upstream.clone(), endpoint.clone()))
        })
        .filter(|(_, endpoint)| endpoint.host.parse::<IpAddr>().is_err())
        .collect();
    let (done, finished) = sync_channel(names.len());
    let mut waiting = 0;
    for (upstream, endpoint) in names {
        let done = done.clone();
        let look_up = move || {
            if let Ok(found) = (endpoint.host.as_str(), endpoint.port).to_socket_addrs() {
                let addresses: Vec<_> = found.collect();
                upstream.set_addresses(&endpoint, &addresses);
            }
            if done.send(()).is_err() {
                tracing::debug!(
                    host = endpoint.host,
                    "a name was looked up after nobody waited for it any more"
                );
            }
        };
        match std::thread::Builder::new().name("resolve".into()).spawn(look_up) {
            Ok(_) => waiting += 1,
            Err(error) => tracing::warn!(%error, "a name could not be looked up before the start"),
        }
    }
    let until = Instant::now() + PATIENCE;
    for _ in 0..waiting {
        if finished.recv_timeout(until.saturating_duration_since(Instant::now())).is_err() {
            return;
        }
    }
}
