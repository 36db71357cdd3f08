//! What an answer from memory costs.
//!
//! Every key is in every cache before anything is counted, and a round in which the origin is asked even once is void: a
//! cache that forgets would be measured as a proxy.

use std::time::Duration;

use anyhow::{Context, ensure};
use clap::ValueEnum;

use super::{Subject, throughput};
use crate::{
    backend::Backend,
    client::Connection,
    items, poll,
    record::Figures,
    server::{Requests, Server},
};

/// Time for what was fetched last to be kept, after it was answered.
const SETTLING: Duration = Duration::from_secs(5);
/// For how long the origin lets its answers be kept: longer than any run.
pub(super) const MAX_AGE: Duration = Duration::from_secs(3600);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// 1 KiB, one key
    #[value(name = "1kib-hot")]
    OneHot,
    /// 1 KiB, 10,000 keys
    #[value(name = "1kib-many")]
    OneMany,
    /// 10 KiB, one key
    #[value(name = "10kib-hot")]
    TenHot,
    /// 10 KiB, 10,000 keys
    #[value(name = "10kib-many")]
    TenMany,
}

impl Shape {
    /// Name of the work, and its title.
    pub(super) const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::OneHot => ("cache-1kib-hot", "1 KiB of JSON from memory, one key"),
            Self::OneMany => ("cache-1kib-many", "1 KiB of JSON from memory, 10,000 keys"),
            Self::TenHot => ("cache-10kib-hot", "10 KiB of JSON from memory, one key"),
            Self::TenMany => ("cache-10kib-many", "10 KiB of JSON from memory, 10,000 keys"),
        }
    }

    /// Bytes of an item.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::OneHot | Self::OneMany => 1024,
            Self::TenHot | Self::TenMany => 10 * 1024,
        }
    }

    /// What candidates are sent.
    pub(super) const fn requests(self) -> Requests {
        let keys = match self {
            Self::OneHot | Self::TenHot => 1,
            Self::OneMany | Self::TenMany => 10_000,
        };
        Requests::Items { keys, bytes: self.bytes() }
    }
}

/// Asks for every key, until all of them are answered from memory; then as [`throughput::warm_up`].
///
/// # Errors
/// When a request fails, an answer is wrong, or the origin is still asked.
pub(super) fn warm_up(subject: &Subject, origin: &Backend) -> anyhow::Result<()> {
    let server = subject.server.as_ref().context("no server to load")?;
    let Requests::Items { keys, bytes } = subject.candidate.requests else {
        anyhow::bail!("a cache is asked for items");
    };
    let fill = || ask_for_all(server, keys, bytes);
    fill()
        .and_then(|()| poll::until(SETTLING, || without_asking(origin, fill)))
        .with_context(|| subject.candidate.name)?;
    throughput::warm_up(subject)
}

/// Loads the server for `seconds`.
///
/// # Errors
/// As [`throughput::round`], and when the origin was asked.
pub(super) fn round(subject: &Subject, origin: &Backend, seconds: u64) -> anyhow::Result<Figures> {
    without_asking(origin, || throughput::round(subject, seconds)).with_context(|| subject.candidate.name)
}

/// Does `work`, for which the origin must not be asked.
fn without_asking<T>(origin: &Backend, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let before = origin.asked();
    let done = work()?;
    let asked = origin.asked() - before;
    ensure!(asked == 0, "void: {asked} requests went to the origin");
    Ok(done)
}

/// All keys on one connection; each answer must be the right one.
fn ask_for_all(server: &Server, keys: usize, bytes: usize) -> anyhow::Result<()> {
    let mut connection = Connection::open(server.address())?;
    for n in 0..keys {
        let path = items::path(n);
        let answer = connection.get(&path, &[]).with_context(|| path.clone())?;
        ensure!(answer.status == 200, "{path}: status {}", answer.status);
        ensure!(answer.body == items::body(n, bytes), "{path}: the body is not the origin's");
        ensure!(!answer.closes, "{path}: the server closes the connection");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Settings;

    #[test]
    fn work_that_asks_the_origin_is_void() {
        let settings = Settings { bytes: 256, takes: Duration::ZERO, max_age: Some(MAX_AGE) };
        let origin = Backend::start(settings).unwrap();
        assert_eq!(without_asking(&origin, || Ok(7)).unwrap(), 7);
        let asks = || Connection::open(origin.address())?.get(&items::path(0), &[]);
        let error = without_asking(&origin, asks).unwrap_err();
        assert!(error.to_string().contains("1 requests went to the origin"), "{error}");
    }
}
