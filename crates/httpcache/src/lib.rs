//! The rules of a shared HTTP cache (RFC 9111) as pure functions: heads and times in, decisions out.
//!
//! Why a crate of its own: caching goes wrong quietly. Somebody gets what was meant for somebody else, or something that is
//! long untrue, and no error is logged anywhere. The rules that prevent it are many and small, and each deserves a test that
//! names its section. Between sockets and locks they would have none.
//!
//! Pure: it knows no socket, no clock, no store and no config. A caller looks things up and moves bytes; at each step it
//! asks here:
//!
//! 1. [`KeyBuilder`]: what the answer would be found by. [`Asked`]: what the client wants of a cache.
//! 2. [`Names::matches`]: whether a kept answer is for this request. [`reuse`]: whether it may be used; [`miss`] when there
//!    is none.
//! 3. [`Conditions::evaluate`] and [`range::select`]: whether all of it has to be sent.
//! 4. [`Conditions::take`] and [`Validators::put_on`]: how the origin is asked. [`may_serve_on_error`]: what if it fails.
//! 5. [`storable`] and [`strip_for_store`]: whether and how the answer is kept; [`freshen`] when it was a 304.
//! 6. [`invalidated`], [`tags`]: what a write makes untrue.
//! 7. [`CacheStatus`]: what to tell a person about it.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use banyan_httpcache::{Answered, Asked, AskedWith, Exchange, Reuse, Rules, reuse, storable};
//! use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
//!
//! let request = HeaderMap::new();
//! let asked = Asked::of(&request);
//! let mut answer = HeaderMap::new();
//! answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60, stale-while-revalidate=10"));
//!
//! let now = SystemTime::now();
//! let kept = storable(
//!     AskedWith { method: &Method::GET, headers: &request, asked: &asked },
//!     Answered {
//!         status: StatusCode::OK,
//!         headers: &answer,
//!         exchange: Exchange { asked_at: now, answered_at: now },
//!     },
//!     &Rules::default(),
//! )?;
//!
//! let after = |seconds| kept.lifetimes.age(Duration::from_secs(seconds));
//! assert_eq!(reuse(&kept.lifetimes, after(59), &asked), Reuse::Fresh);
//! assert_eq!(reuse(&kept.lifetimes, after(60), &asked), Reuse::WhileRevalidating);
//! assert_eq!(reuse(&kept.lifetimes, after(70), &asked), Reuse::Revalidate);
//! # Ok::<(), banyan_httpcache::NotStored>(())
//! ```
//!
//! Where RFC 9111 leaves a choice the stricter one is taken, since a gateway stands before systems that nobody wrote with a
//! cache in mind.

mod conditional;
mod date;
mod directives;
mod fields;
mod freshness;
mod invalidate;
mod key;
mod lifetimes;
mod list;
mod not_stored;
pub mod range;
mod reference;
mod reuse;
mod rules;
mod status;
mod storable;
mod structured;
pub mod tags;
mod vary;

pub use conditional::{
    Condition, Conditions, HeadEffect, Validators, freshen, head_effect, is_for, is_for_origin_only,
    not_modified_head,
};
pub use directives::{Asked, LONGEST, MaxStale, Said, Scope};
pub use freshness::{Basis, Exchange, LONGEST_HEURISTIC, current_age, initial_age};
pub use invalidate::{Target, invalidated, is_unsafe};
pub use key::{Key, KeyBuilder, QueryPart, Secret, normal_encoding};
pub use lifetimes::Lifetimes;
pub use not_stored::NotStored;
pub use reuse::{Miss, Reuse, may_serve_on_error, miss, reuse};
pub use rules::Rules;
pub use status::{CacheStatus, Forwarded};
pub use storable::{Answered, AskedWith, Storable, storable, strip_for_store};
pub use vary::{Names, Unusable, Variant};
