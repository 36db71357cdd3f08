//! Whether the process takes traffic, as orchestrators are told.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{DataPlane, Readiness, warm::Gate};

/// Whether the process takes traffic. It begins as `Starting`, and never is ready again once it drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No config is in effect on every worker yet.
    Starting,
    /// It would, but its cache is not filled yet.
    Warming {
        /// URLs that are over and done with.
        over: usize,
        /// URLs there are.
        total: usize,
    },
    /// Yes.
    Ready,
    /// What is under way is ended.
    Draining,
}

impl Verdict {
    /// As it is at `now`.
    pub(crate) fn at(now: Instant, data_plane: &Arc<dyn DataPlane>, gate: &Gate) -> Self {
        match data_plane.readiness() {
            Readiness::Starting => Self::Starting,
            Readiness::Draining => Self::Draining,
            Readiness::Ready => match gate.holds_back(now) {
                None => Self::Ready,
                Some(total) => {
                    let over = data_plane.warming().map_or(0, |progress| progress.over());
                    Self::Warming { over, total }
                }
            },
        }
    }

    /// One word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Warming { .. } => "warming",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }
}
