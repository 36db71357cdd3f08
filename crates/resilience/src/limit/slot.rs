//! A place, for as long as it is held.

use std::sync::Arc;

use super::Limit;

/// A place. It is free again when this is dropped, whether or not anything was observed; until then it counts as in
/// flight, so hold it until the answer's body has been read.
#[derive(Debug)]
#[must_use = "the place is free again as soon as this is dropped"]
pub struct Slot {
    limit: Arc<Limit>,
    started: Started,
}

/// What must be known of a call's start to judge its end. Goes to [`Limit::observe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    in_flight: u32,
}

impl Started {
    pub(super) const fn with(in_flight: u32) -> Self {
        Self { in_flight }
    }

    /// How many calls were in flight when this one started, itself included.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }
}

impl Slot {
    pub(super) const fn new(limit: Arc<Limit>, in_flight: u32) -> Self {
        Self { limit, started: Started::with(in_flight) }
    }

    /// What [`Limit::observe`] needs.
    #[must_use]
    pub const fn started(&self) -> Started {
        self.started
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.limit.give_back();
    }
}
