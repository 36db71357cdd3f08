//! Shares of several variants under one bucket.

use crate::{BUCKETS, Bucket, Percent};

/// One entry of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which variant, by its index among the flag's variants.
    pub variant: usize,
    /// How much of the subjects.
    pub percent: Percent,
}

/// Shares that make up the whole, in the order in which they take up the buckets.
///
/// The first entry has the buckets from 0 on, the next those that follow, and so on. So growing an entry at the expense
/// of the one right behind it moves subjects between these two only. No rule that is computed from the shares alone can do
/// that for *every* pair of three or more variants (the buckets of each would have to follow from its own share, and those
/// of any two would have to be complements). What can be had is this: a variant may stand in the list more than once,
/// and an entry put before the last, at the last one's expense, moves subjects from the last variant to it and nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split(Box<[Share]>);

impl Split {
    /// `None` unless the shares add up to 100 %.
    #[must_use]
    pub fn new(shares: Vec<Share>) -> Option<Self> {
        (total(&shares) == u64::from(BUCKETS)).then(|| Self(shares.into_boxed_slice()))
    }

    /// The entries in order.
    #[must_use]
    pub const fn shares(&self) -> &[Share] {
        &self.0
    }

    /// The variant that everybody gets, if only one has a share above zero: then no bucket is needed.
    #[must_use]
    pub fn certain(&self) -> Option<usize> {
        let mut served = self.0.iter().filter(|share| share.percent != Percent::ZERO);
        let first = served.next()?.variant;
        served.all(|share| share.variant == first).then_some(first)
    }

    /// The variant of a bucket.
    #[must_use]
    pub fn pick(&self, bucket: Bucket) -> usize {
        let mut end = 0;
        for share in &self.0 {
            end += share.percent.basis_points();
            if bucket.index() < end {
                return share.variant;
            }
        }
        // The shares add up to all buckets, so that nothing comes here.
        self.last()
    }

    /// The variant of the last entry, which has what the others leave.
    #[must_use]
    pub fn last(&self) -> usize {
        self.0.last().map_or(0, |share| share.variant)
    }
}

/// The sum in hundredths of a percent.
pub(crate) fn total(shares: &[Share]) -> u64 {
    shares.iter().map(|share| u64::from(share.percent.basis_points())).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(variant: usize, points: u16) -> Share {
        Share { variant, percent: Percent::from_basis_points(points).unwrap() }
    }

    /// Points that leave at least one for the last.
    fn points() -> impl Strategy<Value = Vec<u16>> {
        prop::collection::vec(0u16..2_000, 1..5)
    }

    fn split(points: &[u16]) -> Split {
        let rest = BUCKETS - points.iter().sum::<u16>();
        let shares =
            points.iter().chain([&rest]).enumerate().map(|(variant, &points)| share(variant, points));
        Split::new(shares.collect()).unwrap()
    }

    fn bucket(index: u16) -> Bucket {
        let mut subjects = (0..).map(|n: u32| Bucket::of("s", &n.to_string()));
        subjects.find(|bucket| bucket.index() / 100 == index / 100).unwrap()
    }

    #[test]
    fn shares_that_are_not_the_whole_are_no_split() {
        assert_eq!(Split::new(vec![share(0, 9_999)]), None);
        assert_eq!(Split::new(vec![share(0, 10_000), share(1, 1)]), None);
        assert_eq!(Split::new(vec![]), None);
    }

    #[test]
    fn one_variant_alone_is_certain() {
        assert_eq!(split(&[0]).certain(), Some(1));
        assert_eq!(split(&[1]).certain(), None);
        let twice = Split::new(vec![share(2, 4_000), share(1, 0), share(2, 6_000)]).unwrap();
        assert_eq!(twice.certain(), Some(2));
    }

    proptest! {
        #[test]
        fn an_entry_before_the_last_takes_from_the_last_only(points in points(), taken in 0u16..2_000, who in 0usize..4, at in 0u16..10_000) {
            let before = split(&points);
            let mut shares = before.shares().to_vec();
            let last = shares.pop().unwrap();
            let who = who % shares.len();
            shares.push(share(who, taken));
            shares.push(share(last.variant, last.percent.basis_points() - taken));
            let after = Split::new(shares).unwrap();
            let bucket = bucket(at);
            let (was, is) = (before.pick(bucket), after.pick(bucket));
            prop_assert!(was == is || (was == last.variant && is == who), "{was} became {is}");
        }

        #[test]
        fn growing_at_the_next_ones_expense_moves_between_these_two(points in points(), taken in 0u16..2_000, who in 0usize..4, at in 0u16..10_000) {
            let before = split(&points);
            let mut shares = before.shares().to_vec();
            let who = who % (shares.len() - 1);
            let taken = taken.min(shares[who + 1].percent.basis_points());
            shares[who] = share(who, shares[who].percent.basis_points() + taken);
            shares[who + 1] = share(who + 1, shares[who + 1].percent.basis_points() - taken);
            let after = Split::new(shares).unwrap();
            let bucket = bucket(at);
            let (was, is) = (before.pick(bucket), after.pick(bucket));
            prop_assert!(was == is || (was == who + 1 && is == who), "{was} became {is}");
        }

        #[test]
        fn two_shares_are_a_percentage(points in 0u16..=10_000, at in 0u16..10_000) {
            let bucket = bucket(at);
            let inside = Percent::from_basis_points(points).unwrap().contains(bucket);
            prop_assert_eq!(split(&[points]).pick(bucket) == 0, inside);
        }
    }
}
