//! Faults switched at run time. They are kept in memory only and end by themselves: nobody has to remember them.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use banyan_config::plan::{Chaos, Override};
use tokio::time::Instant;

/// What faults are switched for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChaosTarget {
    /// All calls to the upstream of this name.
    Upstream(Arc<str>),
    /// Calls made for routes with this path template, such as `/users/{id}`.
    Route(Arc<str>),
}

/// Why faults cannot be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChaosError {
    /// The config says, or does not deny, that this is production.
    Production,
    /// There is no such upstream or route.
    Unknown,
}

/// Faults that were switched on, or off against the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switched {
    /// For what.
    pub target: ChaosTarget,
    /// Which; `None`: none, whatever the config says.
    pub chaos: Option<Chaos>,
    /// When they end and the config holds again.
    pub until: Instant,
}

/// All faults switched at run time.
#[derive(Debug, Default)]
pub(crate) struct Switchboard {
    /// Nearly always there are none, and nothing more is looked at.
    any: AtomicBool,
    switched: ArcSwap<Vec<Switched>>,
    writer: Mutex<()>,
}

impl Switchboard {
    /// Switches faults for a while; those of before for the same target are replaced.
    pub(crate) fn set(&self, target: ChaosTarget, chaos: Option<Chaos>, lasts: Duration, now: Instant) {
        let until = now + lasts;
        self.change(now, |switched| {
            switched.retain(|known| known.target != target);
            switched.push(Switched { target, chaos, until });
        });
    }

    /// Lets the config hold again. Whether there was anything to end.
    pub(crate) fn clear(&self, target: &ChaosTarget, now: Instant) -> bool {
        let mut found = false;
        self.change(now, |switched| {
            switched.retain(|known| {
                found |= known.target == *target;
                known.target != *target
            });
        });
        found
    }

    /// What is switched now.
    pub(crate) fn list(&self, now: Instant) -> Vec<Switched> {
        self.switched.load().iter().filter(|switched| now < switched.until).cloned().collect()
    }

    fn change(&self, now: Instant, change: impl FnOnce(&mut Vec<Switched>)) {
        let _one_at_a_time = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut switched = self.list(now);
        change(&mut switched);
        self.any.store(!switched.is_empty(), Relaxed);
        self.switched.store(Arc::new(switched));
    }

    /// The faults in force for calls of a route to an upstream: the route's before the upstream's, switched ones before
    /// those of the config. `now` is asked for only when something is switched.
    pub(crate) fn in_force(
        &self,
        upstream: (&str, Option<&Chaos>),
        route: (&str, &Override<Chaos>),
        now: Instant,
    ) -> Option<Chaos> {
        if self.any.load(Relaxed) {
            let switched = self.switched.load();
            let find = |wanted: &dyn Fn(&ChaosTarget) -> bool| {
                switched.iter().find(|known| wanted(&known.target) && now < known.until)
            };
            let by_route = find(&|target| matches!(target, ChaosTarget::Route(name) if **name == *route.0));
            let by_upstream =
                find(&|target| matches!(target, ChaosTarget::Upstream(name) if **name == *upstream.0));
            if let Some(switched) = by_route.or(by_upstream) {
                return switched.chaos.clone();
            }
        }
        route.1.over(upstream.1).cloned()
    }
}

impl fmt::Display for ChaosTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(name) => write!(f, "upstream '{name}'"),
            Self::Route(rule) => write!(f, "route '{rule}'"),
        }
    }
}

impl fmt::Display for ChaosError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Production => {
                "faults are never made in production: say 'environment: staging' or 'development' in the config, if that is what this is"
            }
            Self::Unknown => "no upstream or route of this name",
        })
    }
}

impl std::error::Error for ChaosError {}
