//! Where the line through the levels is, as a pure state machine.
//!
//! | window | becomes |
//! |---|---|
//! | too much to do | admits 5 % less than came in below the line, or as much less as was refused behind it, at most half |
//! | not too much | admits 1 % more, and twice as much more with every further such window |
//!
//! A step is a share of the load and not of the levels, for levels are not equally full: the line goes down or up until the
//! requests of the last window between the old and the new line are as many as the step. The doubling is not the paper's:
//! at one window per second, 1 % at a time would keep refusing for a minute and a half after a fault that halved capacity
//! is over.

use super::{GROUPS, Settings};

/// Four criticalities times 128 groups.
pub(super) const LEVELS: u16 = 512;
const _: () = assert!(GROUPS * 4 == LEVELS as usize, "every level has a criticality and a group");

/// The most that one window takes away.
const DEEPEST: f64 = 0.5;
/// From this many calm windows on, steps no longer double.
const MOST_CALM: u32 = 8;

/// The line, and how long it has been calm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    levels: u16,
    calm: u32,
}

/// What a window saw.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Requests by level, shed ones included.
    pub(super) arrivals: Vec<u64>,
    pub(super) overloaded: bool,
    /// The share of admitted requests that were refused behind the line.
    pub(super) refused: f64,
    /// How many windows' time it lasted.
    pub(super) calm: u32,
}

impl Cut {
    /// Admits everybody.
    pub(super) const fn open() -> Self {
        Self { levels: LEVELS, calm: 0 }
    }

    pub(super) const fn levels(self) -> u16 {
        self.levels
    }

    pub(super) const fn is_open(self) -> bool {
        self.levels == LEVELS
    }

    pub(super) fn step(self, window: &Window, settings: &Settings) -> Self {
        if window.overloaded {
            return self.down(window, settings.fall().max(window.refused).min(DEEPEST));
        }
        let mut cut = self;
        for _ in 0..window.calm.min(2 * MOST_CALM) {
            let step = settings.rise() * f64::from(1_u32 << cut.calm.min(MOST_CALM));
            cut = Self { calm: cut.calm.saturating_add(1), ..cut.up(window, step) };
        }
        cut
    }

    fn down(self, window: &Window, share: f64) -> Self {
        let mut left = window.below(self.levels);
        let goal = left * (1.0 - share);
        let mut levels = self.levels;
        // One level stays: the most critical are never all refused.
        while levels > 1 && left > goal {
            levels -= 1;
            left -= window.at(levels);
        }
        Self { levels, calm: 0 }
    }

    fn up(self, window: &Window, share: f64) -> Self {
        let mut admitted = window.below(self.levels);
        // At least somebody: else a line below which nobody comes would stay for ever.
        let goal = (admitted * (1.0 + share)).max(admitted + 1.0);
        let mut levels = self.levels;
        while levels < LEVELS && admitted < goal {
            admitted += window.at(levels);
            levels += 1;
        }
        Self { levels, ..self }
    }
}

impl Window {
    /// How many came below a line.
    fn below(&self, levels: u16) -> f64 {
        (0..levels).map(|level| self.at(level)).sum()
    }

    /// How many came at a level.
    fn at(&self, level: u16) -> f64 {
        let count = self.arrivals.get(usize::from(level)).copied().unwrap_or_default();
        f64::from(u32::try_from(count).unwrap_or(u32::MAX))
    }
}
