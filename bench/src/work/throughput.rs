//! CPU time per request under full load.
//!
//! Time over requests, not requests per second: with server and load on cores of their own the slower of the two sets
//! the rate, but what the server spends is the server's alone.

use std::time::Duration;

use anyhow::Context;

use super::{Column, Subject};
use crate::record::Figures;

pub(super) const COLUMNS: &[Column] = &[
    Column { figure: "cpu_us_per_request", heading: "CPU us/request", decimals: 1 },
    Column { figure: "user_us_per_request", heading: "of it user", decimals: 1 },
    Column { figure: "requests_per_second", heading: "requests/s on one core", decimals: 0 },
    Column { figure: "server_core_busy_ratio", heading: "core busy", decimals: 2 },
];

/// Opens the connections and fills the pools before anything is counted.
///
/// # Errors
/// When a request fails.
pub(super) fn warm_up(subject: &Subject) -> anyhow::Result<()> {
    let server = subject.server.as_ref().context("no server to load")?;
    subject.script.run(server.address(), Duration::from_secs(1)).with_context(|| subject.candidate.name)?;
    Ok(())
}

/// Loads the server for `seconds`. The window runs from before the load generator starts to after it has ended, so
/// every request that cost something is among those counted.
///
/// # Errors
/// When a request fails or the server is gone.
pub(super) fn round(subject: &Subject, seconds: u64) -> anyhow::Result<Figures> {
    let server = subject.server.as_ref().context("no server to load")?;
    let before = server.cpu()?;
    let report = subject
        .script
        .run(server.address(), Duration::from_secs(seconds))
        .with_context(|| subject.candidate.name)?;
    let used = server.cpu()?.since(before);
    let (requests, elapsed) = (report.requests as f64, report.microseconds as f64 / 1e6);
    let per_request = |time: Duration| time.as_secs_f64() * 1e6 / requests;
    Ok([
        ("cpu_us_per_request", per_request(used.total())),
        ("user_us_per_request", per_request(used.user)),
        ("requests", requests),
        ("seconds", elapsed),
        ("requests_per_second", requests / elapsed),
        ("server_core_busy_ratio", used.total().as_secs_f64() / elapsed),
        ("p50_us", report.p50 as f64),
        ("p99_us", report.p99 as f64),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into())
}
