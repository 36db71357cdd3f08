//! The second stage: values become a plan, names resolved and rules across keys checked.
//!
//! Each section is read whole before the first missing value ends it, so that one fault hides no other.

mod cache;
mod chaos;
mod conflict;
mod fallback;
mod headers;
mod listen;
mod names;
mod policy;
mod process;
mod route;
mod route_cache;
mod route_policy;
mod rules;
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
use text::file::FilePath;
use world::{Ground, World};

use crate::{
    plan::{Admin, Chaos, Plan},
    read::{Fields, Switch},
    report::Read,
};

/// Builds what stands under `chaos` where no environment is known to forbid it.
pub(crate) fn chaos(fields: &Fields<'_>) -> Read<Chaos> {
    let nowhere = Ground { base: Path::new(""), environment: None, caching: Caching::Unsaid };
    chaos::read(fields, nowhere, chaos::Subjects::Some)
}

/// Where the admin API is, whatever the rest of the file says.
pub(crate) fn admin(root: &Fields<'_>, base: &Path) -> Read<Admin> {
    let state = root.text::<FilePath>("state").and_then(|path| process::state(path, base, root.problems()));
    listen::admin_alone(root, base, state.as_deref())
}

/// Builds the plan. Relative paths start at `base`.
pub(crate) fn plan(root: &Fields<'_>, base: &Path, hash: String) -> Read<Plan> {
    // The version decides how the rest is read, so it is required and looked at before anything else.
    let version = root.get::<u64>("version").map(|_| ());
    let state = root.text::<FilePath>("state").and_then(|path| process::state(path, base, root.problems()));
    let addresses = listen::addresses(root, base, state.as_deref());
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
    let (units, mut drafts, unit_routes) = unit::all(root, world);
    let (own_drafts, own_routes) = route::of_root(root, world);
    drafts.extend(own_drafts);
    let routes = conflict::resolve(drafts, unit_routes.and(own_routes), root);
    let (addresses, routes) = (addresses?, routes?);
    version?;
    Ok(Plan {
        hash,
        environment: environment?,
        listeners: addresses.listeners,
        admin: addresses.admin,
        probes: addresses.probes,
        state: state?,
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
        units: units?,
        routes,
    })
}
