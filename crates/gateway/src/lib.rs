//! The data plane: takes requests in, sends each to the side that owns its unit by now, and brings the answer back.
//!
//! One thread and one current-thread runtime per core, each with its own listening socket, connections and estimates; two
//! more threads for what must never hold a request up, the keeper (health checks, names) and the shadow. A plan is compiled
//! once, handed to every worker, and kept by each request to its end. `docs/life-of-a-request.md` walks through it.
mod access;
mod cache;
mod chaos;
mod compiled;
mod connections;
mod dependency;
mod exchange;
pub mod explain;
mod forward;
mod gateway;
mod judging;
mod meter;
pub mod outcome;
mod pipeline;
mod router;
mod scrape;
mod seldom;
mod shadow;
pub mod stages;
mod status;
mod subject;
mod trace;
mod upstream;
mod wire;
mod worker;

pub use cache::{
    CacheReport, CacheUrl, CachedAnswer, HotUrl, Purge, SecondReport, WarmProgress, WarmRefused,
};
pub use chaos::{ChaosError, ChaosTarget, Switched};
pub use compiled::ApplyError;
pub use gateway::{Deps, Gateway, check};
pub use stages::decide::{Decision, Reason, Side};
pub use status::{BreakerStatus, EndpointStatus, UpstreamStatus};
