//! What a reload cannot change.

use banyan_config::plan::Plan;

/// The keys that differ between two plans and are read only at the start: listeners and the store are opened, and
/// workers started, once.
pub(super) fn needed(running: &Plan, new: &Plan) -> Vec<&'static str> {
    let keys = [
        ("listen", running.listeners == new.listeners),
        ("admin", running.admin == new.admin),
        ("probes", running.probes == new.probes),
        ("state", running.state == new.state),
        ("workers", running.workers == new.workers),
    ];
    keys.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
}
