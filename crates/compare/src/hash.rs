//! One hash for everything that is recognised again.

use std::hash::{DefaultHasher, Hash, Hasher as _};

/// 64 bits that are the same on every node. Two things that collide are taken for one: of a million, that happens to
/// one pair in thirty million times.
pub(crate) fn hash(value: impl Hash) -> u64 {
    // `DefaultHasher::new` has fixed keys, unlike the hasher of a `HashMap`.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
