//! Who gets what: percentages, sticky buckets and the subject they are computed for.
//!
//! Pure: no clock, no network, no randomness. Every node of a fleet, and every restart, answers alike.
mod bucket;
mod percent;

pub use bucket::{BUCKETS, Bucket};
pub use percent::{Percent, PercentError};
