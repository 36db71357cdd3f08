//! Randomness that a seed repeats: who asks, when systems are asked in relation to one another, how long callers wait
//! before they ask again.

/// SplitMix64 (Steele, Lea and Flood, 2014): a counter and a good hash.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The same throws for the same seed and lane.
    pub(crate) fn new(seed: u64, lane: usize) -> Self {
        let mut dice = Self(seed);
        (0..=lane).for_each(|_| dice = Self(dice.next()));
        dice
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least 0 and less than 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_another_does_not() {
        let throws = |seed, lane| {
            let mut dice = Dice::new(seed, lane);
            [dice.next(), dice.next()]
        };
        assert_eq!(throws(1, 0), throws(1, 0));
        assert!(throws(1, 0) != throws(2, 0) && throws(1, 0) != throws(1, 1));
    }

    #[test]
    fn shares_fill_the_whole_range() {
        let mut dice = Dice::new(7, 0);
        let throws: Vec<_> = (0..10_000).map(|_| dice.share()).collect();
        for tenth in 0..10 {
            let from = f64::from(tenth) / 10.0;
            let count = throws.iter().filter(|share| (from..from + 0.1).contains(*share)).count();
            assert!((800..1200).contains(&count), "{count} from {from}");
        }
    }
}
