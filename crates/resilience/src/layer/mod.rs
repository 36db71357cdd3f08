//! The engine as [`tower`](https://docs.rs/tower) middleware.
//!
//! [`PolicyLayer`] puts a whole policy around a service. The functions beside it are thin layers of one pattern each, for
//! stacks that want only that: they are policies with one pattern, so they behave alike. Several thin layers over each
//! other are in the order in which *you* stack them; one policy is in the right order by itself, so prefer that.
//!
//! Permits are taken within the call and never reserved in `poll_ready`: a task that asked whether it may call, and then
//! does not, would keep a place for ever.
//!
//! A request is cloned for each attempt; its services must be cheap to clone, as tower's are.

mod service;
mod thin;

pub use self::{
    service::{PolicyLayer, PolicyService, Response},
    thin::{breaker, concurrency, fallback, hedge, retry, throttle, timeout},
};
