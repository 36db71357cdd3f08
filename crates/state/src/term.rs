//! Who may drive rollouts.

use std::num::NonZeroU64;

/// The number of a time in which one node drives. Each time that another takes over, it is a higher one, so a store can
/// tell a driver that was replaced without having noticed (stopped, swapped out, cut off) from the one that replaced it,
/// and refuses its steps. This is a fencing token: Kleppmann, "How to do distributed locking", 2016.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(NonZeroU64);

impl Term {
    /// The term of this number; `None` for 0, which stands for no term yet.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0.get()
    }

    /// The one after it.
    pub(crate) const fn next(number: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(number))
    }
}
