//! A plan made ready for the workers: routes compiled, certificates loaded, what did not change taken over.

use std::{collections::HashMap, io, sync::Arc};

use banyan_config::plan::{self, Environment, Listener, Plan, Route, Target, Unit, Upstream};
use banyan_httpcache::Secret;
use banyan_resilience::eject;
use banyan_rollout::judge::RouteIndex;
use banyan_state::live::{UnitLive, Units};
use tokio::time::Instant;

use crate::{
    cache::{rules::CachedRoute, shared::Cache},
    chaos::{ChaosError, ChaosTarget, Switchboard},
    dependency::{Ears, Patterns, Policies},
    gateway::cores,
    judging,
    router::Router,
    shadow::unit::ShadowUnit,
    upstream::host::SharedUpstream,
    wire::tls::{self, TlsError},
};

/// Why a plan cannot be applied. The one before stays.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Certificates of an upstream.
    #[error("upstream '{name}'{}: {reason}", in_words(*.line))]
    Upstream {
        /// Its name.
        name: Arc<str>,
        /// Where the config names its roots, from 1; `None` when it names none.
        line: Option<usize>,
        /// What is wrong.
        reason: TlsError,
    },
    /// Certificates of a listener.
    #[error("listener {address} (line {line} of the config): {reason}")]
    Listener {
        /// Its address.
        address: std::net::SocketAddr,
        /// Where the config names what is wrong, from 1.
        line: usize,
        /// What is wrong.
        reason: TlsError,
    },
    /// How an upstream is to be called.
    #[error("upstream '{name}': {reason}")]
    Policy {
        /// Its name.
        name: Arc<str>,
        /// What is wrong.
        reason: String,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Bind {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        reason: io::Error,
    },
    /// The level of the cache that nodes share.
    #[error("cache.redis: {0}")]
    Cache(String),
    /// A thread or its runtime could not be started.
    #[error("cannot start a worker: {0}")]
    Worker(#[from] io::Error),
    /// The workers are gone: the gateway is shutting down.
    #[error("the gateway is shutting down")]
    ShuttingDown,
}

/// A place in the config, if there is one.
fn in_words(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(" (line {line} of the config)"))
}

/// Everything of one generation. Immutable; a request keeps the one it started with.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) plan: Arc<Plan>,
    pub(crate) generation: u64,
    pub(crate) router: Router,
    /// The label of each route.
    pub(crate) labels: Vec<Arc<str>>,
    /// The number of each among the routes of its unit.
    pub(crate) numbers: Vec<RouteIndex>,
    pub(crate) units: Vec<CompiledUnit>,
    pub(crate) upstreams: Vec<Arc<SharedUpstream>>,
    /// What is kept of answers.
    pub(crate) cache: Option<Arc<Cache>>,
    /// By route, how its answers are kept; `None` when they are not.
    pub(crate) cached: Vec<Option<CachedRoute>>,
    /// How each route calls them.
    pub(crate) policies: Policies,
    /// Faults switched at run time.
    pub(crate) switchboard: Arc<Switchboard>,
    /// By listener.
    pub(crate) tls: Vec<Option<Arc<rustls::ServerConfig>>>,
    pub(crate) trace_probability: f64,
}

/// A unit with its place in the shared state.
#[derive(Debug)]
pub(crate) struct CompiledUnit {
    pub(crate) live: Arc<UnitLive>,
    pub(crate) shadow: Option<Arc<ShadowUnit>>,
}

impl Compiled {
    /// Makes a plan ready. Upstreams that are the same as before keep their hosts, health and connections.
    pub(crate) fn new(
        plan: Arc<Plan>,
        generation: u64,
        units: &Units,
        ears: &Ears<'_>,
        cache_secret: Secret,
        before: Option<&Self>,
    ) -> Result<Self, ApplyError> {
        let known: HashMap<&str, &Arc<SharedUpstream>> = before
            .map(|before| {
                before.upstreams.iter().map(|upstream| (&*upstream.config.name, upstream)).collect()
            })
            .unwrap_or_default();
        let sheds = sheds(&plan);
        let upstreams =
            plan.upstreams.iter().zip(&sheds).map(|(config, shed)| match known.get(&*config.name) {
                Some(same)
                    if same.config == *config && config.ca.is_none() && same.patterns.sheds() == *shed =>
                {
                    Ok(Arc::clone(same))
                }
                before => make_upstream(config, *shed, before.map(|before| &***before), ears),
            });
        let upstreams: Vec<Arc<SharedUpstream>> = upstreams.collect::<Result<_, _>>()?;
        let policies = Policies::new(&plan, |id| &upstreams[id.0].patterns)
            .map_err(|(id, reason)| ApplyError::Policy { name: plan.upstreams[id.0].name.clone(), reason })?;
        Ok(Self {
            upstreams,
            policies,
            cached: plan.routes.iter().map(|route| CachedRoute::of(&plan, route)).collect(),
            switchboard: before.map(|before| before.switchboard.clone()).unwrap_or_default(),
            tls: plan.listeners.iter().map(listener_tls).collect::<Result<_, _>>()?,
            units: plan.units.iter().map(|unit| compile_unit(unit, units)).collect(),
            router: Router::new(&plan.routes),
            labels: plan.routes.iter().map(label).collect(),
            numbers: judging::numbers(&plan),
            trace_probability: plan.otlp.as_ref().map_or(0.0, |otlp| otlp.sample.ratio()),
            // Last: a cache that goes on does so by this plan, and nothing may refuse the plan after that.
            cache: cache_of(&plan, cache_secret, before)?,
            generation,
            plan,
        })
    }
}

impl Compiled {
    /// Whether faults may be made for `target`.
    pub(crate) fn may_have_chaos(&self, target: &ChaosTarget) -> Result<(), ChaosError> {
        if self.plan.environment == Environment::Production {
            return Err(ChaosError::Production);
        }
        let is_known = match target {
            ChaosTarget::Upstream(name) => self.plan.upstreams.iter().any(|upstream| upstream.name == *name),
            ChaosTarget::Route(label) => self.labels.contains(label),
        };
        if is_known { Ok(()) } else { Err(ChaosError::Unknown) }
    }
}

fn make_upstream(
    config: &Upstream,
    shed: Option<plan::Shed>,
    before: Option<&SharedUpstream>,
    ears: &Ears<'_>,
) -> Result<Arc<SharedUpstream>, ApplyError> {
    let name = || config.name.clone();
    let known = before.map(|before| (&before.config, &before.patterns));
    let patterns = Patterns::new(config, shed, known, ears)
        .map_err(|reason| ApplyError::Policy { name: name(), reason })?;
    let plan::Eject { errors, base, max } = config.eject;
    let eject = eject::Settings::new(errors, base, max)
        .map_err(|error| ApplyError::Policy { name: name(), reason: format!("eject: {error}") })?;
    SharedUpstream::new(config.clone(), before, patterns, eject).map(Arc::new).map_err(|reason| {
        ApplyError::Upstream { name: name(), line: config.ca.as_ref().map(|ca| ca.span.line), reason }
    })
}

/// For each upstream, how it sheds. Only where it limits calls, so that there is a wait to go by, and where its routes
/// differ in criticality: among equals the limit refuses as well as a shedder would, and knows sooner when it need not.
fn sheds(plan: &Plan) -> Vec<Option<plan::Shed>> {
    let differs = |id: usize| {
        let asks = |route: &&Route| match route.target {
            Target::Upstream(upstream) => upstream.0 == id,
            Target::Unit(unit) => {
                let unit = &plan.units[unit.0];
                unit.legacy.0 == id || unit.replacement.0 == id
            }
        };
        let mut levels = plan.routes.iter().filter(asks).map(|route| route.policy.criticality);
        levels.next().is_some_and(|first| levels.any(|other| other != first))
    };
    let limits = plan.upstreams.iter().map(|upstream| upstream.concurrency.is_some());
    limits.enumerate().map(|(id, limits)| plan.shed.filter(|_| limits && differs(id))).collect()
}

/// The cache; of before, if that can go on by this plan.
fn cache_of(
    plan: &Plan,
    secret: Secret,
    before: Option<&Compiled>,
) -> Result<Option<Arc<Cache>>, ApplyError> {
    let Some(config) = &plan.cache else { return Ok(None) };
    let known = before.and_then(|before| before.cache.as_ref());
    if let Some(cache) = known.filter(|cache| cache.goes_on(config, Instant::now())) {
        return Ok(Some(cache.clone()));
    }
    let cores = plan.workers.map_or_else(cores, std::num::NonZeroUsize::get);
    let cache = Cache::new(config.clone(), secret, cores).map_err(ApplyError::Cache)?;
    Ok(Some(Arc::new(cache)))
}

fn label(route: &Route) -> Arc<str> {
    route.pattern.to_string().into()
}

fn listener_tls(listener: &Listener) -> Result<Option<Arc<rustls::ServerConfig>>, ApplyError> {
    let Some(files) = &listener.tls else { return Ok(None) };
    tls::server_config(files).map(Some).map_err(|reason| {
        let is_key =
            matches!(&reason, TlsError::File { path, .. } if *path == files.key.display().to_string());
        let file = if is_key { &files.key } else { &files.cert };
        ApplyError::Listener { address: listener.address, line: file.span.line, reason }
    })
}

fn compile_unit(unit: &Unit, units: &Units) -> CompiledUnit {
    let live = units.get_or_insert(&unit.name, unit.percent);
    let shadow = unit.shadow.as_ref().map(|shadow| Arc::new(ShadowUnit::new(live.clone(), shadow)));
    CompiledUnit { live, shadow }
}
