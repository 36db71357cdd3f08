//! How the three dependencies are called. This file is the example; the rest of the service hardly knows of it.

use std::time::Duration;

use banyan_resilience::{
    Policy,
    breaker::{self, Breaker},
    budget::{self, RetryBudget},
    hedge::{self, After, Hedge},
    limit::{self, Limit},
};

use super::{
    SetUpError,
    data::{Listing, User},
    fetch::Fault,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A user, or that there is no such user.
pub(crate) type UserPolicy = Policy<Option<User>, Fault>;
/// A list. `None` stands for one that could not be had.
pub(crate) type ListPolicy = Policy<Option<Listing>, Fault>;

/// The critical dependency: without the user there is no profile, so every means is used.
///
/// Three questions in ten come to grief here. One that fails is asked again; one that is late (answers take 16 ms at most
/// when all is well) is asked a second time beside the first after 50 ms. So an attempt comes to nothing in 16 % of the
/// cases, and all eight of them do once in two million requests. For that the last good value is there.
///
/// It has no breaker: there is nobody else to ask, and a refusal would help no caller. What protects the dependency is the
/// budget: however much fails, it is asked at most twice as often as there are requests.
pub(crate) fn users() -> Result<UserPolicy, SetUpError> {
    let hedge = hedge::Settings::new(After::Fixed(50 * MS), 10_000)?;
    let policy = Policy::builder("users")
        .deadline(2 * SECOND)
        .timeout(300 * MS)
        .retries(7)
        .retry_delay(10 * MS)
        .retry_delay_at_most(100 * MS)
        .retry_budget(RetryBudget::new(budget::Settings::new(10_000, 10, 10 * SECOND)?))
        .hedge(Hedge::new(hedge))
        .classify(Fault::classify)
        .build()?;
    Ok(policy)
}

/// An optional dependency: a profile can do without it, so it is asked once more and no oftener, and not for long.
///
/// The breaker leaves it alone when it is down, which spares every profile the wait for it. It wants more evidence than by
/// default, as three failures in ten are an ordinary day here. The bulkhead keeps a dependency that hangs from taking all
/// the connections there are.
pub(crate) fn optional(name: &str) -> Result<ListPolicy, SetUpError> {
    let breaker = breaker::Settings::default().with_ratio(0.6, 50, 10 * SECOND)?;
    let policy = Policy::builder(name)
        .deadline(700 * MS)
        .timeout(300 * MS)
        .retries(1)
        .retry_budget(RetryBudget::new(budget::Settings::new(5_000, 5, 10 * SECOND)?))
        .breaker(Breaker::new(breaker))
        .limit(Limit::new(limit::Settings::fixed(64)?))
        .classify(Fault::classify)
        .fallback(|_why| Some(None))
        .build()?;
    Ok(policy)
}
