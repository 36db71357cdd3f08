//! What became of the requests of one system, row by row.
//!
//! A request belongs to the second in which it was due, however late its answer came. So a row says what a caller of
//! that second could expect, and no answer is counted that nobody waited for.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::answer::Worth;

/// Longest latency that can be told apart, in microseconds; callers wait less.
const LONGEST: u64 = 60_000_000;
/// Two digits: a bucket is at most 1 % wide.
const DIGITS: u8 = 2;

/// Figures of a row. Kept as a list in the order of [`Row::COLUMNS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[u64; 15]", into = "[u64; 15]")]
pub(crate) struct Row {
    /// Requests that were due.
    pub(crate) offered: u64,
    /// Of them, answered well within the caller's patience.
    pub(crate) good: u64,
    /// Answered from a cache that could not ask.
    pub(crate) stale: u64,
    /// Answered with a substitute.
    pub(crate) degraded: u64,
    /// Turned away, finally.
    pub(crate) refused: u64,
    /// Failed in another way.
    pub(crate) errors: u64,
    /// Not answered while the caller waited.
    pub(crate) timeouts: u64,
    /// Not sent, for want of a connection: the generator's fault.
    pub(crate) unsent: u64,
    /// Tries that were sent, those of callers that ask again included.
    pub(crate) tries: u64,
    /// Tries that were turned away.
    pub(crate) refusals: u64,
    /// Of them, told when to come back.
    pub(crate) retry_after: u64,
    /// Queries that reached the database in these seconds.
    pub(crate) arrived: u64,
    /// Most queries in the database at once.
    pub(crate) peak: u64,
    /// Median latency of good answers, in microseconds.
    pub(crate) p50_us: u64,
    /// 99th percentile of the same.
    pub(crate) p99_us: u64,
}

impl Row {
    /// Names of the figures, in the order in which they are kept.
    pub(crate) const COLUMNS: [&'static str; 15] = [
        "offered",
        "good",
        "stale",
        "degraded",
        "refused",
        "errors",
        "timeouts",
        "unsent",
        "tries",
        "refusals",
        "retry_after",
        "arrived",
        "peak",
        "p50_us",
        "p99_us",
    ];
}

impl From<Row> for [u64; 15] {
    fn from(row: Row) -> Self {
        let Row {
            offered, good, stale, degraded, refused, errors, timeouts, unsent, tries, refusals, ..
        } = row;
        let Row { retry_after, arrived, peak, p50_us, p99_us, .. } = row;
        [
            offered,
            good,
            stale,
            degraded,
            refused,
            errors,
            timeouts,
            unsent,
            tries,
            refusals,
            retry_after,
            arrived,
            peak,
            p50_us,
            p99_us,
        ]
    }
}

impl From<[u64; 15]> for Row {
    fn from(list: [u64; 15]) -> Self {
        let [offered, good, stale, degraded, refused, errors, timeouts, unsent, tries, refusals, ..] = list;
        let [.., retry_after, arrived, peak, p50_us, p99_us] = list;
        Self {
            offered,
            good,
            stale,
            degraded,
            refused,
            errors,
            timeouts,
            unsent,
            tries,
            refusals,
            retry_after,
            arrived,
            peak,
            p50_us,
            p99_us,
        }
    }
}

/// How a try or a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Answered.
    Answered(Worth),
    /// The connection broke, or could not be made.
    Broken,
    /// The caller's patience was over.
    TimedOut,
    /// There was no connection to send it on.
    Unsent,
}

impl End {
    /// Whether the caller has something to show.
    pub(crate) fn is_useful(self) -> bool {
        matches!(self, Self::Answered(Worth::Good | Worth::Stale | Worth::Degraded))
    }
}

/// Latencies of good answers and of refusals.
#[derive(Clone)]
pub(crate) struct Latencies {
    /// Of good answers.
    pub(crate) good: Histogram<u32>,
    /// Of refusals.
    pub(crate) refused: Histogram<u32>,
}

impl Latencies {
    /// Empty ones.
    ///
    /// # Errors
    /// Never: the bounds are constants that fit.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let empty = || Histogram::new_with_bounds(1, LONGEST, DIGITS);
        Ok(Self { good: empty()?, refused: empty()? })
    }

    /// Adds those of others.
    ///
    /// # Errors
    /// Never: all have the same bounds.
    pub(crate) fn add(&mut self, others: &Self) -> anyhow::Result<()> {
        self.good.add(&others.good)?;
        self.refused.add(&others.refused)?;
        Ok(())
    }
}

/// Rows and latencies of one system.
pub(crate) struct Tally {
    row_seconds: u32,
    rows: Vec<(Row, Latencies)>,
}

impl Tally {
    /// Rows of `row_seconds` seconds each, up to second `end`.
    ///
    /// # Errors
    /// Never: see [`Latencies::new`].
    pub(crate) fn new(row_seconds: u32, end: u32) -> anyhow::Result<Self> {
        let count = end.div_ceil(row_seconds.max(1));
        let rows = (0..count).map(|_| Ok((Row::default(), Latencies::new()?)));
        Ok(Self { row_seconds: row_seconds.max(1), rows: rows.collect::<anyhow::Result<_>>()? })
    }

    fn at(&mut self, time: Duration) -> Option<&mut (Row, Latencies)> {
        let row = time.as_secs() / u64::from(self.row_seconds);
        self.rows.get_mut(usize::try_from(row).ok()?)
    }

    /// A request was due.
    pub(crate) fn offered(&mut self, due: Duration) {
        if let Some((row, _)) = self.at(due) {
            row.offered += 1;
        }
    }

    /// A try was made that was due at `due` and ended after `latency`.
    pub(crate) fn tried(&mut self, due: Duration, end: End, latency: Duration) {
        let Some((row, latencies)) = self.at(due) else { return };
        let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST).max(1);
        row.tries += u64::from(end != End::Unsent);
        match end {
            End::Answered(Worth::Good) => latencies.good.saturating_record(micros),
            End::Answered(Worth::Refused { retry_after }) => {
                row.refusals += 1;
                row.retry_after += u64::from(retry_after);
                latencies.refused.saturating_record(micros);
            }
            _ => {}
        }
    }

    /// A request that was due at `due` came to its end, after whatever tries it took.
    pub(crate) fn settled(&mut self, due: Duration, end: End) {
        let Some((row, _)) = self.at(due) else { return };
        let count = match end {
            End::Answered(Worth::Good) => &mut row.good,
            End::Answered(Worth::Stale) => &mut row.stale,
            End::Answered(Worth::Degraded) => &mut row.degraded,
            End::Answered(Worth::Refused { .. }) => &mut row.refused,
            End::Answered(Worth::Error) | End::Broken => &mut row.errors,
            End::TimedOut => &mut row.timeouts,
            End::Unsent => &mut row.unsent,
        };
        *count += 1;
    }

    /// What the database saw up to `now` since it was last asked.
    pub(crate) fn database(&mut self, now: Duration, arrived: u64, peak: u64) {
        if let Some((row, _)) = self.at(now) {
            row.arrived += arrived;
            row.peak = row.peak.max(peak);
        }
    }

    /// The rows, complete with percentiles, and the latencies of each.
    pub(crate) fn finish(self) -> Vec<(Row, Latencies)> {
        let complete = |(row, latencies): (Row, Latencies)| {
            let percentile = |quantile| match latencies.good.is_empty() {
                true => 0,
                false => latencies.good.value_at_quantile(quantile),
            };
            (Row { p50_us: percentile(0.5), p99_us: percentile(0.99), ..row }, latencies)
        };
        self.rows.into_iter().map(complete).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: End = End::Answered(Worth::Good);

    #[test]
    fn a_late_answer_counts_where_it_was_due() {
        let mut tally = Tally::new(1, 3).unwrap();
        let due = Duration::from_millis(500);
        tally.offered(due);
        tally.tried(due, GOOD, Duration::from_secs(2));
        tally.settled(due, GOOD);
        let rows = tally.finish();
        assert_eq!((rows[0].0.good, rows[2].0.good), (1, 0));
        assert!((1_980_000..=2_020_000).contains(&rows[0].0.p99_us));
    }

    #[test]
    fn every_end_has_its_column() {
        let refused = End::Answered(Worth::Refused { retry_after: true });
        let ends = [
            GOOD,
            End::Answered(Worth::Stale),
            End::Answered(Worth::Degraded),
            refused,
            End::Answered(Worth::Error),
            End::Broken,
            End::TimedOut,
            End::Unsent,
        ];
        let mut tally = Tally::new(10, 20).unwrap();
        for end in ends {
            tally.offered(Duration::from_secs(15));
            tally.tried(Duration::from_secs(15), end, Duration::from_millis(1));
            tally.settled(Duration::from_secs(15), end);
        }
        let (row, latencies) = &tally.finish()[1];
        let list: [u64; 15] = (*row).into();
        assert_eq!(list[..11], [8, 1, 1, 1, 1, 2, 1, 1, 7, 1, 1]);
        assert_eq!(latencies.refused.len(), 1);
        assert_eq!(Row::from(list), *row);
    }
}
