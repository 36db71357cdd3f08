//! What a value wears in Redis: enough to tell it from anything that is not one of ours.
//!
//! Redis is shared: others write there, values are cut off, a key is copied under another name, a newer version of this
//! program writes another form. Whatever comes back passes only with a checksum over all of it and over its key, so
//! garbage is a miss and never an answer. Keys and values are no secret to Redis, and the checksum is none either: it
//! stops accidents, not somebody who may write to Redis.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `BnL2` |
//! | 4 | 1 | version, `1` |
//! | 5 | 3 | number of tags |
//! | 8 | 16 | stamp of the lease it was filled under |
//! | 24 | 16 | when it expires, milliseconds of Redis's clock |
//! | 40 | 10 | length of the value |
//! | 50 | 16 each | tags, hexadecimal |
//! | then | as said | the value |
//! | last | 8 | XXH64 of the key and all of the above, little-endian |
//!
//! Numbers are digits because the scripts read them too: those that get and fill look at tags and stamp.

use bytes::Bytes;
use xxhash_rust::xxh64::Xxh64;

use crate::{
    names::Key,
    stamp::{Stamp, number},
};

/// Magic and version.
const MARK: &[u8; 5] = b"BnL21";
const HEAD: usize = 50;
const TAG: usize = 16;
const CHECKSUM: usize = 8;
/// The most tags a value may have. Each is a lookup when the value is read.
pub const MOST_TAGS: usize = 256;

/// A value and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) value: Bytes,
    pub(crate) tags: Vec<u64>,
    pub(crate) stamp: Stamp,
    pub(crate) expires_ms: u64,
}

/// The most bytes a frame may have for values of so many bytes.
pub(crate) const fn most_bytes(max_value: usize) -> usize {
    max_value.saturating_add(HEAD + TAG * MOST_TAGS + CHECKSUM)
}

impl Frame {
    /// As bytes, for this key. `None` when there are too many tags or a number is too large for its place.
    pub(crate) fn encode(&self, key: &Key) -> Option<Vec<u8>> {
        use std::io::Write as _;
        let Self { value, tags, stamp, expires_ms } = self;
        if tags.len() > MOST_TAGS {
            return None;
        }
        let mut bytes = Vec::with_capacity(HEAD + TAG * tags.len() + value.len() + CHECKSUM);
        bytes.extend_from_slice(MARK);
        write!(bytes, "{:03}{stamp}{expires_ms:016}{:010}", tags.len(), value.len()).ok()?;
        // A number that is too long for its place would shift everything after it.
        if bytes.len() != HEAD {
            return None;
        }
        for tag in tags {
            write!(bytes, "{tag:016x}").ok()?;
        }
        bytes.extend_from_slice(value);
        let checksum = checksum(key, &bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        Some(bytes)
    }

    /// From bytes found under this key; `None` when they are anything else than what was stored there, or the value is
    /// longer than `max_value`.
    pub(crate) fn decode(key: &Key, bytes: Vec<u8>, max_value: usize) -> Option<Self> {
        let (content, sum) = bytes.split_last_chunk::<CHECKSUM>()?;
        let (head, rest) = content.split_first_chunk::<HEAD>()?;
        let fields = head.strip_prefix(MARK)?;
        if checksum(key, content) != u64::from_le_bytes(*sum) {
            return None;
        }
        let count = usize::try_from(number(fields.get(..3)?)?).ok()?;
        let stamp = Stamp::parse(fields.get(3..19)?)?;
        let expires_ms = number(fields.get(19..35)?)?;
        let length = usize::try_from(number(fields.get(35..45)?)?).ok()?;
        let (tags, value) = rest.split_at_checked(TAG.checked_mul(count)?)?;
        if count > MOST_TAGS || value.len() != length || length > max_value {
            return None;
        }
        let tags = tags.chunks_exact(TAG).map(tag).collect::<Option<Vec<_>>>()?;
        let at = HEAD + TAG * count;
        let value = Bytes::from(bytes).slice(at..at + length);
        Some(Self { value, tags, stamp, expires_ms })
    }
}

fn tag(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

fn checksum(key: &Key, content: &[u8]) -> u64 {
    let mut hash = Xxh64::new(0);
    hash.update(key);
    hash.update(content);
    hash.digest()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const MOST: usize = 1_000;

    fn frames() -> impl Strategy<Value = Frame> {
        let tags = vec(any::<u64>(), 0..5);
        (vec(any::<u8>(), 0..MOST), tags, 0..9_000_000_000_000_000_u64, 0..9_000_000_000_000_u64).prop_map(
            |(value, tags, stamp, expires_ms)| Frame {
                value: value.into(),
                tags,
                stamp: Stamp::of(stamp),
                expires_ms,
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_stored_comes_back(frame in frames(), key: Key) {
            let bytes = frame.encode(&key).unwrap();
            prop_assert!(bytes.len() <= most_bytes(MOST));
            prop_assert_eq!(Frame::decode(&key, bytes, MOST), Some(frame));
        }

        #[test]
        fn no_changed_byte_passes(frame in frames(), key: Key, at: prop::sample::Index, by in 1..=255_u8) {
            let mut bytes = frame.encode(&key).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            prop_assert_eq!(Frame::decode(&key, bytes, MOST), None);
        }

        #[test]
        fn several_changed_bytes_do_not_pass(
            frame in frames(),
            key: Key,
            changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        ) {
            let stored = frame.encode(&key).unwrap();
            let mut bytes = stored.clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let expected = (bytes == stored).then_some(frame);
            prop_assert_eq!(Frame::decode(&key, bytes, MOST), expected);
        }

        #[test]
        fn nothing_cut_off_or_added_passes(frame in frames(), key: Key, keep: prop::sample::Index, more in vec(any::<u8>(), 1..40)) {
            let bytes = frame.encode(&key).unwrap();
            let cut = bytes[..keep.index(bytes.len())].to_vec();
            prop_assert_eq!(Frame::decode(&key, cut, MOST), None);
            prop_assert_eq!(Frame::decode(&key, [bytes, more].concat(), MOST * 2), None);
        }

        #[test]
        fn a_value_passes_under_its_own_key_only(frame in frames(), key: Key, other: Key) {
            prop_assume!(key != other);
            prop_assert_eq!(Frame::decode(&other, frame.encode(&key).unwrap(), MOST), None);
        }

        #[test]
        fn garbage_is_refused_and_nothing_panics(bytes in vec(any::<u8>(), 0..200), key: Key) {
            prop_assert_eq!(Frame::decode(&key, bytes.clone(), MOST), None);
            let marked = [MARK.as_slice(), &bytes].concat();
            prop_assert_eq!(Frame::decode(&key, marked, MOST), None);
        }

        #[test]
        fn numbers_that_lie_under_a_right_checksum_do_not_panic(
            key: Key,
            digits in "[0-9]{45}",
            rest in vec(any::<u8>(), 0..60),
        ) {
            let mut bytes = [MARK.as_slice(), digits.as_bytes(), &rest].concat();
            bytes.extend(checksum(&key, &bytes).to_le_bytes());
            if let Some(frame) = Frame::decode(&key, bytes.clone(), MOST) {
                prop_assert_eq!(frame.encode(&key), Some(bytes));
            }
        }
    }

    fn empty() -> Frame {
        Frame { value: Bytes::new(), tags: Vec::new(), stamp: Stamp::of(1), expires_ms: 2 }
    }

    #[test]
    fn a_longer_value_than_is_wanted_is_refused() {
        let frame = Frame { value: Bytes::from(vec![7; 11]), ..empty() };
        let bytes = frame.encode(&[1; 16]).unwrap();
        assert!(Frame::decode(&[1; 16], bytes.clone(), 11).is_some());
        assert_eq!(Frame::decode(&[1; 16], bytes, 10), None);
    }

    #[test]
    fn what_does_not_fit_the_form_is_not_written() {
        assert!(Frame { tags: vec![1; MOST_TAGS], ..empty() }.encode(&[0; 16]).is_some());
        assert_eq!(Frame { tags: vec![1; MOST_TAGS + 1], ..empty() }.encode(&[0; 16]), None);
        assert_eq!(Frame { expires_ms: u64::MAX, ..empty() }.encode(&[0; 16]), None);
    }
}
