//! What most tests do on the way to what they test.

use std::time::Duration;

use banyan_l2::{Absence, Fill, Found, Handle, Key, Lease, Lookup, Token};
use banyan_testkit::eventually;
use bytes::Bytes;

pub(crate) const KEY: Key = [0xab; 16];
pub(crate) const VALUE_NAME: &str = "{test}:v:abababababababababababababababab";
pub(crate) const LEASE_NAME: &str = "{test}:l:abababababababababababababababab";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) async fn won(handle: &Handle, key: &Key) -> Token {
    match handle.lease(key).await {
        Lease::Won(token) => token,
        other => panic!("{other:?}"),
    }
}

/// Asks until the lease is free.
pub(crate) async fn won_in_the_end(handle: &Handle, key: &Key) -> Token {
    let ask = async || match handle.lease(key).await {
        Lease::Won(token) => Ok(token),
        other => anyhow::bail!("{other:?}"),
    };
    eventually(ask).await.unwrap()
}

pub(crate) async fn fill(handle: &Handle, key: &Key, value: &'static str, tags: &[u64]) -> Fill {
    won(handle, key).await.fill(Bytes::from(value), MINUTE, tags).await
}

pub(crate) fn found(lookup: Lookup) -> Found {
    match lookup {
        Lookup::Found(found) => found,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn value(handle: &Handle, key: &Key) -> Bytes {
    found(handle.get(key).await).value
}

pub(crate) fn is_missing(lookup: &Lookup) -> bool {
    *lookup == Lookup::Absent(Absence::Missing)
}

pub(crate) fn is_invalidated(lookup: &Lookup) -> bool {
    *lookup == Lookup::Absent(Absence::Invalidated)
}

pub(crate) fn is_garbage(lookup: &Lookup) -> bool {
    *lookup == Lookup::Absent(Absence::Garbage)
}
