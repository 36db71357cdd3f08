//! Cache: answers of before, for as long as they are good enough.
//!
//! The call that is not made is the one that cannot fail. What makes a cache dangerous is its edges: everybody fetches when
//! a popular value expires, an outage empties it, an error is kept as if it were an answer. So freshness is decided here by
//! a few rules that know these edges, and where values are kept is another matter.
//!
//! - [`early`]: a popular value is fetched anew before it expires, by one caller that chance picks.
//! - [`hottest`]: which keys are asked for most, in bounded memory; what is worth fetching before anybody asks.

pub mod early;
pub mod hottest;
