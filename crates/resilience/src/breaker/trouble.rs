//! Counts what goes wrong: failures by cause, slow calls, failures in a row. It lives behind the breaker's lock, since
//! trouble is rare until the breaker opens, and then it is over.

use super::{
    change::Causes,
    ring::{BUCKETS, Place},
};
use crate::Cause;

/// What a breaker judges by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Calls that ended, well or not.
    pub(super) calls: u64,
    /// Those that were slow, failed or not.
    pub(super) slow: u64,
    /// Those that failed.
    pub(super) causes: Causes,
}

/// How a call ended, as far as a breaker cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Well and in time.
    Well,
    /// Well, but slow.
    Slow,
    /// Not well.
    Failed {
        /// In what way.
        cause: Cause,
        /// And slow besides.
        slow: bool,
    },
    /// In a way that says nothing about the dependency.
    Unknown,
}

/// Everything but quick successes.
#[derive(Debug)]
pub(super) enum Trouble {
    /// In the window.
    Window(Box<[Bucket; BUCKETS]>),
    /// Since the last success.
    Run(Causes),
}

/// One bucket of the window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    lap: u64,
    causes: Causes,
    slow: u32,
    /// Slow calls that succeeded: calls that no other counter knows.
    slow_successes: u32,
    /// Failures of calls that were counted as successes before.
    late: u32,
}

impl Trouble {
    pub(super) fn in_window() -> Self {
        Self::Window(Box::default())
    }

    pub(super) fn in_a_row() -> Self {
        Self::Run(Causes::default())
    }

    /// Takes in how a call ended. `Well` and `Unknown` are for others to count.
    pub(super) fn add(&mut self, end: End, place: Place) {
        match self {
            Self::Window(buckets) => {
                if let Some(bucket) = bucket_at(buckets, place) {
                    bucket.add(end);
                }
            }
            Self::Run(causes) => match end {
                End::Failed { cause, .. } => causes.add(cause),
                End::Well | End::Slow => *causes = Causes::default(),
                End::Unknown => {}
            },
        }
    }

    /// Takes in that a call failed which was counted as a success before.
    pub(super) fn add_late(&mut self, cause: Cause, place: Place) {
        match self {
            Self::Window(buckets) => {
                if let Some(bucket) = bucket_at(buckets, place) {
                    bucket.causes.add(cause);
                    bucket.late = bucket.late.saturating_add(1);
                }
            }
            Self::Run(causes) => causes.add(cause),
        }
    }

    /// Whether there are failures in a row that a success would end.
    pub(super) fn is_a_run(&self) -> bool {
        matches!(self, Self::Run(causes) if *causes != Causes::default())
    }

    /// Forgets failures in a row. A window forgets by itself.
    pub(super) fn end_run(&mut self) {
        if let Self::Run(causes) = self {
            *causes = Causes::default();
        }
    }

    /// Everything together, with the quick successes that somebody else counted.
    pub(super) fn counts(&self, window: Place, quick_successes: u64) -> Counts {
        let Self::Window(buckets) = self else {
            return self.in_a_row_counts();
        };
        let mut sum = Bucket::default();
        let covered = buckets.iter().enumerate().filter(|(slot, bucket)| window.covers(*slot, bucket.lap));
        covered.for_each(|(_, bucket)| sum.add_all(bucket));
        let failures = sum.causes.total();
        let others = quick_successes.saturating_add(u64::from(sum.slow_successes));
        // A late failure takes the place of the success it was counted as, unless that has left the window already.
        let calls = failures.saturating_add(others).saturating_sub(u64::from(sum.late)).max(failures);
        Counts { calls, slow: u64::from(sum.slow), causes: sum.causes }
    }

    fn in_a_row_counts(&self) -> Counts {
        match self {
            Self::Window(_) => Counts::default(),
            Self::Run(causes) => Counts { calls: causes.total(), slow: 0, causes: *causes },
        }
    }
}

impl Bucket {
    const fn add(&mut self, end: End) {
        match end {
            End::Slow => {
                self.slow = self.slow.saturating_add(1);
                self.slow_successes = self.slow_successes.saturating_add(1);
            }
            End::Failed { cause, slow } => {
                self.causes.add(cause);
                self.slow = self.slow.saturating_add(slow as u32);
            }
            End::Well | End::Unknown => {}
        }
    }

    fn add_all(&mut self, other: &Self) {
        self.causes.add_all(&other.causes);
        self.slow = self.slow.saturating_add(other.slow);
        self.slow_successes = self.slow_successes.saturating_add(other.slow_successes);
        self.late = self.late.saturating_add(other.late);
    }
}

/// The bucket of a place, emptied if an earlier lap left something in it; `None` when a later lap has it already.
fn bucket_at(buckets: &mut [Bucket; BUCKETS], place: Place) -> Option<&mut Bucket> {
    let bucket = &mut buckets[place.slot];
    if bucket.lap != place.lap {
        if !place.is_after(bucket.lap) {
            return None;
        }
        *bucket = Bucket { lap: place.lap, ..Bucket::default() };
    }
    Some(bucket)
}
