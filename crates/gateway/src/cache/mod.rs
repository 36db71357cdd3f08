//! Answers that are kept, so that not every request has to be asked again.
//!
//! The rules of what may be kept and when it may be given are [`banyan_httpcache`]'s; this is where they meet requests,
//! memory and upstreams. A request passes here in two places, and [`crate::pipeline`] says where:
//!
//! 1. [`look`](look::look): is what is kept good for it? A hit leaves at once, with a head that lies ready.
//! 2. [`fetch`](fetch::fetch): otherwise, wait together with others for one fetch of it ([`flight`]), which
//!    [`lead`](lead::lead) carries out in a task of its own: from the level that nodes share ([`second`]), or from the
//!    upstream.
//!
//! What a write makes untrue ([`invalidate`]) is not looked for: entries carry tags, and a tag notes when it was invalidated
//! ([`purges`]).

mod ask;
mod codec;
pub(crate) mod entry;
pub(crate) mod exact;
pub(crate) mod fetch;
pub(crate) mod flight;
mod flights;
mod head;
pub(crate) mod hit;
pub(crate) mod hot;
pub(crate) mod invalidate;
mod judge;
mod keep;
pub(crate) mod key;
mod lead;
pub(crate) mod level;
pub(crate) mod look;
pub(crate) mod outcome;
pub(crate) mod purges;
mod report;
pub(crate) mod rules;
mod second;
pub(crate) mod shared;
mod store;
pub(crate) mod warm;

pub use hot::{CacheUrl, HotUrl};
pub use report::{CacheReport, CachedAnswer, Purge, SecondReport};
pub use warm::{WarmProgress, WarmRefused};
