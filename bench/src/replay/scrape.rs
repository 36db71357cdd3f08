//! What Banyan's own metrics say about alarms, for the scenario in which there must be none.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::client::Connection;

/// Alarms since the program was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alarms {
    /// Transitions of breakers.
    pub(crate) trips: f64,
    /// Requests shed.
    pub(crate) sheds: f64,
}

/// Asks for `/metrics`.
///
/// # Errors
/// When it does not answer.
pub(crate) fn alarms(metrics: SocketAddr) -> anyhow::Result<Alarms> {
    let answer = Connection::open(metrics)?.get("/metrics", &[]).context("metrics")?;
    ensure!(answer.status == 200, "metrics: status {}", answer.status);
    Ok(read(&String::from_utf8_lossy(&answer.body)))
}

impl Alarms {
    /// What came since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { trips: self.trips - earlier.trips, sheds: self.sheds - earlier.sheds }
    }
}

/// Sums over all series of a counter.
fn read(text: &str) -> Alarms {
    let sum = |name: &str| {
        let series = text.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
        });
        series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    };
    Alarms { trips: sum("banyan_breaker_transitions_total"), sheds: sum("banyan_shed_total") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_a_counter_are_summed() {
        let text = "# TYPE banyan_shed counter\nbanyan_shed_total{reason=\"limit\"} 3\nbanyan_shed_total{reason=\"low\"} 4\n\
            banyan_shed_totals 9\nbanyan_breaker_transitions_total{upstream=\"a\",to=\"open\"} 1\n# EOF\n";
        assert_eq!(read(text), Alarms { trips: 1.0, sheds: 7.0 });
        assert_eq!(read(""), Alarms::default());
    }
}
