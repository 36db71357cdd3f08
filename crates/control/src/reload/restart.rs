//! What a reload cannot change.

use banyan_config::plan::Plan;

/// The keys that differ between two plans and are read only at the start: listeners, the store
/// and the log are opened, and threads started, once.
pub(super) fn needed(running: &Plan, new: &Plan) -> Vec<&'static str> {
    let keys = [
        ("node", running.node == new.node),
        ("listen", running.listeners == new.listeners),
        ("admin", running.admin == new.admin),
        ("probes", running.probes == new.probes),
        ("ofrep", applications(running) == applications(new)),
        ("state", running.state == new.state),
        ("workers", running.workers == new.workers),
        ("log", running.log == new.log),
        ("otlp.endpoint", otlp(running) == otlp(new)),
        ("shadow", started_with(running) == started_with(new)),
    ];
    keys.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
}

/// Where applications ask for flags. How often they may is looked up anew for each request.
fn applications(plan: &Plan) -> Option<(std::net::SocketAddr, Option<&std::path::Path>)> {
    plan.ofrep.as_ref().map(|ofrep| (ofrep.listen, ofrep.token_file.as_deref()))
}

/// Where traces go; how many are sampled is looked up anew with each plan.
fn otlp(plan: &Plan) -> Option<&str> {
    plan.otlp.as_ref().map(|otlp| otlp.endpoint.as_str())
}

/// What the shadow's thread is started with. The cap on bodies is looked up anew for each request.
fn started_with(plan: &Plan) -> (usize, usize, std::time::Duration) {
    (plan.shadow.concurrency, plan.shadow.queue, plan.shadow.timeout)
}
