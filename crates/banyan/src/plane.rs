//! The data plane as the control plane sees it.

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use banyan_config::plan::Plan;
use banyan_control::{BoxFuture, DataPlane, EndpointStatus, Readiness, UpstreamStatus};
use banyan_gateway::Gateway;

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
}
