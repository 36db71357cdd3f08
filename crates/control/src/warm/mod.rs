//! Filling the cache before anybody waits for it: at the start, and again and again.
//!
//! What is asked for most is learned by the data plane and kept in the store, so that a restart, which empties the cache,
//! does not send everything at once to upstreams that have not seen such a load for hours. Once a minute and at the end the
//! list is written; at the start it is read and asked for, and `/readyz` waits for that, but not for long. Nothing here is
//! needed to answer anybody: a store that fails, or a list that is empty, costs warmth and a log line.
mod gate;
mod list;
mod warmer;

pub(crate) use self::{gate::Gate, warmer::Warmer};
