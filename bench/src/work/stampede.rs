//! What happens when a hot item's time is over.
//!
//! One item is good for 2 s and takes the upstream 300 ms to make. Whoever asks in between must wait or be given something,
//! and a gateway that lets all of them through sends the upstream hundreds of calls for one answer, every 2 s.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::{Column, Subject, Turn};
use crate::{backend::Backend, client::Connection, items, open_loop, record::Figures, traffic::Arrivals};

pub(super) const COLUMNS: &[Column] = &[
    Column { figure: "upstream_calls", heading: "upstream calls", decimals: 0 },
    Column { figure: "waited_over_50_ms", heading: "requests that waited over 50 ms", decimals: 0 },
    Column { figure: "p99_us", heading: "P99 us", decimals: 0 },
    Column { figure: "max_us", heading: "longest us", decimals: 0 },
    Column { figure: "requests", heading: "requests", decimals: 0 },
];

/// How long the upstream takes to make the item.
pub(super) const TAKES: Duration = Duration::from_millis(300);
/// For how long the item is good.
pub(super) const TTL: Duration = Duration::from_secs(2);
/// Bytes of the item.
pub(super) const BYTES: usize = 1024;

/// Asks for an item that no earlier round asked for, `per_second` times on average. It is fetched once
/// before the first: a cold start is another question.
///
/// # Errors
/// When a single request fails, or requests were sent too late.
pub(super) fn round(
    subject: &Subject,
    origin: &Backend,
    per_second: u32,
    turn: Turn,
) -> anyhow::Result<Figures> {
    let server = subject.server.as_ref().context("no server to load")?;
    let item = usize::try_from(turn.round)?;
    let answer = Connection::open(server.address())?.get(&items::path(item), &[])?;
    ensure!(answer.status == 200, "the first request: status {}", answer.status);
    let (before, requests) =
        (origin.asked(), Arrivals::new(turn.seed, per_second, turn.seconds).of_item(item));
    let seen = open_loop::play(server.address(), BYTES, requests).with_context(|| subject.candidate.name)?;
    if !turn.quick {
        seen.check_lag()?;
    }
    Ok([
        ("upstream_calls", origin.asked() - before),
        ("waited_over_50_ms", seen.waited),
        ("requests", seen.latency.len()),
        ("p50_us", seen.latency.value_at_quantile(0.5)),
        ("p99_us", seen.latency.value_at_quantile(0.99)),
        ("max_us", seen.latency.max()),
        ("send_lag_p99_us", seen.lag.value_at_quantile(0.99)),
    ]
    .map(|(name, value)| (name.to_owned(), value as f64))
    .into())
}
