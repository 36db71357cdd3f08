//! The data plane as the control plane sees it.
mod cache;

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use banyan_config::plan::{Chaos, Plan};
use banyan_control::{
    BoxFuture, BreakerChange, BreakerStatus, CacheStatus, CachedAnswer, ChaosRefused, ChaosTarget, DataPlane,
    EndpointStatus, Forced, Purge, Readiness, SwitchedChaos, UpstreamStatus, WarmProgress, WarmRefused,
};
use banyan_gateway::{ChaosError, Gateway};
use banyan_resilience::breaker;
use banyan_state::{CacheUrl, HotUrl};
use tokio::time::Instant;

/// The gateway, once it has started.
#[derive(Debug, Default)]
pub(crate) struct Plane {
    gateway: OnceLock<Arc<Gateway>>,
}

impl Plane {
    /// The gateway takes connections now.
    pub(crate) fn started(gateway: Arc<Gateway>) -> Self {
        Self { gateway: OnceLock::from(gateway) }
    }
}

impl DataPlane for Plane {
    fn apply(&self, plan: Arc<Plan>) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let gateway = self.gateway.get().ok_or("the gateway has not started yet")?;
            gateway.apply(plan).await.map_err(|error| error.to_string())
        })
    }

    fn upstreams(&self) -> Vec<UpstreamStatus> {
        let now = SystemTime::now();
        let endpoint = |endpoint: banyan_gateway::EndpointStatus| EndpointStatus {
            address: endpoint.address.to_string(),
            health: endpoint.health,
            ejected_until: endpoint.ejected_for.map(|left| now + left),
            in_flight: endpoint.in_flight.into(),
        };
        let upstreams = self.gateway.get().map(|gateway| gateway.upstreams()).unwrap_or_default();
        upstreams
            .into_iter()
            .map(|upstream| UpstreamStatus {
                name: upstream.name,
                endpoints: upstream.endpoints.into_iter().map(endpoint).collect(),
            })
            .collect()
    }

    fn readiness(&self) -> Readiness {
        match self.gateway.get() {
            None => Readiness::Starting,
            Some(gateway) if gateway.is_draining() => Readiness::Draining,
            Some(_) => Readiness::Ready,
        }
    }

    fn breakers(&self) -> Vec<BreakerStatus> {
        let breakers = self.gateway.get().map(|gateway| gateway.breakers()).unwrap_or_default();
        breakers.into_iter().map(breaker_status).collect()
    }

    fn force_breaker(&self, upstream: &str, forced: Option<(Forced, Duration)>) -> Option<BreakerStatus> {
        let forced = forced.map(|(forced, lasts)| match forced {
            Forced::Closed => (breaker::Forced::Closed, lasts),
            Forced::Open => (breaker::Forced::Open, lasts),
        });
        self.gateway.get()?.force_breaker(upstream, forced).map(breaker_status)
    }

    fn chaos(&self) -> Vec<SwitchedChaos> {
        let now = Instant::now();
        let switched = self.gateway.get().map(|gateway| gateway.chaos()).unwrap_or_default();
        let shown = |switched: banyan_gateway::Switched| SwitchedChaos {
            target: match switched.target {
                banyan_gateway::ChaosTarget::Upstream(name) => ChaosTarget::Upstream(name),
                banyan_gateway::ChaosTarget::Route(template) => ChaosTarget::Route(template),
            },
            chaos: switched.chaos,
            left: switched.until.saturating_duration_since(now),
        };
        switched.into_iter().map(shown).collect()
    }

    fn set_chaos(
        &self,
        target: &ChaosTarget,
        chaos: Option<Chaos>,
        lasts: Duration,
    ) -> Result<(), ChaosRefused> {
        // Before it has started it has no upstreams either.
        let gateway = self.gateway.get().ok_or(ChaosRefused::Unknown)?;
        gateway.set_chaos(chaos_target(target), chaos, lasts).map_err(refused)
    }

    fn clear_chaos(&self, target: &ChaosTarget) -> Result<bool, ChaosRefused> {
        let gateway = self.gateway.get().ok_or(ChaosRefused::Unknown)?;
        gateway.clear_chaos(&chaos_target(target)).map_err(refused)
    }

    fn cache(&self) -> Option<CacheStatus> {
        self.gateway.get()?.cache().map(cache::status)
    }

    fn inspect_cache(&self, url: &CacheUrl) -> Vec<CachedAnswer> {
        let found = self.gateway.get().map(|gateway| gateway.inspect_cache(&url.host, &url.target));
        found.unwrap_or_default().into_iter().map(cache::answer).collect()
    }

    fn purge_cache(&self, purge: &Purge) -> Option<usize> {
        self.gateway.get()?.purge_cache(&cache::purge(purge))
    }

    fn hottest(&self, limit: usize) -> Vec<HotUrl> {
        let hottest = self.gateway.get().map(|gateway| gateway.hottest(limit)).unwrap_or_default();
        hottest.into_iter().map(cache::hot_url).collect()
    }

    fn warm(&self, urls: Vec<CacheUrl>, rate: u32) -> Result<(), WarmRefused> {
        // Before it has started it keeps nothing either.
        let gateway = self.gateway.get().ok_or(WarmRefused::NoCache)?;
        let urls = urls.into_iter().map(cache::url).collect();
        gateway.warm(urls, rate).map_err(cache::refused)
    }

    fn warming(&self) -> Option<WarmProgress> {
        self.gateway.get()?.warming().map(cache::progress)
    }
}

fn breaker_status(breaker: banyan_gateway::BreakerStatus) -> BreakerStatus {
    let banyan_gateway::BreakerStatus { upstream, status, forced_for } = breaker;
    let forced = status.forced.map(|(forced, _)| match forced {
        breaker::Forced::Closed => Forced::Closed,
        breaker::Forced::Open => Forced::Open,
    });
    BreakerStatus {
        upstream,
        state: status.state.as_str(),
        forced: forced.zip(forced_for),
        calls: status.calls,
        failures: status.failures,
        slow: status.slow,
        causes: status.causes.iter().map(|(cause, count)| (cause.as_str(), count)).collect(),
        open_remaining: status.open_remaining,
        last: status.last.map(|(change, ago)| BreakerChange { why: change.why.to_string(), ago }),
    }
}

fn chaos_target(target: &ChaosTarget) -> banyan_gateway::ChaosTarget {
    match target {
        ChaosTarget::Upstream(name) => banyan_gateway::ChaosTarget::Upstream(name.clone()),
        ChaosTarget::Route(template) => banyan_gateway::ChaosTarget::Route(template.clone()),
    }
}

const fn refused(error: ChaosError) -> ChaosRefused {
    match error {
        ChaosError::Production => ChaosRefused::Production,
        ChaosError::Unknown => ChaosRefused::Unknown,
    }
}
