//! When requests are due.
//!
//! The load is open-loop: a request is due whether or not the one before was answered, and its latency counts from when
//! it was due. A generator that waits for answers before it sends more would spare a jammed system exactly while it
//! is jammed, and would not see the jam.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// From this second on, so many requests a second, evenly spaced.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rate {
    /// Second of the run.
    pub(crate) from: u32,
    /// Requests per second.
    pub(crate) per_second: f64,
}

/// The moments at which requests are due.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    rates: Vec<Rate>,
    end: u32,
    /// Share of the first gap that passes before the first request, so that systems side by side are not asked in step.
    phase: f64,
}

impl Schedule {
    /// `rates` in order of time, beginning with second 0; nothing is due from second `end` on.
    pub(crate) fn new(rates: &[Rate], end: u32, phase: f64) -> Self {
        Self { rates: rates.to_vec(), end, phase: phase.clamp(0.0, 1.0) }
    }

    /// When the `n`-th request is due, counted from 0; `None` when the run ends before.
    pub(crate) fn due(&self, n: u64) -> Option<Duration> {
        let mut rest = n as f64 + self.phase;
        for (index, rate) in self.rates.iter().enumerate() {
            let until = self.rates.get(index + 1).map_or(self.end, |next| next.from);
            let whole = rate.per_second * f64::from(until.saturating_sub(rate.from));
            if rest < whole {
                return Some(Duration::from_secs_f64(f64::from(rate.from) + rest / rate.per_second));
            }
            rest -= whole;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surge() -> Schedule {
        let rates = [Rate { from: 0, per_second: 100.0 }, Rate { from: 2, per_second: 250.0 }];
        Schedule::new(&rates, 4, 0.5)
    }

    #[test]
    fn every_second_gets_its_rate() {
        let times: Vec<_> = (0..).map_while(|n| surge().due(n)).collect();
        let counts = (0..4).map(|second| times.iter().filter(|time| time.as_secs() == second).count());
        assert_eq!(counts.collect::<Vec<_>>(), [100, 100, 250, 250]);
        assert!(times.is_sorted());
    }

    #[test]
    fn requests_are_evenly_spaced() {
        let times: Vec<_> = (0..).map_while(|n| surge().due(n)).collect();
        let gaps = times[201..].windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.into_iter().all(|gap| (3999..=4001).contains(&gap.as_micros())));
        assert_eq!(times[0], Duration::from_millis(5));
    }
}
