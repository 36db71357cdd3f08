//! What a caller reads to know whether it may pass: two words that hardly ever change, on cache lines of their own, so that
//! every core keeps a copy.

use super::{
    change::{Forced, State},
    machine::{Machine, Phase},
    ring::Tick,
    settings::Settings,
};
use crate::sync::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// The low bits of a word, which hold the kind.
const KIND: u64 = 0b111;
const KIND_BITS: u32 = 3;

/// State and epoch in one. Equal words are the same stay in the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

/// What a state means to somebody who wants to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Closed,
    Open,
    HalfOpen,
    ForcedClosed,
    ForcedOpen,
}

/// Read by everybody, written under the breaker's lock only.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Gate {
    word: AtomicU64,
    /// Until when everybody gets the same answer. It is written before the word it belongs to. A reader may so see it with
    /// an older word, which does no harm: states without a time have zero here, which sends the reader to the lock, and
    /// the time of a later open state is as good an answer.
    settled: AtomicU64,
    /// There are failures in a row that the next success ends.
    failing: AtomicBool,
}

impl Word {
    pub(super) fn of(machine: &Machine) -> Self {
        let kind = match machine.phase() {
            Phase::Closed => Kind::Closed,
            Phase::Open { .. } => Kind::Open,
            Phase::HalfOpen { .. } => Kind::HalfOpen,
            Phase::Forced { to: Forced::Closed, .. } => Kind::ForcedClosed,
            Phase::Forced { to: Forced::Open, .. } => Kind::ForcedOpen,
        };
        Self((machine.epoch() << KIND_BITS) | kind as u64)
    }

    pub(super) const fn epoch(self) -> u64 {
        self.0 >> KIND_BITS
    }

    pub(super) const fn kind(self) -> Kind {
        match self.0 & KIND {
            0 => Kind::Closed,
            1 => Kind::Open,
            2 => Kind::HalfOpen,
            3 => Kind::ForcedClosed,
            _ => Kind::ForcedOpen,
        }
    }
}

impl From<Kind> for State {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Closed | Kind::ForcedClosed => Self::Closed,
            Kind::Open | Kind::ForcedOpen => Self::Open,
            Kind::HalfOpen => Self::HalfOpen,
        }
    }
}

impl Gate {
    pub(super) fn new(machine: &Machine) -> Self {
        Self {
            word: AtomicU64::new(Word::of(machine).0),
            settled: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        }
    }

    pub(super) fn word(&self) -> Word {
        Word(self.word.load(Acquire))
    }

    pub(super) fn settled_until(&self) -> Tick {
        Tick(self.settled.load(Relaxed))
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }

    /// Writes only what differs: a write takes the line from every core that reads it.
    pub(super) fn publish(&self, machine: &Machine, settings: &Settings) {
        let (settled, word) = (machine.settled_until(settings).0, Word::of(machine).0);
        if self.settled.load(Relaxed) != settled {
            self.settled.store(settled, Relaxed);
        }
        if self.word.load(Relaxed) != word {
            self.word.store(word, Release);
        }
    }

    pub(super) fn set_failing(&self, failing: bool) {
        if self.failing.load(Relaxed) != failing {
            self.failing.store(failing, Relaxed);
        }
    }
}
