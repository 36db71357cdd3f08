//! What all workers share of an upstream: its hosts, and how they are.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;
use banyan_config::plan::{Endpoint, Protocol, Upstream};
use banyan_resilience::eject::{self, Effect, Ejection, may_eject};
use http::HeaderValue;
use rustls_pki_types::ServerName;
use tokio::time::Instant;

use super::health::{Checked, Finding, State};
use crate::{dependency::Patterns, seldom::Seldom, wire::tls};

/// An upstream as all workers see it.
#[derive(Debug)]
pub(crate) struct SharedUpstream {
    pub(crate) config: Upstream,
    /// `Some` when an endpoint speaks TLS.
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    /// One per address; replaced whole when names resolve differently.
    pub(crate) hosts: ArcSwap<Vec<Arc<Host>>>,
    /// How it is called.
    pub(crate) patterns: Patterns,
    /// When endpoints are ejected.
    eject: eject::Settings,
    /// When it was said last that TLS with it fails.
    pub(crate) tls_trouble: Seldom,
}

/// One address of an endpoint.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) endpoint: Endpoint,
    pub(crate) address: SocketAddr,
    /// `host:port` as the config has it, for the `Host` field.
    pub(crate) authority: String,
    /// The same as a field value.
    pub(crate) host_field: HeaderValue,
    /// `Some` for TLS.
    pub(crate) server_name: Option<ServerName<'static>>,
    state: AtomicU8,
    checked: Mutex<Checked>,
    ejection: Mutex<Ejection>,
    /// Mirrors whether `ejection` holds anything, so that the common case takes no lock.
    troubled: AtomicBool,
    /// Calls under way over all workers.
    pub(crate) in_flight: AtomicU32,
}

impl SharedUpstream {
    /// Prepares an upstream; endpoints that are address literals have their hosts at once. Of the one `before` it what is
    /// known of endpoints that stay is kept.
    ///
    /// # Errors
    /// When the certificates it needs cannot be used.
    pub(crate) fn new(
        config: Upstream,
        before: Option<&Self>,
        patterns: Patterns,
        eject: eject::Settings,
    ) -> Result<Self, tls::TlsError> {
        let wants_tls = config.endpoints.iter().any(|endpoint| endpoint.tls);
        let tls = if wants_tls { Some(tls::client_config(&config)?) } else { None };
        let known = before.map(|before| before.hosts.load_full()).unwrap_or_default();
        let mut hosts: Vec<_> =
            known.iter().filter(|host| config.endpoints.contains(&host.endpoint)).cloned().collect();
        for endpoint in &config.endpoints {
            let Ok(ip) = endpoint.host.parse() else { continue };
            if !hosts.iter().any(|host| host.endpoint == *endpoint) {
                hosts.extend(Host::new(endpoint, SocketAddr::new(ip, endpoint.port)).map(Arc::new));
            }
        }
        if config.health.is_none() {
            // What is not checked any more is not held to what its last check said.
            hosts.iter().for_each(|host| host.forget_checks());
        }
        Ok(Self {
            tls,
            hosts: ArcSwap::from_pointee(hosts),
            config,
            patterns,
            eject,
            tls_trouble: Seldom::default(),
        })
    }

    /// Whether one more of the hosts may be ejected: never more than half of them, and never the last.
    pub(crate) fn may_eject(&self, now: Instant) -> bool {
        let hosts = self.hosts.load();
        let out = hosts.iter().filter(|host| host.is_ejected(now)).count();
        may_eject(hosts.len(), out)
    }

    /// Replaces the hosts of one endpoint by these addresses, keeping what is known about those that stay.
    pub(crate) fn set_addresses(&self, endpoint: &Endpoint, addresses: &[SocketAddr]) {
        // Names of one upstream may be looked up side by side.
        self.hosts.rcu(|current| {
            let mut next: Vec<Arc<Host>> =
                current.iter().filter(|host| host.endpoint != *endpoint).cloned().collect();
            for &address in addresses {
                let kept = current.iter().find(|host| host.endpoint == *endpoint && host.address == address);
                next.extend(kept.cloned().or_else(|| Host::new(endpoint, address).map(Arc::new)));
            }
            let same = next.len() == current.len()
                && next.iter().all(|host| current.iter().any(|old| Arc::ptr_eq(old, host)));
            if same { current.clone() } else { Arc::new(next) }
        });
    }

    /// Whether HTTP/2 is spoken without asking.
    pub(crate) fn is_http2(&self) -> bool {
        self.config.protocol == Protocol::Http2
    }
}

impl Host {
    fn new(endpoint: &Endpoint, address: SocketAddr) -> Option<Self> {
        let server_name =
            if endpoint.tls { Some(ServerName::try_from(endpoint.host.clone()).ok()?) } else { None };
        let authority = authority(endpoint);
        Some(Self {
            host_field: HeaderValue::from_str(&authority).ok()?,
            authority,
            server_name,
            endpoint: endpoint.clone(),
            address,
            state: AtomicU8::new(State::Up as u8),
            checked: Mutex::default(),
            ejection: Mutex::default(),
            troubled: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
        })
    }

    pub(crate) fn state(&self) -> State {
        State::from_u8(self.state.load(Relaxed))
    }

    pub(crate) fn is_ejected(&self, now: Instant) -> bool {
        self.troubled.load(Relaxed)
            && self.ejection.lock().unwrap_or_else(PoisonError::into_inner).is_out(now)
    }

    /// How much longer it is ejected.
    pub(crate) fn ejected_for(&self, now: Instant) -> Option<std::time::Duration> {
        let until = self.ejection.lock().unwrap_or_else(PoisonError::into_inner).out_until(now)?;
        Some(until - now)
    }

    /// Takes in an active check. Says so in the log when the state changes.
    pub(crate) fn checked(&self, finding: Finding, upstream: &Upstream) {
        let Some(policy) = &upstream.health else { return };
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = checked.state;
        *checked = checked.step(finding, policy);
        self.state.store(checked.state as u8, Relaxed);
        if checked.state != before {
            let (upstream, endpoint) = (&*upstream.name, self.address);
            let (from, to) = (before.as_str(), checked.state.as_str());
            tracing::warn!(upstream, %endpoint, from, to, ?finding, path = policy.path, "endpoint health changed");
        }
    }

    fn forget_checks(&self) {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        *checked = Checked::default();
        self.state.store(checked.state as u8, Relaxed);
    }

    /// Takes in a live answer.
    pub(crate) fn succeeded(&self, upstream: &SharedUpstream, now: Instant) {
        if self.troubled.load(Relaxed) {
            let mut ejection = self.ejection.lock().unwrap_or_else(PoisonError::into_inner);
            *ejection = ejection.succeeded(&upstream.eject, now);
            self.troubled.store(*ejection != Ejection::default(), Relaxed);
        }
    }

    /// Takes in a live failure.
    pub(crate) fn failed(&self, upstream: &SharedUpstream, now: Instant) {
        let may_eject = upstream.may_eject(now);
        let mut ejection = self.ejection.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, effect) = ejection.failed(&upstream.eject, may_eject, now);
        *ejection = next;
        self.troubled.store(true, Relaxed);
        if let Effect::Ejected { time, why } = effect {
            let (name, endpoint) = (&*upstream.config.name, self.address);
            tracing::warn!(upstream = name, %endpoint, for_s = time.as_secs(), ?why, "endpoint ejected");
        }
    }
}

/// `host[:port]`, the port only where it is not the scheme's own.
fn authority(endpoint: &Endpoint) -> String {
    let host =
        if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.clone() };
    let default = if endpoint.tls { 443 } else { 80 };
    if endpoint.port == default { host } else { format!("{host}:{}", endpoint.port) }
}
