//! Chance that can be repeated.

use xxhash_rust::xxh64::Xxh64;

/// Where all chance in a demo comes from: the same seed draws the same, whatever the order of the questions.
///
/// A stream of random numbers would make every answer depend on how many came before it, and with concurrent requests
/// that differs from run to run. So each draw is a hash of what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    /// 64 even bits for the `number`th `purpose`.
    pub(crate) fn draw(self, purpose: &str, number: u64) -> u64 {
        let mut hash = Xxh64::new(self.0);
        hash.update(purpose.as_bytes());
        hash.update(&number.to_le_bytes());
        hash.digest()
    }

    /// A whole number below `bound`, which is at least 1. Multiply-shift: no modulo bias worth speaking of.
    pub(crate) fn below(self, bound: u32, purpose: &str, number: u64) -> u32 {
        let scaled = (u128::from(self.draw(purpose, number)) * u128::from(bound)) >> 64;
        u32::try_from(scaled).unwrap_or(bound - 1)
    }

    /// One of `choices`, which are not empty.
    pub(crate) fn pick<'a, T: ?Sized>(self, choices: &[&'a T], purpose: &str, number: u64) -> &'a T {
        let bound = u32::try_from(choices.len()).unwrap_or(u32::MAX);
        choices[self.below(bound, purpose, number) as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn draws_stay_below_their_bound(seed: u64, bound in 1u32.., number: u64) {
            prop_assert!(Seed(seed).below(bound, "test", number) < bound);
        }

        #[test]
        fn purposes_and_numbers_draw_apart(seed: u64, number: u64) {
            let seed = Seed(seed);
            prop_assert_ne!(seed.draw("a", number), seed.draw("b", number));
            prop_assert_ne!(seed.draw("a", number), seed.draw("a", number.wrapping_add(1)));
        }
    }

    #[test]
    fn draws_are_even() {
        let low = (0..100_000).filter(|&n| Seed(7).below(100, "even", n) < 5).count();
        // 5 % of 100,000: five standard deviations are 345.
        assert!((4_655..=5_345).contains(&low), "{low}");
    }
}
