//! Keeps a service answering while what it depends on is slow, dead, flapping or lying.
//!
//! A service that calls others fails with them unless it is built not to: it waits for what does not come, asks again what
//! cannot answer, and sends more to what has too much. This crate is one engine for calling a dependency. A [`Policy`] says
//! how calls to it are made, a [`Caller`] makes them, and what comes back says where it came from.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use banyan_resilience::{Caller, Policy, Source, breaker::Breaker, limit::Limit};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // One policy for each dependency, made once. It holds the state that all its calls share.
//! let reviews = Policy::builder("reviews")
//!     .deadline(Duration::from_secs(2))
//!     .timeout(Duration::from_millis(500))
//!     .retries(2)
//!     .breaker(Breaker::new(Default::default()))
//!     .limit(Limit::new(Default::default()))
//!     .fallback(|_why| Some(Vec::new()))
//!     .build()?;
//!
//! let caller = Caller::new();
//! let answer = caller.call(&reviews, || async { Err::<Vec<String>, _>("connection refused") }).await?;
//! assert_eq!(answer.source, Source::Fallback);
//! assert_eq!(answer.attempts, 3);
//! # Ok(())
//! # }
//! ```
//!
//! # The patterns, and their order
//!
//! | stage | what it does | when not to use it |
//! |---|---|---|
//! | [`deadline`] | ends the whole call in time, whatever is done inside | never leave it out |
//! | fallback | a substitute for an answer that does not come | where a wrong answer is worse than none |
//! | [`cache`] | an answer of before, for as long as it is good enough | what must be true at this very moment |
//! | [`coalesce`] | one fetch for identical calls at the same time | calls that do something |
//! | [`retry`] with a [`budget`] | goes again after a passing failure, as far as all calls together can afford it | effects that must not happen twice |
//! | [`breaker`] | leaves a dependency alone that fails, and finds out when it is well | a dependency without which nothing can be answered anyway |
//! | [`throttle`] | sends less to a dependency that turns work away | a dependency that never says so |
//! | [`limit`] | no more calls at once than it can work on, found by measuring | calls that cost it nothing |
//! | [`hedge`] | asks a second time when the first answer is late | anything but idempotent reads with spare capacity |
//! | timeout | ends one attempt, and counts it as a failure | never leave it out |
//!
//! Cache and coalescing are for calls that say what they have in common, by [`Caller::call_keyed`]; others pass them by.
//!
//! [`Stage`] says why they are in this order, and there is no other place where order exists. [`eject`] is for whoever picks
//! among several endpoints of a dependency, [`promise`] for whoever wants a 200 with half a JSON to count as the failure it
//! is, and shedding stands in front of all this and decides whose requests are refused first.
//!
//! # Rules that hold everywhere
//!
//! - A permit is a value. Dropping it gives its place back and says that the call was cancelled, which is neither success
//!   nor failure. So a dropped future or a panic never leaks a place and never opens a breaker.
//! - A permit carries the epoch it was issued in: what comes late, after the breaker has moved on, changes nothing.
//! - What our own side refuses says nothing about the dependency.
//! - Results become [`Verdict`]s in one place, the policy's classifier, and every pattern acts on those alone.
//! - Time is tokio's clock, so tests pause it; randomness is one seeded [`Dice`], so a seed replays a run.
//! - An [`Observer`] is told everything worth knowing, with reasons and sample sizes.
//!
//! # Features
//!
//! - `cache` (default): a store in memory for [`cache`], bounded in bytes.
//! - `tower` (default): [`layer`], the engine as middleware.
//! - `json` (default): [`promise`] looks into JSON bodies.
//! - `schema`: it checks them against a JSON Schema too.

mod answer;
pub mod breaker;
pub mod budget;
pub mod cache;
mod caller;
pub mod coalesce;
pub mod deadline;
mod dice;
pub mod eject;
mod event;
pub mod hedge;
mod keyed;
pub mod latency;
#[cfg(feature = "tower")]
pub mod layer;
pub mod limit;
mod policy;
pub mod promise;
mod request;
pub mod retry;
pub mod shed;

mod stage;
mod sync;
pub mod throttle;
mod verdict;

pub use self::{
    answer::{Answer, CallError, Failed, Refused, Refuser, Source, Why},
    caller::Caller,
    dice::Dice,
    event::{Cached, Event, Observer},
    keyed::Key,
    policy::{Classify, Policy, PolicyBuilder, PolicyError, Substitute},
    request::{Attempt, Request},
    stage::Stage,
    verdict::{Cause, Verdict},
};
