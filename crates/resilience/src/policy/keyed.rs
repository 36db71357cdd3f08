//! The part of building a policy that is about calls with a key: caching and coalescing.

use std::{sync::Arc, time::Duration};

use super::{PolicyBuilder, PolicyError};
#[cfg(feature = "cache")]
use crate::{
    cache::Store,
    keyed::{InStore, Key},
};
use crate::{
    cache::{Kind, Rules, RulesError},
    coalesce::{Table, WAIT},
    keyed::{HasKeyed, Keyed, KindOf, Memory},
};

/// What was said of calls with a key.
pub(super) struct KeyedBuilder<T, E> {
    ttl: Option<Duration>,
    rules: Vec<Rule>,
    coalesce: Option<bool>,
    wait: Option<Duration>,
    kind_of: Option<Arc<KindOf<T>>>,
    memory: Option<Box<MakeMemory<T>>>,
    make: Option<Make<T, E>>,
}

/// A change of the rules, made when all is known.
type Rule = Box<dyn Fn(Rules) -> Result<Rules, RulesError> + Send + Sync>;
type MakeMemory<T> = dyn FnOnce(Rules) -> Box<dyn Memory<T>> + Send + Sync;
/// Only who says `cache` or `coalesce` knows that values can be shared, so it leaves behind how that is done.
type Make<T, E> = fn(Keyed<T, E>) -> Arc<dyn HasKeyed<T, E>>;

impl<T, E> Default for KeyedBuilder<T, E> {
    fn default() -> Self {
        Self {
            ttl: None,
            rules: Vec::new(),
            coalesce: None,
            wait: None,
            kind_of: None,
            memory: None,
            make: None,
        }
    }
}

impl<T, E> PolicyBuilder<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// Keeps answers of [`call_keyed`](crate::Caller::call_keyed) there. Calls with the same key share one fetch then, unless
    /// told otherwise. Policies may share a store if their keys differ; it is the policy's name that tells what it is about,
    /// so put it into them.
    #[cfg(feature = "cache")]
    pub fn cache(mut self, store: impl Into<Arc<Store<Key, T>>>) -> Self {
        let store = store.into();
        self.keyed.memory = Some(Box::new(move |rules| Box::new(InStore { store, rules })));
        self.keyed.make = Some(|keyed| Arc::new(keyed));
        self
    }

    /// Whether calls of [`call_keyed`](crate::Caller::call_keyed) with the same key share one fetch. With a cache they do by
    /// default, without one they do not.
    pub fn coalesce(mut self, coalesce: bool) -> Self {
        self.keyed.coalesce = Some(coalesce);
        if coalesce {
            self.keyed.make = Some(|keyed| Arc::new(keyed));
        }
        self
    }
}

impl<T, E> PolicyBuilder<T, E> {
    /// For how long complete values are fresh: above zero, up to a year. A cache needs it.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.keyed.ttl = Some(ttl);
        self
    }

    /// For how long it is believed that something does not exist. Default 60 s; zero keeps nothing of the kind.
    pub fn negative_ttl(self, ttl: Duration) -> Self {
        self.rule(move |rules| rules.with_negative(ttl))
    }

    /// For how long values with a part missing are fresh. Default 30 s; zero keeps nothing of the kind.
    pub fn degraded_ttl(self, ttl: Duration) -> Self {
        self.rule(move |rules| rules.with_degraded(ttl))
    }

    /// For how long after its lifetime a value is handed out while a new one is fetched. Default 10 s.
    pub fn stale_while_revalidate(self, window: Duration) -> Self {
        self.rule(move |rules| rules.with_stale_while_revalidate(window))
    }

    /// For how long after its lifetime a value is handed out when no new one can be had. Default 60 s.
    pub fn stale_if_error(self, window: Duration) -> Self {
        self.rule(move |rules| rules.with_stale_if_error(window))
    }

    /// How eagerly popular values are fetched anew before their lifetime is over, 0 (never) to 10. Default 1.
    pub fn early_refresh(self, beta: f64) -> Self {
        self.rule(move |rules| rules.with_early_refresh(beta))
    }

    /// By up to which share lifetimes are shorter, by chance, 0 to 0.5. Default 0.1.
    pub fn cache_jitter(self, ratio: f64) -> Self {
        self.rule(move |rules| rules.with_jitter(ratio))
    }

    /// What a value is to those who ask for the same key. By default all are complete. `None`: it is for its caller alone,
    /// and neither kept nor shared. Only asked of what the classifier calls a success: failures are never kept, whatever
    /// they look like. So 'there is no such thing' has to be a value, such as `Ok(None)`.
    pub fn cache_as(mut self, kind: impl Fn(&T) -> Option<Kind> + Send + Sync + 'static) -> Self {
        self.keyed.kind_of = Some(Arc::new(kind));
        self
    }

    /// How long a call waits for the fetch of another before it makes its own. Default 5 s.
    pub fn coalesce_wait(mut self, wait: Duration) -> Self {
        self.keyed.wait = Some(wait);
        self
    }

    fn rule(mut self, rule: impl Fn(Rules) -> Result<Rules, RulesError> + Send + Sync + 'static) -> Self {
        self.keyed.rules.push(Box::new(rule));
        self
    }
}

impl<T, E> KeyedBuilder<T, E> {
    pub(super) fn build(
        self,
        deadline: Option<Duration>,
    ) -> Result<Option<Arc<dyn HasKeyed<T, E>>>, PolicyError> {
        let rules = self.rules()?;
        let coalesces = self.coalesce.unwrap_or(self.memory.is_some());
        let is_orphan = self.memory.is_none() && !coalesces;
        if is_orphan && (self.wait.is_some() || self.kind_of.is_some()) {
            return Err(PolicyError::NotShared);
        }
        if self.wait.is_some_and(|wait| wait.is_zero()) {
            return Err(PolicyError::Zero("coalesce_wait"));
        }
        let Some(make) = self.make.filter(|_| !is_orphan) else { return Ok(None) };
        if deadline.is_none() {
            return Err(PolicyError::NoDeadline);
        }
        let memory = match (self.memory, rules) {
            (Some(memory), Some(rules)) => Some(memory(rules)),
            (Some(_), None) => return Err(PolicyError::NoTtl),
            (None, _) => None,
        };
        Ok(Some(make(Keyed {
            wait: coalesces.then_some(self.wait.unwrap_or(WAIT)),
            flights: Arc::new(Table::new()),
            memory,
            kind_of: self.kind_of.unwrap_or_else(|| Arc::new(|_| Some(Kind::Complete))),
        })))
    }

    fn rules(&self) -> Result<Option<Rules>, PolicyError> {
        if self.memory.is_none() {
            let is_orphan = self.ttl.is_some() || !self.rules.is_empty();
            return if is_orphan { Err(PolicyError::NoCache) } else { Ok(None) };
        }
        let Some(ttl) = self.ttl else { return Ok(None) };
        let rules =
            Rules::new(ttl).and_then(|rules| self.rules.iter().try_fold(rules, |rules, rule| rule(rules)));
        rules.map(Some).map_err(PolicyError::Cache)
    }
}
