//! May this request be served at all: paths that two parsers could read differently, loops, deadlines that have passed.

use http::Uri;
use tokio::time::Instant;

use crate::{
    exchange::Exchange,
    forward,
    outcome::Ending,
    wire::{body::Broken, head::Head},
};

/// Refuses a path that the next parser may read as another one: an escape that is none, a NUL, and a backslash, which some
/// take for a slash (RFC 3986 sections 2.1 and 3.3 allow neither the first nor the last).
pub(crate) fn check_path(target: &Uri) -> Result<(), Broken> {
    let path = target.path().as_bytes();
    if memchr::memchr2(b'%', b'\\', path).is_none() {
        return Ok(());
    }
    let refused = |detail| Err(Broken { ending: Ending::BadRequest, detail: Some(detail) });
    if path.contains(&b'\\') {
        return refused("the path holds a backslash");
    }
    for at in memchr::memchr_iter(b'%', path) {
        match path.get(at + 1..at + 3) {
            Some(b"00") => return refused("the path holds a NUL"),
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => {}
            _ => {
                return refused(
                    "a percent sign in the path stands before something else than two hexadecimal digits",
                );
            }
        }
    }
    Ok(())
}

/// Counts the hop and takes in the caller's deadline. Gives the number of this hop.
pub(crate) fn admit(
    exchange: &mut Exchange,
    head: &Head,
    max_hops: u32,
    now: Instant,
) -> Result<u32, Broken> {
    let hop = forward::hops_so_far(head, exchange.seen).saturating_add(1);
    if hop > max_hops {
        return Err(Ending::Loop.into());
    }
    exchange.caller_deadline = forward::caller_deadline(head, exchange.seen, now);
    if exchange.caller_deadline.is_some_and(|deadline| deadline <= now) {
        return Err(Ending::Expired.into());
    }
    Ok(hop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_the_same_to_everybody_or_is_refused() {
        for path in ["/", "/a%20b", "/%e2%82%AC", "/a.b/../c", "*"] {
            assert!(check_path(&path.parse().unwrap()).is_ok(), "{path}");
        }
        for path in ["/%", "/%zz", "/%0", "/a%00b", "/a%2", "/%%20", "/a\\b"] {
            assert!(path.parse::<Uri>().is_ok_and(|target| check_path(&target).is_err()), "{path}");
        }
    }
}
