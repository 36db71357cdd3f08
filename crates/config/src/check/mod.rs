//! The second stage: values become a plan, names resolved and rules across keys checked.
//!
//! Each section is read whole before the first missing value ends it, so that one fault hides no other.

mod conflict;
mod listen;
mod names;
mod process;
mod route;
mod text;
mod unit;
mod upstream;

#[cfg(test)]
pub(crate) use text::reads;

use std::path::Path;

use text::file::FilePath;

use crate::{plan::Plan, read::Fields, report::Read};

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
    let (names, upstreams) = upstream::all(root, base);
    let (units, mut drafts, unit_routes) = unit::all(root, names.as_ref().ok());
    let (own_drafts, own_routes) = route::of_root(root, names.as_ref().ok());
    drafts.extend(own_drafts);
    let routes = conflict::resolve(drafts, unit_routes.and(own_routes), root);
    let addresses = addresses?;
    version?;
    Ok(Plan {
        hash,
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
        upstreams: upstreams?,
        units: units?,
        routes: routes?,
    })
}
