//! Coalescing: identical calls at the same time share one fetch.
//!
//! A thousand callers that miss the same value at once need it once. Letting the first of them fetch it for the others is
//! easy to do wrong: its deadline, its cancellation and its panic become everybody's (the known faults of Go's
//! `singleflight`). So the fetch is a *flight* of its own, which belongs to no caller:
//!
//! - It runs on a task of its own and has the policy's deadline: an almost expired first caller does not fail the others.
//! - It is cut off when nobody waits for it any more, and not before. A caller that goes away, the first one too, takes
//!   nothing from the others.
//! - Each caller keeps its own deadline. A follower waits for 5 s at most, and then goes alone; what it gets is not kept.
//! - A panic is that of the caller who led the flight, and goes on in it. Of the others one leads the next flight.
//! - What turns out to be for its caller alone (see `cache_as`) is not handed to others: they go alone, and for 2 minutes
//!   nobody with this key waits for anybody (hit-for-miss). How many keys are remembered is bounded.
//! - An error is everybody's, as everybody would have met it: so errors have to be `Clone`. One that is not goes into an
//!   `Arc`.
//!
//! Not for calls that do something: two payments are two. And the key has to say all that an answer depends on, who asks
//! included.
//!
//! ```
//! use std::time::Duration;
//!
//! use banyan_resilience::{Caller, Policy, Source};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users = Policy::<_, &str>::builder("users").deadline(Duration::from_secs(2)).coalesce(true).build()?;
//! let caller = Caller::new();
//! let ask = || async {
//!     tokio::time::sleep(Duration::from_millis(10)).await;
//!     Ok("Ann")
//! };
//! let (one, other) = tokio::join!(
//!     caller.call_keyed(&users, "user:42", ask),
//!     caller.call_keyed(&users, "user:42", ask),
//! );
//! let (one, other) = (one?, other?);
//! assert_eq!((one.source, one.attempts), (Source::Fresh, 1));
//! assert_eq!((other.source, other.attempts), (Source::Coalesced, 0));
//! # Ok(())
//! # }
//! ```

mod apart;
mod table;

use std::time::Duration;

pub(crate) use self::table::{Joined, Seat, Table};

/// How long a follower waits before it goes alone, unless told otherwise.
pub(crate) const WAIT: Duration = Duration::from_secs(5);
/// How long calls are not joined after one turned out to be for its caller alone.
pub(crate) const APART: Duration = Duration::from_secs(120);

/// Why a call did not wait for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alone {
    /// It had waited for long enough.
    Waited,
    /// What it had waited for was for another caller alone.
    Private,
    /// Answers to its key were lately for their callers alone.
    Apart,
}

impl Alone {
    /// One word for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waited => "waited",
            Self::Private => "private",
            Self::Apart => "apart",
        }
    }
}
