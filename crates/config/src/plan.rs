//! What a config means: checked, resolved, immutable.
//!
//! Everything here is valid by construction: names are resolved to indexes, units are parsed, ranges are checked.
//! The data plane compiles it into its own tables; nobody changes it. A request keeps the plan it started with.

mod alert;
mod cache;
mod chaos;
mod file;
mod listen;
mod ofrep;
mod policy;
mod process;
mod route;
mod secret;
mod state;
mod tag;
mod unit;
mod upstream;

use std::{net::SocketAddr, num::NonZeroUsize, sync::Arc};

use banyan_flags::Definition;
use ipnet::IpNet;

use crate::report::Warnings;

pub use self::{
    alert::{Alert, Mail, MailLogin, MailTls, Webhook},
    cache::{Cache, CacheAllow, CacheRules, KeyPart, Redis, RedisUrl, RouteCache, Warm},
    chaos::{Chaos, ChaosFailure, ChaosWhen},
    file::File,
    listen::{Admin, Listener, ListenerTls},
    ofrep::Ofrep,
    policy::{
        Breaker, BreakerMode, Concurrency, ConcurrencyLimit, Factor, Hedge, HedgeAfter, Override, Retry,
        Schema, Slow, Throttle, ValidIf,
    },
    process::{AccessLog, Environment, Limits, Log, Otlp, ShadowLimits, Shed, Timeouts},
    route::{Criticality, Effect, FallbackAnswer, HostMatch, Route, RouteFallback, RoutePolicy, Target},
    secret::Secret,
    state::{Postgres, State},
    tag::{TagError, TagSegment, TagTemplate},
    unit::{Rollout, Shadow, SubjectSource, Unit},
    upstream::{Eject, Endpoint, Health, HostField, Protocol, Upstream},
};

/// A whole config.
#[derive(Clone, Debug)]
pub struct Plan {
    /// SHA-256, hex, of the source text and of the schemas it names, if any. Equal on every node that runs the same
    /// config.
    pub hash: String,
    /// Hex, of what the config means but for what concerns this node alone: its name, its addresses, its store, its log and
    /// its threads. Equal on nodes that treat requests alike, however their files are written; a rollout goes on only while
    /// all nodes have the same.
    pub fingerprint: String,
    /// What is allowed and probably not meant.
    pub warnings: Warnings,
    /// The name of this node among those that share a store: 1 to 128 letters, digits and `._-`. `None`: the host's name.
    pub node: Option<Arc<str>>,
    /// What the gateway is for, which decides whether it may break things on purpose.
    pub environment: Environment,
    /// Where clients connect. At least one.
    pub listeners: Vec<Listener>,
    /// The admin API.
    pub admin: Admin,
    /// Where `/healthz`, `/readyz` and `/metrics` are served apart from the admin API, if anywhere.
    pub probes: Option<SocketAddr>,
    /// Where that is kept which must survive.
    pub state: State,
    /// Flags for applications, when configured.
    pub ofrep: Option<Ofrep>,
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
    /// Flags, in the order of the file, but for those of units. With `retired_flags` they make a `banyan_flags::FlagSet`.
    pub flags: Vec<Definition>,
    /// Keys that flags once had, and that none may have again; distinct.
    pub retired_flags: Vec<String>,
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
