//! Cache: answers of before, for as long as they are good enough.
//!
//! The call that is not made is the one that cannot fail. What makes a cache dangerous is its edges: everybody fetches when
//! a popular value expires, an outage empties it, an error is kept as if it were an answer, a write is followed by what was
//! read before it. So freshness is decided here by rules that know these edges.
//!
//! | a value that is | is handed out | and |
//! |---|---|---|
//! | fresh | at once | nothing |
//! | fresh, its end near, picked by chance ([`early`]) | at once | one new value is fetched meanwhile |
//! | stale, within `stale_while_revalidate` | at once | one new value is fetched meanwhile |
//! | stale, within `stale_if_error` | if no new value can be had | all wait for one fetch |
//! | expired, or none | not | all wait for one fetch |
//!
//! | there is | a complete value | a degraded one | a negative one | an error |
//! |---|---|---|---|---|
//! | nothing | is kept | is kept | is kept | is not |
//! | complete, fresh | replaces it | is not kept | replaces it | changes nothing |
//! | complete, stale | replaces it | replaces it | replaces it | changes nothing |
//! | degraded or negative | replaces it | replaces it | replaces it | changes nothing |
//!
//! Each [`Kind`] has a lifetime of its own, and [`Rules`] hold them. [`Policy::invalidate`](crate::Policy::invalidate) is
//! for whoever writes: it drops the value and whatever is being fetched for it.
//!
//! - [`early`]: a popular value is fetched anew before it expires, by one caller that chance picks.
//! - [`hottest`]: which keys are asked for most, in bounded memory; what is worth fetching before anybody asks.
//! - `Store` (feature `cache`): values in memory, bounded in bytes.
//!
//! Not for what must be true at this very moment (a balance, a permission), nor for what only its caller may see unless the
//! key says who that is.
#![cfg_attr(
    feature = "cache",
    doc = r#"
```
use std::time::Duration;

use banyan_resilience::{Caller, Policy, Source, cache::{self, Store}};

# #[tokio::main(flavor = "current_thread")]
# async fn main() -> Result<(), Box<dyn std::error::Error>> {
let settings = cache::Settings::new(64 << 20)?;
let store = Store::new(settings, |key: &banyan_resilience::Key, name: &String| (key.len() + name.len()) as u64);
let users = Policy::<String, &str>::builder("users")
    .deadline(Duration::from_secs(2))
    .cache(store)
    .cache_ttl(Duration::from_secs(300))
    .build()?;

let caller = Caller::new();
let answer = caller.call_keyed(&users, "user:42", || async { Ok("Ann".to_owned()) }).await?;
assert_eq!(answer.source, Source::Fresh);
let answer = caller.call_keyed(&users, "user:42", || async { Err("is not asked") }).await?;
assert_eq!((answer.source, answer.value.as_str(), answer.attempts), (Source::Cached, "Ann", 0));

// A write has made it false.
users.invalidate("user:42");
let answer = caller.call_keyed(&users, "user:42", || async { Ok("Anne".to_owned()) }).await?;
assert_eq!(answer.value, "Anne");
# Ok(())
# }
```
"#
)]

pub mod early;
mod entry;
pub mod hottest;
mod rules;
#[cfg(feature = "cache")]
mod store;

#[cfg(feature = "cache")]
pub use self::store::{Fill, Put, Settings, SettingsError, Store};
pub use self::{
    entry::{Entry, Freshness, Kind, Lookup},
    rules::{Rules, RulesError},
};
