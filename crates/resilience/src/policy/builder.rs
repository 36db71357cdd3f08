//! Building a policy. What cannot work is refused here, so that calls need no checks.

use std::{fmt, sync::Arc, time::Duration};

use super::{Policy, keyed::KeyedBuilder};
use crate::{
    answer::Why,
    breaker::Breaker,
    budget::RetryBudget,
    cache::RulesError,
    hedge::Hedge,
    limit::Limit,
    retry,
    throttle::Throttle,
    verdict::{Cause, Verdict},
};

/// Builds a [`Policy`]. The names are those of resilience4j and Polly where they agree.
#[must_use = "a builder does nothing until it builds"]
pub struct PolicyBuilder<T, E> {
    pub(super) policy: Policy<T, E>,
    pub(super) keyed: KeyedBuilder<T, E>,
    retries: Option<u32>,
    delay: Option<Duration>,
    longest_delay: Option<Duration>,
}

/// Why a policy cannot be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PolicyError {
    /// A duration of zero, of the setting named.
    Zero(&'static str),
    /// One attempt would be allowed longer than the whole call.
    TimeoutOverDeadline {
        /// Limit of an attempt.
        timeout: Duration,
        /// Limit of the call.
        deadline: Duration,
    },
    /// Delays or a budget for retries, and no retries.
    NoRetries,
    /// The retries themselves.
    Retry(retry::SettingsError),
    /// Fetches for several callers, and nothing that ends them.
    NoDeadline,
    /// A wait for others' fetches, or values that are private, and calls go each for itself.
    NotShared,
    /// A cache whose values have no lifetime.
    NoTtl,
    /// Rules for a cache, and no cache.
    NoCache,
    /// The rules themselves.
    Cache(RulesError),
}

impl<T, E> PolicyBuilder<T, E> {
    pub(super) fn new(name: Arc<str>) -> Self {
        let policy = Policy {
            name,
            deadline: None,
            timeout: None,
            callee_keeps_time: false,
            retry: None,
            budget: None,
            breaker: None,
            throttle: None,
            limit: None,
            hedge: None,
            classify: Arc::new(|result| match result {
                Ok(_) => Verdict::Success,
                Err(_) => Verdict::retryable(Cause::Other),
            }),
            fallback: None,
            keyed: None,
        };
        Self { policy, keyed: KeyedBuilder::default(), retries: None, delay: None, longest_delay: None }
    }

    /// How long a call may take in all: attempts, waits and backoffs.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = Some(deadline);
        self
    }

    /// How long one attempt may take. It counts as a failure of the dependency, unlike the deadline, which says nothing
    /// about it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policy.timeout = Some(timeout);
        self
    }

    /// The operation keeps to [`Attempt::until`](crate::Attempt::until) by itself, so no timer is set around it. For
    /// transports that have timers of their own.
    pub fn callee_keeps_time(mut self) -> Self {
        self.policy.callee_keeps_time = true;
        self
    }

    /// How often a failed attempt is followed by another. 0 is the same as not saying it.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Base of the exponential backoff with full jitter: before the nth retry a call waits up to `base * 2^(n-1)`.
    /// Default 50 ms.
    pub fn retry_delay(mut self, base: Duration) -> Self {
        self.delay = Some(base);
        self
    }

    /// What no backoff exceeds. Default 1 s.
    pub fn retry_delay_at_most(mut self, cap: Duration) -> Self {
        self.longest_delay = Some(cap);
        self
    }

    /// What retries and hedges are paid from. Without one, retries are limited per call only, which feeds a fire when
    /// every call fails.
    pub fn retry_budget(mut self, budget: impl Into<Arc<RetryBudget>>) -> Self {
        self.policy.budget = Some(budget.into());
        self
    }

    /// Stops asking a dependency that fails, for a while.
    pub fn breaker(mut self, breaker: impl Into<Arc<Breaker>>) -> Self {
        self.policy.breaker = Some(breaker.into());
        self
    }

    /// Asks a dependency less often that refuses much.
    pub fn throttle(mut self, throttle: impl Into<Arc<Throttle>>) -> Self {
        self.policy.throttle = Some(throttle.into());
        self
    }

    /// Limits the calls that are under way at once: adaptive, or a bulkhead of fixed size.
    pub fn limit(mut self, limit: Arc<Limit>) -> Self {
        self.policy.limit = Some(limit);
        self
    }

    /// Sends a second leg when the first is slow. Only for operations that may safely run twice.
    pub fn hedge(mut self, hedge: impl Into<Arc<Hedge>>) -> Self {
        self.policy.hedge = Some(hedge.into());
        self
    }

    /// What a result says about the dependency. By default `Ok` is a success and `Err` a failure that may be retried.
    pub fn classify(mut self, classify: impl Fn(Result<&T, &E>) -> Verdict + Send + Sync + 'static) -> Self {
        self.policy.classify = Arc::new(classify);
        self
    }

    /// A substitute for an answer that does not come. It is asked for last, when no attempt will be made any more, and may
    /// decline by `None`.
    pub fn fallback(mut self, substitute: impl Fn(&Why) -> Option<T> + Send + Sync + 'static) -> Self {
        self.policy.fallback = Some(Arc::new(substitute));
        self
    }

    /// The policy.
    ///
    /// # Errors
    /// [`PolicyError`], when it could never work as it was meant.
    pub fn build(mut self) -> Result<Policy<T, E>, PolicyError> {
        let is_zero = |duration: Option<Duration>| duration.is_some_and(|duration| duration.is_zero());
        if is_zero(self.policy.timeout) {
            return Err(PolicyError::Zero("timeout"));
        }
        if is_zero(self.policy.deadline) {
            return Err(PolicyError::Zero("deadline"));
        }
        if let (Some(timeout), Some(deadline)) = (self.policy.timeout, self.policy.deadline)
            && timeout > deadline
        {
            return Err(PolicyError::TimeoutOverDeadline { timeout, deadline });
        }
        self.policy.retry = self.retry_settings()?;
        self.policy.keyed = self.keyed.build(self.policy.deadline)?;
        Ok(self.policy)
    }

    fn retry_settings(&self) -> Result<Option<retry::Settings>, PolicyError> {
        let retries = self.retries.unwrap_or(0);
        if retries == 0 {
            // A budget alone makes sense: hedges are paid from it too.
            let is_orphan = self.delay.is_some() || self.longest_delay.is_some();
            return if is_orphan { Err(PolicyError::NoRetries) } else { Ok(None) };
        }
        let default = retry::Settings::default();
        let base = self.delay.unwrap_or(default.base());
        let cap = self.longest_delay.unwrap_or(default.cap().max(base));
        retry::Settings::new(retries.saturating_add(1), base, cap).map(Some).map_err(PolicyError::Retry)
    }
}

impl<T, E> fmt::Debug for PolicyBuilder<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyBuilder")
            .field("policy", &self.policy)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero(what) => {
                write!(f, "{what} is zero, so every call would fail: leave it out or raise it")
            }
            Self::TimeoutOverDeadline { timeout, deadline } => write!(
                f,
                "one attempt may take {timeout:?}, longer than the whole call ({deadline:?}): lower the timeout or raise the deadline"
            ),
            Self::NoRetries => {
                f.write_str("a retry delay without retries has no effect: say how many with retries(n)")
            }
            Self::Retry(error) => error.fmt(f),
            Self::NoDeadline => f.write_str(
                "what is fetched for several callers has to end when none of them does: say when with deadline(..)",
            ),
            Self::NotShared => f.write_str(
                "coalesce_wait or cache_as without a cache or coalescing has no effect: add coalesce(true)",
            ),
            Self::NoTtl => f.write_str("a cache needs to know how long values are good: say it with cache_ttl(..)"),
            Self::NoCache => f.write_str("rules for a cache without one have no effect: add cache(store)"),
            Self::Cache(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PolicyError {}
