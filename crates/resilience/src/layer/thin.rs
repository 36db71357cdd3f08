//! One pattern each.

use std::{sync::Arc, time::Duration};

use super::PolicyLayer;
use crate::{
    Caller, Policy, PolicyBuilder, PolicyError, Why, breaker::Breaker, budget::RetryBudget, hedge::Hedge,
    limit::Limit, retry, throttle::Throttle,
};

fn layer<T, E>(
    name: &str,
    with: impl FnOnce(PolicyBuilder<T, E>) -> PolicyBuilder<T, E>,
) -> Result<PolicyLayer<T, E>, PolicyError> {
    Ok(PolicyLayer::new(Caller::new(), with(Policy::builder(name)).build()?))
}

/// Each call ends within `timeout`.
///
/// # Errors
/// When it is zero.
pub fn timeout<T, E>(name: &str, timeout: Duration) -> Result<PolicyLayer<T, E>, PolicyError> {
    layer(name, |builder| builder.timeout(timeout))
}

/// Failed calls are made again, as far as the budget pays for it.
///
/// # Errors
/// Never for settings that could be built.
pub fn retry<T, E>(
    name: &str,
    settings: retry::Settings,
    budget: Arc<RetryBudget>,
) -> Result<PolicyLayer<T, E>, PolicyError> {
    layer(name, |builder| {
        builder
            .retries(settings.attempts() - 1)
            .retry_delay(settings.base())
            .retry_delay_at_most(settings.cap())
            .retry_budget(budget)
    })
}

/// A dependency that fails is left alone for a while.
///
/// # Errors
/// Never; the type is that of its siblings.
pub fn breaker<T, E>(name: &str, breaker: Arc<Breaker>) -> Result<PolicyLayer<T, E>, PolicyError> {
    layer(name, |builder| builder.breaker(breaker))
}

/// A dependency that turns calls away is asked less often.
///
/// # Errors
/// Never; the type is that of its siblings.
pub fn throttle<T, E>(name: &str, throttle: Arc<Throttle>) -> Result<PolicyLayer<T, E>, PolicyError> {
    layer(name, |builder| builder.throttle(throttle))
}

/// As many calls at once as the limit allows.
///
/// # Errors
/// Never; the type is that of its siblings.
pub fn concurrency<T, E>(name: &str, limit: Arc<Limit>) -> Result<PolicyLayer<T, E>, PolicyError> {
    layer(name, |builder| builder.limit(limit))
}

/// A second leg beside one that is slow.
///
/// # Errors
/// Never; the type is that of its siblings.
pub fn hedge<T, E>(name: &str, hedge: Arc<Hedge>) -> Result<PolicyLayer<T, E>, PolicyError> {
    layer(name, |builder| builder.hedge(hedge))
}

/// A substitute for what fails.
///
/// # Errors
/// Never; the type is that of its siblings.
pub fn fallback<T, E>(
    name: &str,
    substitute: impl Fn(&Why) -> Option<T> + Send + Sync + 'static,
) -> Result<PolicyLayer<T, E>, PolicyError> {
    layer(name, |builder| builder.fallback(substitute))
}
