//! Few rounds, so: median, and the range beside it. Many requests, so: histograms.

use anyhow::Context;
use hdrhistogram::Histogram;

/// An empty histogram of times in microseconds, up to a minute, to three digits. One that grows by itself would not grow
/// when it is told to saturate, and hide whatever is longer than it was at first.
///
/// # Errors
/// Never: the bounds are constants that fit.
pub(crate) fn micros_histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000, 3).context("bounds of a histogram")
}

/// What several rounds of one figure say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    /// Middle value, or the mean of the two in the middle.
    pub(crate) median: f64,
    /// Least.
    pub(crate) min: f64,
    /// Greatest.
    pub(crate) max: f64,
}

impl Summary {
    /// Of these values; `None` when there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_kept_as_they_are() {
        let mut histogram = micros_histogram().unwrap();
        histogram.saturating_record(300_000);
        assert!((299_000..=301_000).contains(&histogram.max()), "{}", histogram.max());
    }

    #[test]
    fn medians() {
        assert_eq!(Summary::of([]), None);
        assert_eq!(Summary::of([3.0, 1.0, 9.0]), Some(Summary { median: 3.0, min: 1.0, max: 9.0 }));
        assert_eq!(Summary::of([4.0, 1.0, 2.0, 9.0]), Some(Summary { median: 3.0, min: 1.0, max: 9.0 }));
    }
}
