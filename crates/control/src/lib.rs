//! The control plane: the admin API, reloads, health and metrics.
//!
//! It knows the data plane only as [`DataPlane`]; both meet in `banyan_state` and in the plan. A change of a unit goes
//! to the store before it is live and before it is acknowledged, and nothing here is ever needed to answer a request
//! of a client: when the disk is full or this plane is stuck, traffic goes on.
mod alerts;
mod api;
mod ask;
mod cache_url;
mod caching;
mod control;
mod data_plane;
mod extract;
mod flags;
mod guard;
mod limit;
mod nodes;
mod ofrep;
mod order;
mod problem;
mod readiness;
mod refusal;
mod reload;
mod restore;
mod rollout;
mod server;
mod span;
mod standing;
mod switches;
#[cfg(test)]
mod tests;
mod token;
mod view;
mod warm;

pub use cache_url::{UrlError, cache_url};
pub use control::{Control, Parts};
pub use data_plane::{
    BoxFuture, BreakerChange, BreakerStatus, CacheStatus, CachedAnswer, ChaosRefused, ChaosTarget, DataPlane,
    EndpointStatus, Forced, Purge, Readiness, SecondStatus, SwitchedChaos, UpstreamStatus, WarmProgress,
    WarmRefused,
};
pub use ofrep::Ofrep;
pub use restore::restore;
pub use token::{Token, TokenError, load_or_create};
