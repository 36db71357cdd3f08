//! Upstreams and their endpoints.

use serde::Serialize;
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::{EndpointStatus, UpstreamStatus};

/// A logical service called.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UpstreamView {
    name: String,
    endpoints: Vec<EndpointView>,
}

/// One address of an upstream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointView {
    #[schema(example = "127.0.0.1:7002")]
    address: String,
    /// What its health check says: `up`, `not-ready` (it answers, with an error) or `down`; `up` without one.
    health: &'static str,
    /// Until when it gets no requests because it failed live ones.
    #[schema(format = DateTime)]
    ejected_until: Option<String>,
    /// Requests under way to it.
    in_flight: u64,
}

impl From<UpstreamStatus> for UpstreamView {
    fn from(upstream: UpstreamStatus) -> Self {
        let endpoints = upstream.endpoints.into_iter().map(EndpointView::from).collect();
        Self { name: upstream.name.to_string(), endpoints }
    }
}

impl From<EndpointStatus> for EndpointView {
    fn from(endpoint: EndpointStatus) -> Self {
        Self {
            address: endpoint.address,
            health: endpoint.health,
            ejected_until: endpoint.ejected_until.map(rfc3339),
            in_flight: endpoint.in_flight,
        }
    }
}
