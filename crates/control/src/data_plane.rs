//! What the control plane needs of the data plane, and nothing more: the two never see each other's code.

use std::{pin::Pin, sync::Arc, time::SystemTime};

use banyan_config::plan::Plan;

/// A future behind a pointer, so that [`DataPlane`] can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The data plane as seen from here. The binary implements it.
pub trait DataPlane: Send + Sync + 'static {
    /// Makes a plan the one that new requests get, on all workers or on none. Requests under way keep theirs.
    ///
    /// Resolves when every worker has it; an error says, in a sentence for people, why none has.
    fn apply(&self, plan: Arc<Plan>) -> BoxFuture<'_, Result<(), String>>;

    /// Every upstream of the running plan with its endpoints, as they are now.
    fn upstreams(&self) -> Vec<UpstreamStatus>;

    /// Whether it takes traffic.
    fn readiness(&self) -> Readiness;
}

/// Whether the data plane takes traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Not yet: it has not opened every listener with a plan.
    Starting,
    /// Yes.
    Ready,
    /// No more: it ends what is under way and then stops.
    Draining,
}

/// One upstream as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamStatus {
    /// Its name in the config.
    pub name: Arc<str>,
    /// Its endpoints, in the order of the config.
    pub endpoints: Vec<EndpointStatus>,
}

/// One endpoint as it is now, over all workers.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointStatus {
    /// Its host and port, such as `127.0.0.1:7002`.
    pub address: String,
    /// What its health check says: `up`, `not-ready` (it answers, with an error) or `down`; `up` without one.
    pub health: &'static str,
    /// Until when it gets no requests because it failed live ones; `None` when it is not ejected.
    pub ejected_until: Option<SystemTime>,
    /// Requests under way to it.
    pub in_flight: u64,
}
