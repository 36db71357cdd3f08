//! Which elements are most alike.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

use super::{Budget, content::Content};

/// What a value that exactly one element on each side has counts.
const UNIQUE: u64 = 1 << 20;
/// A value that makes more pairs than this says nothing.
const MAX_PAIRS_OF_A_VALUE: usize = 4096;

/// The elements that have a value, on each side.
type Holders = (Vec<usize>, Vec<usize>);

/// Pairs of elements, most alike first; none shares an element with another, and none has nothing in common. The same
/// pairs come out, turned round, when the sides are exchanged.
pub(super) fn pairs(
    control: &[usize],
    left: &[Option<Content>],
    candidate: &[usize],
    right: &[Option<Content>],
    budget: &mut Budget,
) -> Vec<(usize, usize)> {
    let mut holders: HashMap<u64, Holders> = HashMap::new();
    for &index in control {
        distinct(&left[index]).for_each(|value| holders.entry(value).or_default().0.push(index));
    }
    for &index in candidate {
        distinct(&right[index]).for_each(|value| holders.entry(value).or_default().1.push(index));
    }
    best(weigh(holders, budget))
}

/// The different values of an element.
fn distinct(content: &Option<Content>) -> impl Iterator<Item = u64> {
    let values = content.as_ref().map_or(&[][..], |content| &content.values);
    values.iter().copied().collect::<BTreeSet<_>>().into_iter()
}

/// What each pair of elements has in common, rare values first while the budget lasts.
fn weigh(holders: HashMap<u64, Holders>, budget: &mut Budget) -> HashMap<(usize, usize), u64> {
    let pairs = |(left, right): &Holders| left.len() * right.len();
    let mut shared: Vec<(usize, u64, Holders)> =
        holders.into_iter().map(|(value, holders)| (pairs(&holders), value, holders)).collect();
    shared.retain(|(pairs, ..)| (1..=MAX_PAIRS_OF_A_VALUE).contains(pairs));
    shared.sort_unstable_by_key(|&(pairs, value, _)| (pairs, value));
    let mut weights: HashMap<(usize, usize), u64> = HashMap::new();
    for (pairs, _, (left, right)) in shared {
        // A pair weighed costs about as much as a few dozen bytes read.
        if !budget.spend(pairs * 32) {
            break;
        }
        let weight = UNIQUE / u64::try_from(pairs).unwrap_or(UNIQUE);
        for &left in &left {
            for &right in &right {
                *weights.entry((left, right)).or_default() += weight;
            }
        }
    }
    weights
}

/// Takes the heaviest pair as long as there is one; of equals, the one that moved the least.
fn best(weights: HashMap<(usize, usize), u64>) -> Vec<(usize, usize)> {
    let mut ranked: Vec<((usize, usize), u64)> = weights.into_iter().collect();
    // The last of the four only decides between a pair and its mirror image, which never exclude each other.
    ranked.sort_unstable_by_key(|&((left, right), weight)| {
        (Reverse(weight), left.abs_diff(right), left + right, left)
    });
    let (mut taken_left, mut taken_right) = (BTreeSet::new(), BTreeSet::new());
    let mut pairs = Vec::new();
    for (pair, _) in ranked {
        if !taken_left.contains(&pair.0) && !taken_right.contains(&pair.1) {
            taken_left.insert(pair.0);
            taken_right.insert(pair.1);
            pairs.push(pair);
        }
    }
    pairs
}
