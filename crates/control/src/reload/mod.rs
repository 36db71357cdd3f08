//! A new config into the running process: all of it or nothing.
//!
//! One task owns reloading. It gets requests from the API, from SIGHUP and from a watch on the file, through one
//! bounded queue, and answers all that wait with one load. A config that cannot be read, says something wrong, needs
//! a restart or is refused by the data plane changes nothing: the old plan stays, and the error is kept for
//! `/v1/status` and the metrics until a reload succeeds.
mod error;
mod owner;
mod restart;
mod signal;
mod watch;

pub(crate) use self::{
    error::ReloadError,
    owner::{Owner, Reloader},
    signal::on_hangup,
    watch::on_change,
};

use std::{
    fmt,
    sync::Arc,
    time::{Instant, SystemTime},
};

/// What asked for a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// `POST /v1/reload`.
    Api,
    /// SIGHUP.
    Signal,
    /// The file changed.
    File,
}

/// How reloading stands.
#[derive(Clone, Debug)]
pub(crate) struct ReloadStatus {
    /// Configs applied since the start, the first one included.
    pub(crate) generation: u64,
    /// SHA-256 of the running config's text, hex.
    pub(crate) hash: String,
    /// When the running config was applied.
    pub(crate) applied_at: SystemTime,
    /// Why the newest reload was refused; `None` when it was not.
    pub(crate) last_error: Option<Failure>,
}

/// A refused reload.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) at: SystemTime,
    pub(crate) trigger: Trigger,
    pub(crate) error: Arc<ReloadError>,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Api => "api",
            Self::Signal => "signal",
            Self::File => "file",
        })
    }
}

/// Milliseconds since `start`, for logs.
fn milliseconds(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
