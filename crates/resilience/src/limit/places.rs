//! How many are in flight and how many wait, in one word.
//!
//! Both counts change together or not at all, so a call can take a place with a single compare-and-swap and still never
//! overtake one that waits.

use crate::sync::{AtomicU64, Ordering::SeqCst};

const ONE_WAITING: u64 = 1 << 32;

/// The word.
#[derive(Debug)]
pub(super) struct Places(AtomicU64);

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) in_flight: u32,
    pub(super) waiting: u32,
}

impl Counts {
    const fn of(word: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
        Self { in_flight: u32::from_le_bytes([a, b, c, d]), waiting: u32::from_le_bytes([e, f, g, h]) }
    }
}

impl Places {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(super) fn counts(&self) -> Counts {
        Counts::of(self.0.load(SeqCst))
    }

    /// Takes a free place unless somebody waits for one. Says how many are in flight then.
    pub(super) fn take(&self, limit: u32) -> Option<u32> {
        self.update(|counts| {
            (counts.waiting == 0 && counts.in_flight < limit).then_some((counts.in_flight + 1, 0))
        })
        .map(|counts| counts.in_flight + 1)
    }

    /// Gives a place back, unless somebody waits for it: then nothing has changed and the line must be asked.
    pub(super) fn give_back(&self) -> bool {
        self.update(|counts| (counts.waiting == 0).then_some((counts.in_flight.saturating_sub(1), 0)))
            .is_some()
    }

    /// Gives a place back although somebody waits. Only with the line locked, and before the line is asked.
    pub(super) fn give_back_to_line(&self) {
        self.update(|counts| Some((counts.in_flight.saturating_sub(1), counts.waiting)));
    }

    /// One more waits. Only with the line locked.
    pub(super) fn wait(&self) {
        self.0.fetch_add(ONE_WAITING, SeqCst);
    }

    /// So many wait no more and got nothing. Only with the line locked.
    pub(super) fn stop_waiting(&self, count: u32) {
        self.update(|counts| Some((counts.in_flight, counts.waiting.saturating_sub(count))));
    }

    /// One that waits gets a place, if there are both. Only with the line locked.
    pub(super) fn seat(&self, limit: u32) -> Option<u32> {
        self.update(|counts| {
            (counts.waiting > 0 && counts.in_flight < limit)
                .then(|| (counts.in_flight + 1, counts.waiting - 1))
        })
        .map(|counts| counts.in_flight + 1)
    }

    /// Exchanges the counts for others, and returns those from before.
    fn update(&self, change: impl Fn(Counts) -> Option<(u32, u32)>) -> Option<Counts> {
        let mut seen = self.0.load(SeqCst);
        loop {
            let (in_flight, waiting) = change(Counts::of(seen))?;
            let next = u64::from(in_flight) | (u64::from(waiting) << 32);
            match self.0.compare_exchange_weak(seen, next, SeqCst, SeqCst) {
                Ok(_) => return Some(Counts::of(seen)),
                Err(now) => seen = now,
            }
        }
    }
}
