//! Randomness, in one place and from a seed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The golden ratio's step of SplitMix64.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A seeded source of randomness that many tasks and threads may share: jitter, throttling and sampling draw from it, so
/// that a seed replays a failure.
///
/// The generator is SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). It is not
/// for secrets.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// Dice that fall the same way for the same seed, as long as they are thrown in the same order.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Dice nobody can foretell, seeded from the standard library's own random state.
    #[must_use]
    pub fn unpredictable() -> Self {
        use std::hash::{BuildHasher as _, RandomState};
        Self::seeded(RandomState::new().hash_one(STEP))
    }

    /// Any number.
    pub fn number(&self) -> u64 {
        let mut z = self.0.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A share: at least 0, less than 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what an f64 holds exactly")]
    pub fn share(&self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A duration up to and including `most`, each equally likely.
    pub fn up_to(&self, most: std::time::Duration) -> std::time::Duration {
        most.mul_f64(self.share()).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_falls_the_same_way() {
        let (a, b) = (Dice::seeded(7), Dice::seeded(7));
        assert!((0..100).all(|_| a.number() == b.number()));
        assert_ne!(Dice::seeded(8).number(), Dice::seeded(7).number());
    }

    #[test]
    fn published_values_of_splitmix64() {
        let dice = Dice::seeded(1_234_567);
        assert_eq!(dice.number(), 6_457_827_717_110_365_317);
        assert_eq!(dice.number(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn shares_fill_the_range_evenly() {
        let dice = Dice::seeded(1);
        let shares: Vec<f64> = (0..10_000).map(|_| dice.share()).collect();
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
        let mean = shares.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
