//! May this request be served at all: loops, deadlines that have passed.

use http::HeaderMap;
use tokio::time::Instant;

use crate::{exchange::Exchange, forward, outcome::Ending, wire::body::Broken};

/// Counts the hop and takes in the caller's deadline. Gives the number of this hop.
pub(crate) fn admit(
    exchange: &mut Exchange,
    headers: &HeaderMap,
    max_hops: u32,
    now: Instant,
) -> Result<u32, Broken> {
    let hop = forward::hops_so_far(headers, exchange.seen).saturating_add(1);
    if hop > max_hops {
        return Err(Ending::Loop.into());
    }
    exchange.caller_deadline = forward::caller_deadline(headers, exchange.seen, now);
    if exchange.caller_deadline.is_some_and(|deadline| deadline <= now) {
        return Err(Ending::Expired.into());
    }
    Ok(hop)
}
