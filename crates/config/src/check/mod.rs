//! The second stage: values become a plan, names resolved and rules across keys checked.
//!
//! Each section is read whole before the first missing value ends it, so that one fault hides no other.

mod alert;
mod authority;
mod cache;
mod chaos;
mod conflict;
mod fallback;
mod flags;
mod headers;
mod listen;
mod names;
mod policy;
mod process;
mod rollout;
mod route;
mod route_cache;
mod route_policy;
mod rules;
mod shadow;
mod state;
mod tags;
mod text;
mod unit;
mod upstream;
mod valid_if;
mod world;

#[cfg(test)]
pub(crate) use text::reads;

use std::path::Path;

use cache::Caching;
use unit::Common;
use world::{Ground, World};

use crate::{
    fingerprint,
    plan::{Admin, Chaos, Plan},
    read::{Fields, Switch},
    report::{Read, Warnings},
};

/// Builds what stands under `chaos` where no environment is known to forbid it.
pub(crate) fn chaos(fields: &Fields<'_>) -> Read<Chaos> {
    let nowhere = Ground { base: Path::new(""), environment: None, caching: Caching::Unsaid };
    chaos::read(fields, nowhere, chaos::Subjects::Some)
}

/// Where the admin API is, whatever the rest of the file says.
pub(crate) fn admin(root: &Fields<'_>, base: &Path) -> Read<Admin> {
    let state = state::read(root, base);
    listen::admin_alone(root, base, state.as_ref())
}

/// Builds the plan. Relative paths start at `base`.
pub(crate) fn plan(root: &Fields<'_>, base: &Path, hash: String) -> Read<Plan> {
    // The version decides how the rest is read, so it is required and looked at before anything else.
    let version = root.get::<u64>("version").map(|_| ());
    let state = state::read(root, base);
    let addresses = listen::addresses(root, base, state.as_ref());
    let node = process::node(root);
    let alerts = alert::all(root, "alerts", base);
    let flags = flags::read(root);
    let workers = process::workers(root);
    let trusted_proxies = process::trusted_proxies(root);
    let limits = root.object("limits").and_then(process::limits);
    let timeouts = root.object("timeouts").and_then(process::timeouts);
    let log = root.object("log").and_then(|fields| process::log(fields, base));
    let otlp = root.maybe_object("otlp").and_then(|fields| fields.map(process::otlp).transpose());
    let shadow = root.object("shadow").and_then(process::shadow);
    let shed = root.switch("shed").and_then(|switch| switch.read(policy::shed)).map(Switch::on);
    let environment = root.get("environment").map(process::environment);
    let (caching, cache) = cache::read(root);
    let ground = Ground { base, environment: environment.ok(), caching };
    let (known, upstreams) = upstream::all(root, ground);
    let world = World { ground, upstreams: known.as_ref().ok() };
    let (units, mut drafts, unit_routes) = unit::all(root, Common { world, alerts: &alerts });
    let (own_drafts, own_routes) = route::of_root(root, world);
    drafts.extend(own_drafts);
    let routes = conflict::resolve(drafts, unit_routes.and(own_routes), root);
    let (addresses, routes, flags) = (addresses?, routes?, flags?);
    version.and(alerts.map(|_| ()))?;
    Ok(Plan {
        hash,
        fingerprint: fingerprint::of(root, flags.fingerprint),
        warnings: Warnings::none(),
        node: node?,
        environment: environment?,
        listeners: addresses.listeners,
        admin: addresses.admin,
        probes: addresses.probes,
        state: state?,
        ofrep: addresses.ofrep,
        workers: workers?,
        trusted_proxies: trusted_proxies?,
        limits: limits?,
        timeouts: timeouts?,
        log: log?,
        otlp: otlp?,
        shadow: shadow?,
        shed: shed?,
        cache: cache?.or_else(|| cache::for_routes(&routes)),
        upstreams: upstreams?,
        flags: flags.definitions,
        retired_flags: flags.retired,
        units: units?,
        routes,
    })
}
