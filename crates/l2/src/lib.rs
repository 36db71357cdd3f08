//! The shared level of a cache: Redis (or Valkey) behind our own deadline, with leases, fencing and invalidation.
//!
//! Nodes that each keep answers in memory ask the backend once per node for the same thing, and know nothing of what
//! another has invalidated. A level they share saves the backend those questions. But it is one more thing that can be
//! slow, full, dead or wrong, in front of a backend that may be well; so this crate is built from its failures. No call
//! returns an error: what Redis cannot answer within its deadline is [`Lookup::Unavailable`], and the request goes on as
//! if there were no such level. A breaker leaves a Redis alone that fails, and a start never waits for one.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use banyan_l2::{Lease, Level, Lookup, Settings, Waited};
//! use bytes::Bytes;
//!
//! # async fn fetch() -> Bytes { Bytes::new() }
//! # async fn example() -> Result<Bytes, banyan_l2::SettingsError> {
//! let level = Level::new(Settings::new("redis://127.0.0.1:6379", "shop")?);
//! let handle = level.handle();
//! let key = [7; 16];
//! if let Lookup::Found(found) = handle.get(&key).await {
//!     return Ok(found.value);
//! }
//! let token = match handle.lease(&key).await {
//!     Lease::Won(token) => Some(token),
//!     Lease::Held => match handle.wait_for(&key, Duration::from_secs(2)).await {
//!         Waited::Found(found) => return Ok(found.value),
//!         Waited::GiveUp(_) => None,
//!     },
//!     Lease::Unavailable(_) => None,
//! };
//! let value = fetch().await;
//! if let Some(token) = token {
//!     // What comes of it only matters to others.
//!     let _fill = token.fill(value.clone(), Duration::from_secs(60), &[42]).await;
//! }
//! Ok(value)
//! # }
//! ```
//!
//! # How invalidation works
//!
//! Redis keeps one clock for the namespace. A lease notes its moment (a [`Stamp`]), a value carries the stamp of its lease,
//! and an invalidation gives a tag a later one. A value counts only while the stamps of all its tags, and that of the whole
//! namespace, are known and no later than its own. So three things need no special care:
//!
//! - *A fill that was overtaken.* Fetched before an invalidation and stored after it, a value would be old for its whole
//!   life. Its stamp is too early, and the fill is refused.
//! - *A tag that Redis evicted.* A stamp that is gone may have been an invalidation, so values under that tag are misses.
//! - *A new epoch.* It is the stamp of the whole namespace, and ends everything at once.
//!
//! | what happens | what becomes of it |
//! |---|---|
//! | Redis is slow | each call ends at its deadline; the connection is given up, since answers come in order |
//! | Redis is away | after five failures in a row nothing is asked for a second, then one call tries |
//! | Redis is full | fills are refused, lookups go on, and invalidations get through (they delete before they write) |
//! | Redis restarts | what it held is invalid, unless the settings trust it ([`Restarts`]) |
//! | somebody writes under our names | a checksum over key and value tells, and it is a miss |
//! | an invalidation does not get through | it is queued, this node keeps to it at once, and it is delivered later |
//! | a subscriber was away | it hears [`Notice::Missed`] |
//!
//! # What it does not do
//!
//! - It is no lock. A lease keeps fillers from doing the same work twice; when one takes longer than its lease, two do it.
//! - A node that another one's queued invalidation has not reached may find an old value, until it is delivered.
//! - A Redis that evicts by chance (`allkeys-random`, `volatile-random`) may drop a stamp between a lease and its fill,
//!   and with it an invalidation of that very moment. Use `noeviction` or one of the policies by use or age.
//! - It does not spread over a Redis Cluster: all names of a namespace belong to one slot.
//! - It does not keep out whoever may write to Redis. The checksum finds accidents, not intent.
//! - A read that was under way when its value was invalidated may still bring the old one. Whoever keeps values in memory
//!   should not store one that was asked for before the last invalidation it heard of.

mod call;
mod counters;
mod deliver;
mod frame;
mod invalidation;
mod lease;
mod level;
mod line;
mod lookup;
mod names;
mod pending;
mod reason;
mod reply;
mod script;
mod settings;
mod shared;
mod stamp;
mod subscribe;

pub use self::{
    counters::Counts,
    deliver::Delivery,
    frame::MOST_TAGS,
    invalidation::Invalidation,
    lease::{Fill, Lease, Token},
    level::{Handle, Level},
    lookup::{Absence, Found, GiveUp, Lookup, Waited},
    names::Key,
    reason::Reason,
    settings::{Restarts, Settings, SettingsError},
    stamp::Stamp,
    subscribe::{Notice, Subscription},
};
