//! Latency at a rate that keeps nobody busy.
//!
//! Open loop: requests are due at fixed times and latency counts from there, so a stall is seen by every request that
//! was due meanwhile, not only by the one that met it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::ensure;

use super::Column;
use crate::{client::Connection, poll, record::Figures, stats::micros_histogram};

pub(super) const COLUMNS: &[Column] = &[
    Column { figure: "p50_us", heading: "P50 us", decimals: 0 },
    Column { figure: "p99_us", heading: "P99 us", decimals: 0 },
];

/// Requests per second.
const RATE: u32 = 500;
/// Sleeping is this inexact; the rest of the wait is spun.
const SPIN: Duration = Duration::from_micros(300);
/// Requests before those that count.
const WARM_UP: u32 = 200;

/// Sends for `seconds` on one connection.
///
/// # Errors
/// When a request fails.
pub(super) fn round(server: SocketAddr, seconds: u64) -> anyhow::Result<Figures> {
    let mut connection = Connection::open(server)?;
    for _ in 0..WARM_UP {
        connection.get("/articles/7", &[])?;
    }
    let (mut latency, mut lag) = (micros_histogram()?, micros_histogram()?);
    let interval = Duration::from_secs(1) / RATE;
    let start = Instant::now();
    for turn in 0..u32::try_from(seconds)? * RATE {
        let due = start + interval * turn;
        wait_until(due);
        lag.saturating_record(micros(due.elapsed()));
        let answer = connection.get("/articles/7", &[])?;
        ensure!(answer.status == 200, "status {}", answer.status);
        latency.saturating_record(micros(due.elapsed()));
    }
    Ok([
        ("p50_us", latency.value_at_quantile(0.5)),
        ("p99_us", latency.value_at_quantile(0.99)),
        ("max_us", latency.max()),
        ("send_lag_p99_us", lag.value_at_quantile(0.99)),
        ("requests", latency.len()),
    ]
    .map(|(name, value)| (name.to_owned(), value as f64))
    .into())
}

fn wait_until(due: Instant) {
    if let Some(coarse) = due.saturating_duration_since(Instant::now()).checked_sub(SPIN) {
        poll::pause(coarse);
    }
    while Instant::now() < due {
        std::hint::spin_loop();
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
