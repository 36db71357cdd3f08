//! What is no longer true, and how nodes tell one another.

use xxhash_rust::xxh64::xxh64;

use crate::names::Key;

/// Magic and version of the message.
const MARK: &[u8; 5] = b"BnI22";
const CHECKSUM: usize = 8;
const KEY: usize = size_of::<Key>();

/// What is no longer true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invalidation {
    /// Values that carry one of these tags.
    pub tags: Vec<u64>,
    /// The values under these keys.
    pub keys: Vec<Key>,
    /// Everything there is in the namespace.
    pub all: bool,
}

impl Invalidation {
    /// Mark, who says it, whether it is everything, the number of tags, tags, keys, checksum; numbers little-endian.
    pub(crate) fn encode(&self, origin: u64) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        bytes.extend(origin.to_le_bytes());
        bytes.push(u8::from(self.all));
        let count = u32::try_from(self.tags.len()).unwrap_or(u32::MAX);
        bytes.extend(count.to_le_bytes());
        bytes.extend(self.tags.iter().flat_map(|tag| tag.to_le_bytes()));
        bytes.extend(self.keys.iter().flatten());
        bytes.extend(xxh64(&bytes, 0).to_le_bytes());
        bytes
    }

    /// What is said, and who says it. `None` for anything that was not encoded here.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(u64, Self)> {
        let (content, sum) = bytes.split_last_chunk::<CHECKSUM>()?;
        if xxh64(content, 0) != u64::from_le_bytes(*sum) {
            return None;
        }
        let (origin, rest) = content.strip_prefix(MARK)?.split_first_chunk::<8>()?;
        let (&all, rest) = rest.split_first()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(8)?;
        let (tags, keys) = rest.split_at_checked(length)?;
        let (tags, _) = tags.as_chunks::<8>();
        let (keys, []) = keys.as_chunks::<KEY>() else { return None };
        let tags = tags.iter().map(|tag| u64::from_le_bytes(*tag)).collect();
        let said = Self { tags, keys: keys.to_vec(), all: all != 0 };
        Some((u64::from_le_bytes(*origin), said))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn what_was_said_is_heard(origin: u64, tags: Vec<u64>, keys: Vec<Key>, all: bool) {
            let said = Invalidation { tags, keys, all };
            prop_assert_eq!(Invalidation::decode(&said.encode(origin)), Some((origin, said)));
        }

        #[test]
        fn no_changed_byte_passes(tags: Vec<u64>, at: prop::sample::Index, by in 1..=255_u8) {
            let mut bytes = Invalidation { tags, ..Invalidation::default() }.encode(7);
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            prop_assert_eq!(Invalidation::decode(&bytes), None);
        }

        #[test]
        fn garbage_under_a_right_checksum_does_not_panic(rest in vec(any::<u8>(), 0..64)) {
            let mut bytes = [MARK.as_slice(), &rest].concat();
            bytes.extend(xxh64(&bytes, 0).to_le_bytes());
            if let Some((_, heard)) = Invalidation::decode(&bytes) {
                prop_assert!(heard.tags.len() * 8 + heard.keys.len() * KEY <= rest.len());
            }
        }
    }
}
