//! Which elements of two lists belong together.
//!
//! Compared by position, a list whose order is noise (a hash map behind it, equal scores, parallel work) differs
//! everywhere, in every answer, and a field that is wrong in one answer of two hundred drowns. So elements are first
//! brought together by what they say, and that the order was another one is a difference of its own, at the path of
//! the list. Nothing has to be learned for that: where order matters, a candidate that gets it wrong is reported for
//! it; where order is noise, the control disagrees with itself as often, and what is inside is compared all the same.
//!
//! Without a rule, elements find each other in this order:
//!
//! 1. same text at the same position,
//! 2. same content wherever it stands,
//! 3. most alike: each value that two elements share counts, the more the fewer elements have it, so a shared id or
//!    title decides and a shared `true` does not; timestamps that are shared by nobody do no harm,
//! 4. what is left over, in order of position.
//!
//! A wrong guess costs clarity, never truth: two lists are found equal only if every element has its equal.
mod content;
mod likeness;

use std::collections::{HashMap, VecDeque};

use serde_json::value::RawValue;

use self::content::Content;
pub(crate) use self::content::Reader;
use crate::{ids::Side, rules::Canonical};

/// Elements that are brought together by likeness; beyond them position decides.
const MAX_ALIKE: usize = 512;

/// Elements of two lists brought together.
#[derive(Debug, Default)]
pub(crate) struct Alignment {
    /// Positions, ascending by the first.
    pub(crate) pairs: Vec<(usize, usize)>,
    /// Whether elements that surely belong together stand in another order.
    pub(crate) reordered: bool,
    /// Positions that no element of the candidate belongs to.
    pub(crate) only_control: Vec<usize>,
    /// Positions that no element of the control belongs to.
    pub(crate) only_candidate: Vec<usize>,
}

/// Work that comparing two answers may still spend on bringing elements together: bytes read and candidates weighed.
/// When it is used up, position decides. Hostile answers can make the comparison coarse, not slow.
#[derive(Debug)]
pub(crate) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(16 << 20)
    }
}

impl Budget {
    /// Spends this much, unless there is not as much left.
    fn spend(&mut self, cost: usize) -> bool {
        let left = self.0.checked_sub(cost);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Elements that nobody belongs to yet, by position.
struct Open {
    control: Vec<usize>,
    candidate: Vec<usize>,
    pairs: Vec<(usize, usize)>,
}

impl Alignment {
    /// Brings elements together; with a `key`, by that alone as far as it is known.
    pub(crate) fn of(
        control: &[&RawValue],
        candidate: &[&RawValue],
        key: Option<&[String]>,
        reader: &mut Reader<'_, '_>,
        budget: &mut Budget,
    ) -> Self {
        let mut open = Open::new(control.len(), candidate.len());
        let rest = match key {
            Some(key) if !key.is_empty() => open.by_key(control, candidate, key, reader),
            _ => {
                open.same_place(control, candidate);
                Rest::default()
            }
        };
        open.by_content(control, candidate, reader, budget);
        open.finish(key.is_some(), rest)
    }
}

/// Elements whose key says that they have no counterpart.
#[derive(Default)]
struct Rest {
    control: Vec<usize>,
    candidate: Vec<usize>,
}

impl Open {
    fn new(control: usize, candidate: usize) -> Self {
        Self { control: (0..control).collect(), candidate: (0..candidate).collect(), pairs: Vec::new() }
    }

    fn same_place(&mut self, control: &[&RawValue], candidate: &[&RawValue]) {
        let same = |index: usize| match (control.get(index), candidate.get(index)) {
            (Some(left), Some(right)) => left.get() == right.get(),
            _ => false,
        };
        let (pairs, open) = self.control.iter().partition::<Vec<usize>, _>(|&&index| same(index));
        self.control = open;
        self.candidate.retain(|&index| !same(index));
        self.pairs.extend(pairs.into_iter().map(|index| (index, index)));
    }

    /// Pairs equal keys. Elements whose key is missing, or is an id that nobody can translate yet, stay open; those
    /// with a known key and no counterpart are returned.
    fn by_key(
        &mut self,
        control: &[&RawValue],
        candidate: &[&RawValue],
        key: &[String],
        reader: &mut Reader<'_, '_>,
    ) -> Rest {
        let mut keys = |elements: &[&RawValue], side| -> Vec<Option<u64>> {
            let read = |(index, element): (usize, &&RawValue)| match reader.key(index, element, key, side) {
                Some(Canonical::Known(key)) => Some(key),
                Some(Canonical::UnknownId) | None => None,
            };
            elements.iter().enumerate().map(read).collect()
        };
        let (left, right) = (keys(control, Side::Control), keys(candidate, Side::Candidate));
        self.pair_equal(&left, &right);
        let known = |keys: &[Option<u64>], open: &mut Vec<usize>| {
            let (known, unknown) = open.iter().partition(|&&index| keys[index].is_some());
            *open = unknown;
            known
        };
        Rest { control: known(&left, &mut self.control), candidate: known(&right, &mut self.candidate) }
    }

    /// Pairs elements whose marks are equal, the first with the first.
    fn pair_equal(&mut self, left: &[Option<u64>], right: &[Option<u64>]) {
        let mut waiting: HashMap<u64, VecDeque<usize>> = HashMap::new();
        for &index in &self.candidate {
            if let Some(mark) = right[index] {
                waiting.entry(mark).or_default().push_back(index);
            }
        }
        let mut taken = vec![false; right.len()];
        let pairs = &mut self.pairs;
        self.control.retain(|&index| {
            let found = left[index].and_then(|mark| waiting.get_mut(&mark)).and_then(VecDeque::pop_front);
            if let Some(other) = found {
                taken[other] = true;
                pairs.push((index, other));
            }
            found.is_none()
        });
        self.candidate.retain(|&index| !taken[index]);
    }

    fn by_content(
        &mut self,
        control: &[&RawValue],
        candidate: &[&RawValue],
        reader: &mut Reader<'_, '_>,
        budget: &mut Budget,
    ) {
        let trivial = self.control.len() <= 1 && self.candidate.len() <= 1;
        if trivial || self.control.is_empty() || self.candidate.is_empty() {
            return;
        }
        let bytes = |elements: &[&RawValue], open: &[usize]| -> usize {
            open.iter().map(|&index| elements[index].get().len()).sum()
        };
        if !budget.spend(bytes(control, &self.control) + bytes(candidate, &self.candidate)) {
            return;
        }
        let mut contents = |elements: &[&RawValue], open: &[usize], side| -> Vec<Option<Content>> {
            let mut all: Vec<Option<Content>> = elements.iter().map(|_| None).collect();
            open.iter().for_each(|&index| all[index] = Some(reader.content(index, elements[index], side)));
            all
        };
        let left = contents(control, &self.control, Side::Control);
        let right = contents(candidate, &self.candidate, Side::Candidate);
        let marks = |contents: &[Option<Content>]| -> Vec<Option<u64>> {
            contents.iter().map(|content| content.as_ref().map(|content| content.whole)).collect()
        };
        self.pair_equal(&marks(&left), &marks(&right));
        if self.control.len() <= MAX_ALIKE && self.candidate.len() <= MAX_ALIKE {
            let alike = likeness::pairs(&self.control, &left, &self.candidate, &right, budget);
            self.control.retain(|index| alike.iter().all(|pair| pair.0 != *index));
            self.candidate.retain(|index| alike.iter().all(|pair| pair.1 != *index));
            self.pairs.extend(alike);
        }
    }

    fn finish(self, set: bool, rest: Rest) -> Alignment {
        let Self { control, candidate, mut pairs } = self;
        pairs.sort_unstable();
        let reordered = pairs.windows(2).any(|two| two[0].1 > two[1].1);
        let both = control.len().min(candidate.len());
        pairs.extend(control.iter().copied().zip(candidate.iter().copied()));
        pairs.sort_unstable();
        let over = |open: &[usize], rest: Vec<usize>| [&open[both..], &rest[..]].concat();
        let (only_control, only_candidate) = (over(&control, rest.control), over(&candidate, rest.candidate));
        Alignment { pairs, reordered: reordered && !set, only_control, only_candidate }
    }
}
