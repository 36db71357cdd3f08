//! A circuit breaker: stops asking a dependency that does not answer, and finds out gently when it does again.
//!
//! A dependency that fails slowly takes its callers with it: each call waits for its timeout, holds a connection, a place
//! in a queue and somebody's patience, and comes to nothing. And a dependency that went down under load stays down as
//! long as the load stays on. A breaker counts how calls end. When too many fail, or take too long, it *opens*: calls are
//! refused at once, so that the caller can fall back while there is time, and the dependency is left in peace. After a
//! while it is *half-open*: a few calls may pass as probes. When they succeed, it *closes* again.
//!
//! What breakers get wrong, and what is done about it here:
//!
//! - *The herd at the half-open door.* Probes take places, and there are as many places as the settings say, however many
//!   threads arrive at once. A place comes back however the probe ends: answered, ignored, dropped or hanging.
//! - *Late results.* A call that began before the breaker opened may end long after. A permit carries the epoch it was
//!   issued in, and a result of an earlier epoch changes nothing: it neither closes a breaker nor opens it again.
//! - *Windows that jump.* A window that is emptied every ten seconds forgets half of an outage. This one slides in steps of
//!   a tenth.
//! - *Refusals counted as results.* [`Ignored`](crate::Verdict::Ignored) and [`Cancelled`](crate::Verdict::Cancelled) say
//!   nothing about the dependency and are counted as nothing.
//! - *The lock that everybody takes.* Passing a closed breaker reads one word that hardly ever changes; a success counts in
//!   a cell that, as a rule, only the own core touches. Only trouble takes a lock.
//!
//! # When not to use it
//!
//! - For one of several hosts behind a name: eject that host, and leave the breaker to the service as a whole.
//! - For what has no substitute and costs nothing to ask. A breaker turns many failures into certain ones; without a
//!   fallback, a cache or somebody else to ask, that only helps the dependency.
//! - Against overload alone. A breaker knows all or nothing; a concurrency limit finds what the dependency can bear.
//! - For a few calls a day. No window fills; count failures in a row ([`Settings::with_consecutive`]).
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use banyan_resilience::{
//!     Cause, Dice, Verdict,
//!     breaker::{Breaker, Settings, State},
//! };
//! use tokio::time::Instant;
//!
//! let (breaker, dice) = (Breaker::new(Settings::default()), Dice::seeded(1));
//! let now = Instant::now();
//! let mut changes = Vec::new();
//! for call in 0..20 {
//!     let permit = breaker.acquire(now, &dice)?;
//!     let verdict = if call % 2 == 0 { Verdict::Success } else { Verdict::retryable(Cause::Timeout) };
//!     changes.extend(permit.record(&verdict, Duration::from_millis(30), now, &dice));
//! }
//! assert_eq!(changes[0].why.to_string(), "10 of 20 failed in 10 s (10 timeouts)");
//!
//! let refusal = breaker.acquire(now, &dice).expect_err("it is open");
//! assert!(refusal.retry_after <= Duration::from_secs(5));
//!
//! // When the time is over, a few may try.
//! let later = now + refusal.retry_after;
//! for _ in 0..2 {
//!     let probe = breaker.acquire(later, &dice)?;
//!     changes.extend(probe.record(&Verdict::Success, Duration::from_millis(30), later, &dice));
//! }
//! assert_eq!(breaker.status(later).state, State::Closed);
//! assert_eq!(changes[1].why.to_string(), "2 probes succeeded");
//! # Ok::<(), banyan_resilience::breaker::Refusal>(())
//! ```

mod change;
mod driver;
mod gate;
mod machine;
mod permit;
mod ring;
mod settings;
mod status;
mod successes;
mod trouble;

pub use self::{
    change::{Causes, Change, Forced, State, Why},
    driver::Breaker,
    permit::{Permit, Refusal, Ticket},
    settings::{Mode, Settings, SettingsError, Share, Slow},
    status::Status,
};
