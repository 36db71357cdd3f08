//! Whether a kept answer may be used for a request (RFC 9111 section 4), and what to do otherwise.
//!
//! | the answer is | the client asks nothing | the client asks for more | the client asks for less |
//! |---|---|---|---|
//! | fresh | [`Reuse::Fresh`] | [`Reuse::Revalidate`] | [`Reuse::Fresh`] |
//! | just stale (`stale-while-revalidate`) | [`Reuse::WhileRevalidating`] | [`Reuse::Revalidate`] | [`Reuse::Stale`] |
//! | stale | [`Reuse::Revalidate`] | [`Reuse::Revalidate`] | [`Reuse::Stale`] |
//!
//! *More* is `no-cache`, a `max-age` below its age, or a `min-fresh` above what is left. *Less* is `max-stale`. A client
//! that says `no-store` is passed by ([`Reuse::Bypass`]), and one that says `only-if-cached` gets an error where the origin
//! would have to be asked ([`Reuse::Unavailable`]).

use std::time::Duration;

use crate::{
    directives::{Asked, MaxStale},
    lifetimes::Lifetimes,
};

/// What becomes of a request for which an answer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reuse {
    /// Give it: it is fresh.
    Fresh,
    /// Give it though it is stale: the client says that it may be.
    Stale,
    /// Give it though it is stale, and fetch it anew meanwhile.
    WhileRevalidating,
    /// Ask the origin whether it still holds.
    Revalidate,
    /// Ask the origin as if nothing were kept, and keep nothing.
    Bypass,
    /// Answer 504: the client does not want the origin to be asked (RFC 9111 section 5.2.1.7).
    Unavailable,
}

/// What becomes of a request for which nothing is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Miss {
    /// Ask the origin.
    Fetch,
    /// Ask the origin and keep nothing.
    Bypass,
    /// Answer 504: the client does not want the origin to be asked (RFC 9111 section 5.2.1.7).
    Unavailable,
}

/// Whether an answer of this `age` may be used for a request that asks for this.
#[must_use]
pub fn reuse(lifetimes: &Lifetimes, age: Duration, asked: &Asked) -> Reuse {
    let own = by_its_own_rules(lifetimes, age);
    if asked.is_nothing() { own } else { as_asked(own, lifetimes, age, asked) }
}

/// What becomes of a request for which nothing is kept.
#[must_use]
pub fn miss(asked: &Asked) -> Miss {
    match asked {
        _ if asked.is_nothing() => Miss::Fetch,
        Asked { only_if_cached: true, .. } => Miss::Unavailable,
        Asked { no_store: true, .. } => Miss::Bypass,
        _ => Miss::Fetch,
    }
}

/// Whether an answer of this `age` may be given in place of an error of the origin (RFC 9111 section 4.2.4, RFC 5861
/// section 4). A client's `no-cache` only *prefers* validation (RFC 9111 section 5.2.1.4): it does not ask for an error.
#[must_use]
pub fn may_serve_on_error(lifetimes: &Lifetimes, age: Duration, asked: &Asked) -> bool {
    let by_client = asked.stale_if_error.filter(|_| lifetimes.client_may_take_stale).unwrap_or_default();
    let is_usable =
        lifetimes.is_fresh(age) || lifetimes.staleness(age) < lifetimes.stale_if_error.max(by_client);
    is_usable && !asked.no_store
}

fn by_its_own_rules(lifetimes: &Lifetimes, age: Duration) -> Reuse {
    if lifetimes.is_fresh(age) {
        Reuse::Fresh
    } else if lifetimes.staleness(age) < lifetimes.stale_while_revalidate {
        Reuse::WhileRevalidating
    } else {
        Reuse::Revalidate
    }
}

fn as_asked(own: Reuse, lifetimes: &Lifetimes, age: Duration, asked: &Asked) -> Reuse {
    if asked.no_store {
        return if asked.only_if_cached { Reuse::Unavailable } else { Reuse::Bypass };
    }
    let used = if wants_more(lifetimes, age, asked) {
        Reuse::Revalidate
    } else if own != Reuse::Fresh && accepts_stale(lifetimes, age, asked) {
        Reuse::Stale
    } else if own == Reuse::WhileRevalidating && asked.max_age.is_some() {
        // "No older than" also means "not stale" (section 5.2.1.1).
        Reuse::Revalidate
    } else {
        own
    };
    if used == Reuse::Revalidate && asked.only_if_cached { Reuse::Unavailable } else { used }
}

fn wants_more(lifetimes: &Lifetimes, age: Duration, asked: &Asked) -> bool {
    let left = lifetimes.fresh_for.saturating_sub(age);
    asked.no_cache
        || asked.max_age.is_some_and(|wanted| age > wanted || wanted.is_zero())
        || asked.min_fresh.is_some_and(|wanted| left < wanted)
}

fn accepts_stale(lifetimes: &Lifetimes, age: Duration, asked: &Asked) -> bool {
    lifetimes.client_may_take_stale
        && match asked.max_stale {
            None => false,
            Some(MaxStale::Any) => true,
            Some(MaxStale::By(accepted)) => lifetimes.staleness(age) <= accepted,
        }
}

#[cfg(test)]
mod tests;
