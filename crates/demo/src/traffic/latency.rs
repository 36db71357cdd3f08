//! How long answers took.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest time that is told apart; a visit is given up long before.
const LONGEST: Duration = Duration::from_secs(60);
/// Significant digits: an error of at most 0.1 %.
const DIGITS: u8 = 3;

/// Three percentiles of the time from the moment a request was due to its whole answer.
///
/// Counted from when it was *due* and not from when it was sent: a server that holds up its clients would otherwise be
/// asked less while it is slow, and look fast (coordinated omission).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Half of the answers came within this time.
    pub p50: Duration,
    /// 95 % did.
    pub p95: Duration,
    /// 99 % did.
    pub p99: Duration,
}

/// Times in microseconds.
#[derive(Debug)]
pub(crate) struct Times(Option<Histogram<u64>>);

impl Times {
    pub(crate) fn new() -> Self {
        // Fails for bounds that make no sense only, and these do. Without it there would be no percentiles.
        Self(Histogram::new_with_max(micros(LONGEST), DIGITS).ok())
    }

    pub(crate) fn record(&mut self, time: Duration) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(micros(time));
        }
    }

    pub(crate) fn clear(&mut self) {
        if let Some(histogram) = &mut self.0 {
            histogram.reset();
        }
    }

    pub(crate) fn latency(&self) -> Latency {
        let at = |quantile| {
            let value = self.0.as_ref().map_or(0, |histogram| histogram.value_at_quantile(quantile));
            Duration::from_micros(value)
        };
        Latency { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_thousandth() {
        let mut times = Times::new();
        (1..=1_000).for_each(|millis| times.record(Duration::from_millis(millis)));
        let Latency { p50, p95, p99 } = times.latency();
        for (found, expected) in [(p50, 0.5), (p95, 0.95), (p99, 0.99)] {
            assert!((found.as_secs_f64() / expected - 1.0).abs() < 0.002, "{found:?} {expected}");
        }
        times.clear();
        assert_eq!(times.latency(), Latency::default());
    }

    #[test]
    fn what_is_longer_than_the_longest_counts_as_that() {
        let mut times = Times::new();
        times.record(Duration::from_secs(3_600));
        assert!(times.latency().p50 >= LONGEST);
    }
}
