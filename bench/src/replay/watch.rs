//! Whether a run is worth anything: generator and databases must have kept their times, and neither core may have been
//! the limit.

use std::{collections::VecDeque, time::Duration};

use hdrhistogram::Histogram;
use procfs::{CpuTime, CurrentSI, KernelStats};
use serde::{Deserialize, Serialize};

use crate::machine::{LOAD_CORE, SERVER_CORE};

/// Most that requests may be late at the 99th percentile.
const MAX_LAG: Duration = Duration::from_millis(5);
/// Most that a core may be busy over [`WINDOW`] seconds.
const MAX_BUSY: f64 = 0.70;
/// Seconds over which a core's work is averaged: a jam that begins opens five seconds' worth of connections, and a
/// process that is busy for one of them delays nothing that is measured.
const WINDOW: usize = 5;

/// What was watched, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watched {
    /// How late requests were sent at the 99th percentile, in microseconds.
    pub(crate) lag_p99_us: u64,
    /// The same at most.
    pub(crate) lag_max_us: u64,
    /// Share of time that the core of callers and databases was busy in the busiest five seconds.
    pub(crate) load_core_busy: f64,
    /// The same for the core of the systems.
    pub(crate) server_core_busy: f64,
    /// Requests that were not sent for want of a connection.
    pub(crate) unsent: u64,
}

/// Busy and all time of a core, in the kernel's ticks, summed since the start of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ticks {
    busy: u64,
    all: u64,
}

/// One core, second by second.
#[derive(Debug, Default)]
struct Core {
    seconds: VecDeque<Ticks>,
    busiest: f64,
}

/// Both cores.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    load: Core,
    server: Core,
}

impl Watch {
    /// Looks at the cores; to be called once a second.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub(crate) fn look(&mut self) -> anyhow::Result<()> {
        let cores = KernelStats::current()?.cpu_time;
        for (core, number) in [(&mut self.load, LOAD_CORE), (&mut self.server, SERVER_CORE)] {
            core.note(cores.get(number).map(Ticks::of).unwrap_or_default());
        }
        Ok(())
    }

    /// What was seen, together with the generator's own figures.
    pub(crate) fn finish(&self, lag: &Histogram<u64>, unsent: u64) -> Watched {
        Watched {
            lag_p99_us: lag.value_at_quantile(0.99),
            lag_max_us: lag.max(),
            load_core_busy: round(self.load.busiest),
            server_core_busy: round(self.server.busiest),
            unsent,
        }
    }
}

fn round(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}

impl Ticks {
    fn of(time: &CpuTime) -> Self {
        let idle = time.idle + time.iowait.unwrap_or_default();
        let stolen =
            time.irq.unwrap_or_default() + time.softirq.unwrap_or_default() + time.steal.unwrap_or_default();
        let busy = time.user + time.nice + time.system + stolen;
        Self { busy, all: busy + idle }
    }
}

impl Core {
    fn note(&mut self, ticks: Ticks) {
        self.seconds.push_back(ticks);
        if self.seconds.len() <= WINDOW {
            return;
        }
        let Some(earlier) = self.seconds.pop_front() else { return };
        let all = ticks.all.saturating_sub(earlier.all).max(1);
        self.busiest = self.busiest.max(ticks.busy.saturating_sub(earlier.busy) as f64 / all as f64);
    }
}

impl Watched {
    /// Why the run proves nothing; empty when it does.
    pub(crate) fn void(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if Duration::from_micros(self.lag_p99_us) > MAX_LAG {
            reasons.push(format!(
                "requests were sent {} us late (p99), {MAX_LAG:?} is allowed",
                self.lag_p99_us
            ));
        }
        for (core, busy) in
            [("callers and databases", self.load_core_busy), ("systems", self.server_core_busy)]
        {
            if busy > MAX_BUSY {
                reasons.push(format!(
                    "the core of the {core} was {:.0} % busy for {WINDOW} s, {:.0} % is allowed",
                    busy * 100.0,
                    MAX_BUSY * 100.0
                ));
            }
        }
        if self.unsent > 0 {
            reasons.push(format!("{} requests were not sent for want of a connection", self.unsent));
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_five_seconds_count() {
        let mut core = Core::default();
        let mut ticks = Ticks::default();
        for second in 0..30 {
            core.note(ticks);
            let busy = if (10..15).contains(&second) { 80 } else { 10 };
            ticks = Ticks { busy: ticks.busy + busy, all: ticks.all + 100 };
        }
        assert!((core.busiest - 0.8).abs() < 1e-9, "{}", core.busiest);
    }

    #[test]
    fn a_run_is_void_for_each_reason() {
        let good = Watched {
            lag_p99_us: 400,
            lag_max_us: 20_000,
            load_core_busy: 0.6,
            server_core_busy: 0.7,
            unsent: 0,
        };
        assert_eq!(good.void(), Vec::<String>::new());
        let bad = [
            Watched { lag_p99_us: 5_001, ..good.clone() },
            Watched { load_core_busy: 0.71, ..good.clone() },
            Watched { server_core_busy: 0.71, ..good.clone() },
            Watched { unsent: 1, ..good },
        ];
        assert!(bad.iter().all(|watched| watched.void().len() == 1));
    }
}
