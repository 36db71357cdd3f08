//! The sticky bucket of a subject.

use xxhash_rust::xxh64::Xxh64;

/// How many buckets there are: one per 0.01 %.
pub const BUCKETS: u16 = 10_000;

/// A subject's fixed place among [`BUCKETS`] slots.
///
/// `bucket = (xxh64(salt 0x1F subject, seed 0) * 10000) >> 64`. XXH64 because every language has it, so that an
/// application can compute the side by itself; the multiply-shift maps the hash without modulo bias. The salt
/// belongs to one unit for ever: a ramp, a rollback or a restart never moves a subject. `docs/buckets.md`
/// publishes test vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

impl Bucket {
    /// The bucket of `subject` under `salt`.
    #[must_use]
    pub fn of(salt: &str, subject: &str) -> Self {
        let mut hash = Xxh64::new(0);
        hash.update(salt.as_bytes());
        hash.update(&[0x1F]);
        hash.update(subject.as_bytes());
        let slot = (u128::from(hash.digest()) * u128::from(BUCKETS)) >> 64;
        Self(u16::try_from(slot).unwrap_or(BUCKETS - 1))
    }

    /// Its number, 0 to 9,999.
    #[must_use]
    pub const fn index(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Percent;

    /// The vectors of docs/buckets.md. They may never change: changing one moves live users.
    const VECTORS: &[(&str, &str, u16)] = &[
        ("", "", 2988),
        ("articles", "user-42", 7764),
        ("articles", "", 7506),
        ("articles", "user-1", 5241),
        ("articles", "user-2", 9280),
        ("comments", "user-42", 9760),
        ("articles", "søren", 340),
        ("a", "b\u{1f}c", 304),
        ("a\u{1f}b", "c", 304),
    ];

    #[test]
    fn published_vectors_hold() {
        for &(salt, subject, index) in VECTORS {
            assert_eq!(Bucket::of(salt, subject).index(), index, "{salt} {subject}");
        }
    }

    #[test]
    fn shares_are_even() {
        let inside =
            (0..100_000).filter(|n| Bucket::of("articles", &format!("user-{n}")).index() < 500).count();
        // 5 % of 100,000: five standard deviations are 345.
        assert!((4_655..=5_345).contains(&inside), "{inside}");
    }

    proptest! {
        #[test]
        fn growing_a_share_never_puts_a_subject_out(subject in ".*", a in 0u16..=10_000, b in 0u16..=10_000) {
            let (small, large) = (Percent::from_basis_points(a.min(b)).unwrap(), Percent::from_basis_points(a.max(b)).unwrap());
            let bucket = Bucket::of("articles", &subject);
            prop_assert!(!small.contains(bucket) || large.contains(bucket));
            prop_assert!(Percent::FULL.contains(bucket) && !Percent::ZERO.contains(bucket));
        }
    }
}
