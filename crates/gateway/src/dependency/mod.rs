//! How upstreams are called: the policies of the config, made into policies of the resilience engine.
//!
//! State (a breaker's window, a limit, a budget) belongs to an upstream and is shared by all workers and all routes; it
//! outlives a reload that does not touch its settings. What a route overrides makes a policy of its own over that state.

pub(crate) mod asking;
pub(crate) mod classify;
pub(crate) mod guard;
pub(crate) mod hold;
mod observer;
mod patterns;
mod policies;

pub(crate) use self::{
    observer::Ears,
    patterns::Patterns,
    policies::{Policies, UpstreamPolicy},
};
