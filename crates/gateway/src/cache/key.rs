//! What answers lie under, and the tags by which they are invalidated.

use std::hash::{Hash, Hasher};

use banyan_httpcache::{KeyBuilder, Secret, Variant, normal_encoding};
use http::HeaderValue;
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh64::xxh64;

use super::purges::Tag;

/// What an answer lies under in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(banyan_httpcache::Key);

impl Key {
    /// The key of a request, made of its parts.
    pub(crate) fn of(parts: &KeyBuilder, secret: &Secret) -> Self {
        Self(parts.finish(secret))
    }

    /// The key of the answer that a request with these fields gets.
    pub(crate) fn of_variant(self, variant: &Variant, secret: &Secret) -> Self {
        Self(self.0.of_variant(variant, secret))
    }

    /// What a fetch for this request is joined by: two users may have the same kept answer, but who is asked for a password
    /// never gets what somebody else was let in to.
    pub(crate) fn of_fetch(self, authorization: Option<&HeaderValue>, secret: &Secret) -> Self {
        let Some(authorization) = authorization else { return self };
        let parts = KeyBuilder::new().extra("fetch", Some(self.0.as_bytes()));
        Self(parts.extra("authorization", Some(authorization.as_bytes())).finish(secret))
    }

    /// One of `count` shards.
    pub(crate) fn shard(self, count: usize) -> usize {
        // The store takes the low half.
        usize::from(self.0.as_bytes()[15]) % count
    }

    #[cfg(test)]
    pub(crate) fn numbered(number: u32) -> Self {
        Self::of(&KeyBuilder::new().side(number), &Secret::new([0; 16]))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.low());
    }
}

/// The secret that keys are made with, drawn from one that is kept elsewhere.
pub(crate) fn secret_from(secret: &[u8; 32]) -> Secret {
    let digest = Sha256::new().chain_update(secret).chain_update(b"keys of the cache").finalize();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    Secret::new(key)
}

/// The name under which all nodes find the same answer. It lies outside the process, where a secret would have to be
/// shared; SHA-256 needs none.
pub(crate) fn shared_name(parts: &KeyBuilder, variant: &Variant) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update((parts.as_bytes().len() as u64).to_le_bytes());
    hash.update(parts.as_bytes());
    hash.update(variant.as_bytes());
    let mut name = [0; 16];
    name.copy_from_slice(&hash.finalize()[..16]);
    name
}

/// The tag of a name, such as `user:42`.
pub(crate) fn tag_of_name(name: &str) -> Tag {
    Tag(xxh64(name.as_bytes(), 1))
}

/// The tag of the answers to a path of a host, with this query or without any. What is one address to a key is one here too,
/// or a write would leave what was kept under another way of writing it.
pub(crate) fn tag_of_url(host: &str, path: &str, query: Option<&str>) -> Tag {
    let host = xxh64(host.to_ascii_lowercase().as_bytes(), 2);
    let path = xxh64(&normal_encoding(path), host);
    Tag(query.map_or(path, |query| xxh64(&normal_encoding(query), path ^ 1)))
}

/// The tag of a group of answers of one origin (RFC 9875 section 2).
pub(crate) fn tag_of_group(host: &str, group: &str) -> Tag {
    Tag(xxh64(group.as_bytes(), xxh64(host.to_ascii_lowercase().as_bytes(), 3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_is_for_one_authorization() {
        let (key, secret) = (Key::numbered(1), Secret::new([1; 16]));
        let (a, b) = (HeaderValue::from_static("Basic a"), HeaderValue::from_static("Basic b"));
        let fetches = [None, Some(&a), Some(&b)].map(|authorization| key.of_fetch(authorization, &secret));
        assert!(fetches[0] != fetches[1] && fetches[1] != fetches[2] && fetches[0] != fetches[2]);
        assert_eq!(fetches[1], key.of_fetch(Some(&a), &secret));
    }

    #[test]
    fn tags_of_different_kinds_differ() {
        let tags = [
            tag_of_name("a"),
            tag_of_url("a", "a", None),
            tag_of_url("a", "a", Some("")),
            tag_of_url("a", "a", Some("a")),
            tag_of_group("a", "a"),
            tag_of_group("b", "a"),
        ];
        for (at, tag) in tags.iter().enumerate() {
            assert!(!tags[at + 1..].contains(tag), "{at}");
        }
        assert_eq!(tag_of_url("A", "/", None), tag_of_url("a", "/", None));
        assert_eq!(tag_of_url("a", "/%2f%61", Some("%3d")), tag_of_url("a", "/%2Fa", Some("%3D")));
        assert_ne!(tag_of_url("a", "/%2F", None), tag_of_url("a", "//", None));
    }
}
