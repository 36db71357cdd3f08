//! What came of the traffic.

use std::{collections::BTreeMap, mem, time::Duration};

use super::{
    latency::{Latency, Times},
    side::{Answered, Side},
    sticky::{Passage, Sticky},
};

/// Failures and flips that are kept word for word; all are counted.
const MAX_NOTES: usize = 5;

/// What came of the traffic so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Since the traffic began.
    pub elapsed: Duration,
    /// Answers in the last whole second.
    pub rate: u64,
    /// Requests that ended, well or not.
    pub total: u64,
    /// Of these, those without an answer or with a status other than 2xx.
    pub failed: u64,
    /// Answers with a substitute for what was missing, as they say themselves. They did not fail.
    pub degraded: u64,
    /// Requests that were due and not sent, because too many were under way. Not in `total`.
    pub missed: u64,
    /// Answers by a side where the subject should not be any more: it was on the replacement, and nobody sent it back.
    pub flips: u64,
    /// Latency in the last whole second.
    pub second: Latency,
    /// Latency since the traffic began.
    pub overall: Latency,
    /// Who answered, by unit.
    pub units: BTreeMap<String, Sides>,
    /// The first few failures and flips, in words.
    pub notes: Vec<String>,
}

/// Who answered for a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// Legacy, for its own subjects.
    pub legacy: u64,
    /// The replacement.
    pub replacement: u64,
    /// Legacy, for a subject of the replacement that failed.
    pub fallback: u64,
}

/// One request that ended.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// When it was due, since the traffic began.
    pub(crate) due: Duration,
    pub(crate) passage: Passage,
    /// Number of the user.
    pub(crate) user: u32,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
    /// Whether the answer says that something is missing in it.
    pub(crate) degraded: bool,
    /// Who answered, where the answer says so.
    pub(crate) answered: Option<Answered<'a>>,
}

/// Counts. Knows no clock: times are handed to it.
#[derive(Debug)]
pub(crate) struct Ledger {
    total: u64,
    failed: u64,
    degraded: u64,
    missed: u64,
    flips: u64,
    units: BTreeMap<String, Sides>,
    notes: Vec<String>,
    sticky: Sticky,
    overall: Times,
    this_second: Second,
    last_second: Second,
}

/// What ended in one second.
#[derive(Debug)]
struct Second {
    /// Which, from 0.
    number: u64,
    count: u64,
    times: Times,
}

impl Second {
    fn new() -> Self {
        Self { number: 0, count: 0, times: Times::new() }
    }

    fn begin(&mut self, number: u64) {
        self.number = number;
        self.count = 0;
        self.times.clear();
    }
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            total: 0,
            failed: 0,
            degraded: 0,
            missed: 0,
            flips: 0,
            units: BTreeMap::new(),
            notes: Vec::new(),
            sticky: Sticky::default(),
            overall: Times::new(),
            this_second: Second::new(),
            last_second: Second::new(),
        }
    }

    /// Takes in a request that ended.
    pub(crate) fn record(&mut self, entry: Entry<'_>) {
        self.turn(entry.passage.received);
        let latency = entry.passage.received.saturating_sub(entry.due);
        self.overall.record(latency);
        self.this_second.times.record(latency);
        self.this_second.count += 1;
        self.total += 1;
        self.degraded += u64::from(entry.degraded);
        if let Some(failure) = entry.failure {
            self.failed += 1;
            self.note(failure);
        }
        if let Some(answered) = entry.answered {
            self.count_side(&answered);
            if let Some(flip) = self.sticky.check(entry.user, &answered, entry.passage) {
                self.flips += 1;
                self.note(flip);
            }
        }
    }

    /// Takes in a request that was due and could not be sent.
    pub(crate) fn miss(&mut self) {
        self.missed += 1;
    }

    /// What came of it so far.
    pub(crate) fn snapshot(&mut self, now: Duration) -> Snapshot {
        self.turn(now);
        Snapshot {
            elapsed: now,
            rate: self.last_second.count,
            total: self.total,
            failed: self.failed,
            degraded: self.degraded,
            missed: self.missed,
            flips: self.flips,
            second: self.last_second.times.latency(),
            overall: self.overall.latency(),
            units: self.units.clone(),
            notes: self.notes.clone(),
        }
    }

    /// Begins a new second when it is time.
    fn turn(&mut self, now: Duration) {
        let number = now.as_secs();
        // Requests end in order but are recorded a little out of it: what is late counts for the second under way.
        if number <= self.this_second.number {
            return;
        }
        mem::swap(&mut self.this_second, &mut self.last_second);
        self.this_second.begin(number);
        if self.last_second.number + 1 != number {
            // Nothing was asked for more than a second, so the last second was an empty one.
            self.last_second.begin(number - 1);
        }
    }

    fn count_side(&mut self, answered: &Answered<'_>) {
        if !self.units.contains_key(answered.unit) {
            self.units.insert(answered.unit.to_owned(), Sides::default());
        }
        let Some(sides) = self.units.get_mut(answered.unit) else { return };
        match (answered.side, answered.by_fallback) {
            (Side::Replacement, _) => sides.replacement += 1,
            (Side::Legacy, false) => sides.legacy += 1,
            (Side::Legacy, true) => sides.fallback += 1,
        }
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(due: u64, received: u64) -> Entry<'static> {
        let [due, received] = [due, received].map(Duration::from_millis);
        let passage = Passage { sent: due, received, share_before: Some(500), share_after: Some(500) };
        Entry { due, passage, user: 7, failure: None, degraded: false, answered: None }
    }

    fn answered(side: Side, by_fallback: bool) -> Option<Answered<'static>> {
        Some(Answered { unit: "articles", side, by_fallback, bucket: 412 })
    }

    #[test]
    fn latency_counts_from_when_a_request_was_due() {
        let mut ledger = Ledger::new();
        let sent_late = Passage { sent: Duration::from_millis(900), ..entry(100, 950).passage };
        ledger.record(Entry { passage: sent_late, ..entry(100, 950) });
        let found = ledger.snapshot(Duration::from_secs(1)).overall.p50;
        assert!((849..=852).contains(&found.as_millis()), "{found:?}");
    }

    #[test]
    fn the_last_whole_second_is_shown() {
        let mut ledger = Ledger::new();
        (0..5).for_each(|n| ledger.record(entry(n, n + 10)));
        assert_eq!(ledger.snapshot(Duration::from_millis(999)).rate, 0);
        assert_eq!(ledger.snapshot(Duration::from_millis(1_000)).rate, 5);
        (0..3).for_each(|n| ledger.record(entry(1_000 + n, 1_020 + n)));
        let second = ledger.snapshot(Duration::from_millis(2_500));
        assert_eq!((second.rate, second.total, second.second.p50.as_millis()), (3, 8, 20));
        assert_eq!(ledger.snapshot(Duration::from_secs(7)).rate, 0);
        assert_eq!(ledger.snapshot(Duration::from_secs(7)).second, Latency::default());
    }

    #[test]
    fn sides_failures_misses_and_flips_are_counted() {
        let mut ledger = Ledger::new();
        for (at, answered) in [
            (0, answered(Side::Legacy, false)),
            (10, answered(Side::Replacement, false)),
            (30, answered(Side::Legacy, true)),
            (50, answered(Side::Legacy, false)),
        ] {
            ledger.record(Entry { answered, ..entry(at, at + 5) });
        }
        ledger.record(Entry { failure: Some("GET / answered 502".to_owned()), ..entry(70, 75) });
        ledger.record(Entry { degraded: true, ..entry(80, 85) });
        ledger.miss();
        let found = ledger.snapshot(Duration::from_secs(1));
        assert_eq!((found.total, found.failed, found.missed, found.flips), (6, 1, 1, 1));
        assert_eq!(found.degraded, 1);
        assert_eq!(found.units["articles"], Sides { legacy: 2, replacement: 1, fallback: 1 });
        assert!(found.notes[0].contains("went back") && found.notes[1].contains("502"), "{:?}", found.notes);
    }

    #[test]
    fn notes_are_few_and_counts_are_not() {
        let mut ledger = Ledger::new();
        for _ in 0..1_000 {
            ledger.record(Entry { failure: Some("broken".to_owned()), ..entry(0, 1) });
        }
        let found = ledger.snapshot(Duration::from_secs(1));
        assert_eq!((found.failed, found.notes.len()), (1_000, MAX_NOTES));
    }
}
