//! What a config means: checked, resolved, immutable.
//!
//! Everything here is valid by construction: names are resolved to indexes, units are parsed, ranges are checked.
//! The data plane compiles it into its own tables; nobody changes it. A request keeps the plan it started with.

mod cache;
mod chaos;
mod file;
mod listen;
mod policy;
mod process;
mod route;
mod secret;
mod tag;
mod unit;
mod upstream;

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use ipnet::IpNet;

pub use self::{
    cache::{Cache, CacheAllow, CacheRules, KeyPart, Redis, RedisUrl, RouteCache, Warm},
    chaos::{Chaos, ChaosFailure, ChaosWhen},
    file::File,
    listen::{Admin, Listener, ListenerTls},
    policy::{
        Breaker, BreakerMode, Concurrency, ConcurrencyLimit, Factor, Hedge, HedgeAfter, Override, Retry,
        Schema, Slow, Throttle, ValidIf,
    },
    process::{AccessLog, Environment, Limits, Log, Otlp, ShadowLimits, Shed, Timeouts},
    route::{Criticality, Effect, FallbackAnswer, HostMatch, Route, RouteFallback, RoutePolicy, Target},
    secret::Secret,
    tag::{TagError, TagSegment, TagTemplate},
    unit::{Shadow, SubjectSource, Unit},
    upstream::{Eject, Endpoint, Health, HostField, Protocol, Upstream},
};

/// A whole config.
#[derive(Clone, Debug)]
pub struct Plan {
    /// SHA-256, hex, of the source text and of the schemas it names, if any. Equal on every node that runs the same
    /// config.
    pub hash: String,
    /// What the gateway is for, which decides whether it may break things on purpose.
    pub environment: Environment,
    /// Where clients connect. At least one.
    pub listeners: Vec<Listener>,
    /// The admin API.
    pub admin: Admin,
    /// Where `/healthz`, `/readyz` and `/metrics` are served apart from the admin API, if anywhere.
    pub probes: Option<SocketAddr>,
    /// The embedded store.
    pub state: PathBuf,
    /// Worker threads; `None` means one per core.
    pub workers: Option<NonZeroUsize>,
    /// Peers whose `Forwarded`, `X-Forwarded-*` fields are believed and passed on.
    pub trusted_proxies: Vec<IpNet>,
    /// Size limits towards clients.
    pub limits: Limits,
    /// Time limits towards clients.
    pub timeouts: Timeouts,
    /// Log output.
    pub log: Log,
    /// Trace export, when configured.
    pub otlp: Option<Otlp>,
    /// Bounds of the shadow.
    pub shadow: ShadowLimits,
    /// Shedding by criticality; `None` when it is off. On unless the config says otherwise.
    pub shed: Option<Shed>,
    /// Where answers are kept; `None` when none are: neither this nor a route of the config says `cache`.
    pub cache: Option<Cache>,
    /// Logical services, indexed by [`UpstreamId`].
    pub upstreams: Vec<Upstream>,
    /// Units of migration, indexed by [`UnitId`].
    pub units: Vec<Unit>,
    /// All routes, those of units included, in the order of the file, indexed by position.
    pub routes: Vec<Route>,
}

/// Index into [`Plan::upstreams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamId(pub usize);

/// Index into [`Plan::units`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitId(pub usize);
