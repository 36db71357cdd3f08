//! Bodies too large to keep, made and checked piece by piece.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Bytes per piece.
const PIECE: usize = 64 * 1024;

/// A body of any length whose pieces all differ, so that one lost, repeated or moved shows in its digest.
#[derive(Clone, Debug)]
pub struct Pattern {
    left: u64,
    turn: u64,
    piece: Vec<u8>,
}

impl Pattern {
    /// The body of `length` bytes that belongs to `seed`.
    #[must_use]
    pub fn new(length: u64, seed: u64) -> Self {
        let mut state = seed | 1;
        let next = |_| {
            // Marsaglia's xorshift64: any spread of bytes will do.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()
        };
        Self { left: length, turn: 0, piece: (0..PIECE / 8).flat_map(next).collect() }
    }

    /// The next piece; `None` at the end.
    pub fn next_piece(&mut self) -> Option<&[u8]> {
        if self.left == 0 {
            return None;
        }
        self.piece[..8].copy_from_slice(&self.turn.to_be_bytes());
        self.turn += 1;
        let length = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE));
        self.left -= length as u64;
        Some(&self.piece[..length])
    }

    /// SHA-256 of what is left of the body, hex.
    #[must_use]
    pub fn sha256(mut self) -> String {
        let mut hash = Sha256::new();
        while let Some(piece) = self.next_piece() {
            hash.update(piece);
        }
        hex(&hash.finalize())
    }
}

/// SHA-256 of some bytes, hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(mut pattern: Pattern) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(piece) = pattern.next_piece() {
            bytes.extend_from_slice(piece);
        }
        bytes
    }

    #[test]
    fn has_the_length_and_the_digest_it_says() {
        for length in [0, 1, 7, 65_536, 200_001] {
            let bytes = whole(Pattern::new(length, 7));
            assert_eq!(bytes.len() as u64, length);
            assert_eq!(Pattern::new(length, 7).sha256(), sha256_hex(&bytes));
        }
        assert_ne!(Pattern::new(100, 1).sha256(), Pattern::new(100, 2).sha256());
    }

    #[test]
    fn pieces_differ() {
        let bytes = whole(Pattern::new(2 * PIECE as u64, 3));
        assert_ne!(bytes[..PIECE], bytes[PIECE..]);
    }

    #[test]
    fn digests_are_the_published_ones() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
