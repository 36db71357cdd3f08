//! How calls to one dependency are made: which patterns, with which settings.

mod builder;
mod keyed;

use std::{fmt, sync::Arc, time::Duration};

pub use self::builder::{PolicyBuilder, PolicyError};
use crate::{
    answer::Why,
    breaker::Breaker,
    budget::RetryBudget,
    hedge::Hedge,
    keyed::{HasKeyed, Key},
    limit::Limit,
    retry,
    throttle::Throttle,
    verdict::Verdict,
};

/// Turns a result into a verdict.
pub type Classify<T, E> = dyn Fn(Result<&T, &E>) -> Verdict + Send + Sync;
/// Makes a substitute, or does not.
pub type Substitute<T> = dyn Fn(&Why) -> Option<T> + Send + Sync;

/// How calls to one dependency are made.
///
/// A policy owns the state that its calls share (breaker, budget, limit), so there is one per dependency, made once and
/// cloned freely: clones share that state. Two policies that call the same dependency in different ways (another timeout
/// for one kind of call) share it too, when they are given the same [`Breaker`], [`Limit`] and [`RetryBudget`].
pub struct Policy<T, E> {
    pub(crate) name: Arc<str>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) callee_keeps_time: bool,
    pub(crate) retry: Option<retry::Settings>,
    pub(crate) budget: Option<Arc<RetryBudget>>,
    pub(crate) breaker: Option<Arc<Breaker>>,
    pub(crate) throttle: Option<Arc<Throttle>>,
    pub(crate) limit: Option<Arc<Limit>>,
    pub(crate) hedge: Option<Arc<Hedge>>,
    pub(crate) classify: Arc<Classify<T, E>>,
    pub(crate) fallback: Option<Arc<Substitute<T>>>,
    pub(crate) keyed: Option<Arc<dyn HasKeyed<T, E>>>,
}

impl<T, E> Policy<T, E> {
    /// Begins a policy for the dependency of this name, without any pattern yet.
    pub fn builder(name: impl Into<Arc<str>>) -> PolicyBuilder<T, E> {
        PolicyBuilder::new(name.into())
    }

    /// Name of the dependency.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long a call may take in all.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// How long one attempt may take.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// How often and how soon a failed attempt is followed by another.
    #[must_use]
    pub const fn retry(&self) -> Option<retry::Settings> {
        self.retry
    }

    /// What retries and hedges are paid from.
    #[must_use]
    pub const fn retry_budget(&self) -> Option<&Arc<RetryBudget>> {
        self.budget.as_ref()
    }

    /// The circuit breaker.
    #[must_use]
    pub const fn breaker(&self) -> Option<&Arc<Breaker>> {
        self.breaker.as_ref()
    }

    /// The client throttle.
    #[must_use]
    pub const fn throttle(&self) -> Option<&Arc<Throttle>> {
        self.throttle.as_ref()
    }

    /// The concurrency limit.
    #[must_use]
    pub const fn limit(&self) -> Option<&Arc<Limit>> {
        self.limit.as_ref()
    }

    /// The hedging.
    #[must_use]
    pub const fn hedge(&self) -> Option<&Arc<Hedge>> {
        self.hedge.as_ref()
    }

    /// Drops what is kept for a key. For whoever writes, after the write: what was asked for before is not kept, and whoever
    /// calls from now on does not join it. Those who wait for it already get it still.
    pub fn invalidate(&self, key: impl Into<Key>) {
        if let Some(keyed) = &self.keyed {
            keyed.invalidate(&key.into());
        }
    }
}

impl<T, E> Clone for Policy<T, E> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            deadline: self.deadline,
            timeout: self.timeout,
            callee_keeps_time: self.callee_keeps_time,
            retry: self.retry,
            budget: self.budget.clone(),
            breaker: self.breaker.clone(),
            throttle: self.throttle.clone(),
            limit: self.limit.clone(),
            hedge: self.hedge.clone(),
            classify: self.classify.clone(),
            fallback: self.fallback.clone(),
            keyed: self.keyed.clone(),
        }
    }
}

impl<T, E> fmt::Debug for Policy<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name)
            .field("deadline", &self.deadline)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("breaker", &self.breaker.is_some())
            .field("throttle", &self.throttle.is_some())
            .field("limit", &self.limit.is_some())
            .field("hedge", &self.hedge.is_some())
            .field("fallback", &self.fallback.is_some())
            .field("keyed", &self.keyed.is_some())
            .finish_non_exhaustive()
    }
}
