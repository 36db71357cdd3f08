//! What the control plane needs of the data plane, and nothing more: the two never see each other's code.
mod cache;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use banyan_config::plan::{Chaos, Plan};
use banyan_state::{CacheUrl, HotUrl};

pub use self::cache::{CacheStatus, CachedAnswer, Purge, SecondStatus, WarmProgress, WarmRefused};

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

    /// The circuit breaker of every upstream that has one, in the order of the config, as they are now.
    fn breakers(&self) -> Vec<BreakerStatus>;

    /// Holds the breaker of an upstream in a state for a while; `None` lets it judge by itself again. How it is then, or
    /// `None` when there is no such breaker.
    fn force_breaker(&self, upstream: &str, forced: Option<(Forced, Duration)>) -> Option<BreakerStatus>;

    /// The faults switched at run time that are in force now.
    fn chaos(&self) -> Vec<SwitchedChaos>;

    /// Switches faults for a while, in place of those switched before for the same target; `None` for none, whatever the
    /// config says.
    ///
    /// # Errors
    /// In production, and for a target that is not in the config. Nothing has changed then.
    fn set_chaos(
        &self,
        target: &ChaosTarget,
        chaos: Option<Chaos>,
        lasts: Duration,
    ) -> Result<(), ChaosRefused>;

    /// Ends what was switched, so that the config holds again. Whether there was anything to end.
    ///
    /// # Errors
    /// As [`Self::set_chaos`].
    fn clear_chaos(&self, target: &ChaosTarget) -> Result<bool, ChaosRefused>;

    /// How the cache is; `None` when there is none.
    fn cache(&self) -> Option<CacheStatus>;

    /// The kept answers to a URL, over TLS or not: all variants, from all sides, up to a bound. Looks at every answer; call
    /// it on a thread that may block.
    fn inspect_cache(&self, url: &CacheUrl) -> Vec<CachedAnswer>;

    /// Throws away kept answers, and says how many went from memory; `None` when there is no cache. Looks at every answer;
    /// call it on a thread that may block.
    fn purge_cache(&self, purge: &Purge) -> Option<usize>;

    /// What is asked for most of what may be kept, the most asked for first: at most `limit` URLs.
    fn hottest(&self, limit: usize) -> Vec<HotUrl>;

    /// Begins to ask for URLs so that their answers are kept, at most `rate` a second and after what clients ask for. Tells
    /// how far it is in [`Self::warming`] when this returns.
    ///
    /// # Errors
    /// When it cannot begin; nothing is asked for then.
    fn warm(&self, urls: Vec<CacheUrl>, rate: u32) -> Result<(), WarmRefused>;

    /// How far it is, or how it ended; `None` before the first time.
    fn warming(&self) -> Option<WarmProgress>;
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

/// A circuit breaker as it is now, over all workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerStatus {
    /// The upstream it protects.
    pub upstream: Arc<str>,
    /// What it does with calls: `closed` (they pass), `open` (they are refused) or `half-open` (a few may try).
    pub state: &'static str,
    /// The state somebody holds it in, and for how much longer.
    pub forced: Option<(Forced, Duration)>,
    /// Calls it judges by: those of its window, or failures in a row. They begin anew with every change of state.
    pub calls: u64,
    /// Failures among them.
    pub failures: u64,
    /// Slow ones among them, failed or not.
    pub slow: u64,
    /// Failures by cause, such as `timeout`, the most frequent first.
    pub causes: Vec<(&'static str, u64)>,
    /// How much longer it refuses, while it is open.
    pub open_remaining: Option<Duration>,
    /// The last change; `None` when it has been closed since it was made.
    pub last: Option<BreakerChange>,
}

/// The last change of a circuit breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerChange {
    /// Why, in a sentence.
    pub why: String,
    /// How long ago.
    pub ago: Duration,
}

/// A state that a breaker is held in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forced {
    /// No call is refused, whatever fails.
    Closed,
    /// Every call is refused.
    Open,
}

/// What faults are made for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChaosTarget {
    /// All calls to the upstream of this name.
    Upstream(Arc<str>),
    /// Calls for routes with this path template, such as `/users/{id}`.
    Route(Arc<str>),
}

/// Faults switched at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchedChaos {
    /// For what.
    pub target: ChaosTarget,
    /// Which; `None`: none, whatever the config says.
    pub chaos: Option<Chaos>,
    /// How much longer; then the config holds again.
    pub left: Duration,
}

/// Why faults were not switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChaosRefused {
    /// The config says, or does not deny, that this is production.
    Production,
    /// The config has no such upstream or route.
    Unknown,
}

impl Forced {
    /// One word, as in [`BreakerStatus::state`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for ChaosTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(name) => write!(f, "upstream '{name}'"),
            Self::Route(template) => write!(f, "route '{template}'"),
        }
    }
}
