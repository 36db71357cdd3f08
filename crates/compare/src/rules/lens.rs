//! The rules that cover one place, and what they say about two values there.

use std::borrow::Cow;

use super::{Act, instant};
use crate::{
    DifferenceKind,
    hash::hash,
    ids::{Pairing, Side},
    number,
};

/// Room for rounding: two floats that were meant to be exactly the tolerance apart may be a little more.
const ROUNDING: f64 = 4.0 * f64::EPSILON;
/// Room for rounding of points in time, in seconds; an `f64` of today has a quarter of this.
const TIME_ROUNDING: f64 = 1e-6;

/// The rules that cover a place, in the order of the list.
#[derive(Debug)]
pub(crate) struct Lens<'r> {
    acts: Vec<&'r Act>,
}

/// A value without an inside.
#[derive(Clone, Debug)]
pub(crate) enum Leaf<'a> {
    Null,
    Boolean(bool),
    /// As it was written.
    Number(&'a str),
    Text(Cow<'a, str>),
    /// An object or a list; only its type is known here.
    Object,
    List,
}

/// A value with every rule applied that does not need the other side, as a hash; for finding what belongs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Canonical {
    Known(u64),
    /// An id that was not met before: nobody can say what it should be over there.
    UnknownId,
}

impl<'r> Lens<'r> {
    pub(super) fn new(acts: impl Iterator<Item = &'r Act>) -> Self {
        Self { acts: acts.filter(|act| !matches!(act, Act::SetBy(_))).collect() }
    }

    /// Whether everything may differ here. Of use where nobody walked down to the place.
    pub(crate) fn ignores(&self) -> bool {
        self.acts.iter().any(|act| matches!(act, Act::Ignore))
    }

    /// Whether only the types count here: no rule after that one has a say.
    pub(crate) fn only_types(&self) -> bool {
        self.deciding().next().is_some_and(|act| matches!(act, Act::TypeOnly))
    }

    /// Whether even equal values may contradict each other here.
    pub(crate) fn pairs_ids(&self) -> bool {
        self.acts.iter().any(|act| matches!(act, Act::Ids(_)))
    }

    /// How two values differ, or `None` when they do not.
    pub(crate) fn judge(
        &self,
        control: &Leaf<'_>,
        candidate: &Leaf<'_>,
        ids: &mut Pairing<'_>,
    ) -> Option<DifferenceKind> {
        let (control, candidate) = (self.normalised(control), self.normalised(candidate));
        for act in self.deciding() {
            match act.allows(&control, &candidate, ids) {
                None => {}
                Some(true) => return None,
                // The systems may write ids by different types: which one says nothing.
                Some(false) if matches!(act, Act::Ids(_)) => return Some(DifferenceKind::Value),
                Some(false) => return Some(control.kind_of_difference(&candidate)),
            }
        }
        (control != candidate).then(|| control.kind_of_difference(&candidate))
    }

    /// One value for all that are equal here by themselves.
    pub(crate) fn canonical(&self, leaf: &Leaf<'_>, side: Side, ids: &Pairing<'_>) -> Canonical {
        let leaf = self.normalised(leaf);
        match self.deciding().next() {
            Some(Act::TypeOnly) => Canonical::Known(hash(leaf.type_number())),
            Some(Act::Ids(class)) if leaf.is_id() => {
                ids.meaning(*class, leaf.id(), side).map_or(Canonical::UnknownId, Canonical::Known)
            }
            _ => Canonical::Known(leaf.hash()),
        }
    }

    /// Rules that say yes or no to a pair, the last one first.
    fn deciding(&self) -> impl Iterator<Item = &'r Act> {
        self.acts.iter().rev().copied().filter(|act| !matches!(act, Act::Normalise(_) | Act::Ignore))
    }

    fn normalised<'a>(&self, leaf: &Leaf<'a>) -> Leaf<'a> {
        let Leaf::Text(text) = leaf else { return leaf.clone() };
        let apply = |text, act: &&Act| match act {
            Act::Normalise(normaliser) => normaliser.apply(text),
            _ => text,
        };
        Leaf::Text(self.acts.iter().fold(text.clone(), apply))
    }
}

impl Act {
    /// Whether two values may stand for each other; `None` when this is not for this rule to say.
    fn allows(&self, control: &Leaf<'_>, candidate: &Leaf<'_>, ids: &mut Pairing<'_>) -> Option<bool> {
        match self {
            Self::TypeOnly => Some(control.same_type(candidate)),
            Self::Tolerance { absolute, relative } if control.same_type(candidate) => {
                let (left, right) = (control.number()?, candidate.number()?);
                let larger = left.abs().max(right.abs());
                let most = absolute.max(relative * larger) + ROUNDING * larger;
                Some((left - right).abs() <= most)
            }
            Self::Skew(most) if control.same_type(candidate) => {
                let (left, right) = (control.instant()?, candidate.instant()?);
                Some((left - right).abs() <= most.as_secs_f64() + TIME_ROUNDING)
            }
            // The systems may write ids differently: a number here, a text there.
            Self::Ids(class) if control.is_id() && candidate.is_id() => {
                Some(ids.agree(*class, control.id(), candidate.id()))
            }
            _ => None,
        }
    }
}

impl Leaf<'_> {
    fn same_type(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn kind_of_difference(&self, other: &Self) -> DifferenceKind {
        if self.same_type(other) { DifferenceKind::Value } else { DifferenceKind::Type }
    }

    const fn type_number(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Boolean(_) => 1,
            Self::Number(_) => 2,
            Self::Text(_) => 3,
            Self::Object => 4,
            Self::List => 5,
        }
    }

    fn number(&self) -> Option<f64> {
        let text = match self {
            Self::Number(text) => text,
            Self::Text(text) => text.trim(),
            _ => return None,
        };
        text.parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn instant(&self) -> Option<f64> {
        match self {
            Self::Number(_) => self.number().and_then(instant::of_number),
            Self::Text(text) => instant::of_text(text),
            _ => None,
        }
    }

    const fn is_id(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Text(_))
    }

    /// The number 7 and the text "7" are two ids.
    fn id(&self) -> u64 {
        self.hash()
    }

    fn hash(&self) -> u64 {
        match self {
            Self::Boolean(value) => hash((1, value)),
            Self::Number(text) => hash((2, number::canonical(text))),
            Self::Text(text) => hash((3, text)),
            Self::Null | Self::Object | Self::List => hash(self.type_number()),
        }
    }
}

impl PartialEq for Leaf<'_> {
    /// Numbers by exact decimal value. Objects and lists are never equal here: who can look inside does.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(left), Self::Boolean(right)) => left == right,
            (Self::Number(left), Self::Number(right)) => number::equal(left, right),
            (Self::Text(left), Self::Text(right)) => left == right,
            _ => false,
        }
    }
}
