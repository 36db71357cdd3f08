//! How works are measured: what stands behind the candidates, what happens before anything counts, and a round.

use std::{net::SocketAddr, time::Duration};

use tempfile::TempDir;

use super::{Shape, Subject, cache, coalesce, idle, latency, stampede, throughput};
use crate::{
    backend::{Backend, Settings},
    record::Figures,
    server::{Candidate, Server},
    wrk::Script,
};

/// How a round is measured.
#[derive(Clone, Copy)]
pub(super) enum Method {
    /// CPU time per request at full load.
    Throughput,
    /// Memory of connections that do nothing.
    Idle,
    /// Latency at a low rate.
    Latency,
    /// Libraries within this process; no server.
    Breaker,
    /// CPU time per answer from memory.
    Cache(Shape),
    /// Upstream calls for requests with twins.
    Coalesce,
    /// Upstream calls and waits when an item's time is over.
    Stampede {
        /// Mean rate of requests.
        per_second: u32,
    },
}

/// What stands behind the candidates.
pub(super) enum Origin {
    /// A process that answers as fast as it can.
    Fast(Server),
    /// A thread that counts.
    Counting(Backend),
}

/// Which round it is, and how it is to be measured.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// Counted from 1.
    pub(super) round: u32,
    /// How long to measure.
    pub(super) seconds: u64,
    /// What randomness is drawn from.
    pub(super) seed: u64,
    /// Only to show that it works: the machine may be busy with something else.
    pub(super) quick: bool,
}

impl Origin {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Fast(server) => server.address(),
            Self::Counting(backend) => backend.address(),
        }
    }

    /// The one that counts.
    fn counting(&self) -> anyhow::Result<&Backend> {
        match self {
            Self::Fast(_) => anyhow::bail!("this origin does not count"),
            Self::Counting(backend) => Ok(backend),
        }
    }
}

impl Method {
    /// How long one candidate is measured in one round.
    pub(super) fn seconds(self, quick: bool) -> u64 {
        match (self, quick) {
            (Self::Idle | Self::Breaker, _) => 0,
            // The item's time must be over at least once.
            (Self::Stampede { .. }, true) => 5,
            (_, true) => 2,
            (Self::Throughput | Self::Cache(_), false) => 8,
            (Self::Latency, false) => 10,
            (Self::Coalesce, false) => 20,
            (Self::Stampede { .. }, false) => 30,
        }
    }

    /// Whether the seed decides what is sent.
    pub(super) const fn is_random(self) -> bool {
        matches!(self, Self::Coalesce | Self::Stampede { .. })
    }

    /// Starts what stands behind the candidates.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn origin(self) -> anyhow::Result<Origin> {
        let (bytes, takes, max_age) = match self {
            Self::Throughput | Self::Idle | Self::Latency | Self::Breaker => {
                return Server::origin().map(Origin::Fast);
            }
            Self::Cache(shape) => (shape.bytes(), Duration::ZERO, Some(cache::MAX_AGE)),
            Self::Coalesce => (coalesce::BYTES, coalesce::TAKES, None),
            Self::Stampede { .. } => (stampede::BYTES, stampede::TAKES, Some(stampede::TTL)),
        };
        Backend::start(Settings { bytes, takes, max_age }).map(Origin::Counting)
    }

    /// Starts a candidate and brings it to the state in which it is measured.
    ///
    /// # Errors
    /// When it does not start, or does not answer as it should.
    pub(super) fn prepare(self, candidate: Candidate, origin: &Origin) -> anyhow::Result<Subject> {
        let dir = TempDir::new()?;
        let script = Script::write(dir.path(), candidate.requests)?;
        let server = match self {
            // Memory that was used once is not always given back, so each round has a server of its own.
            Self::Idle => None,
            _ => Server::candidate(&candidate, origin.address())?,
        };
        let subject = Subject { candidate, server, script, _dir: dir };
        match self {
            Self::Throughput => throughput::warm_up(&subject)?,
            Self::Cache(_) => cache::warm_up(&subject, origin.counting()?)?,
            _ => {}
        }
        Ok(subject)
    }

    /// Measures once.
    ///
    /// # Errors
    /// When what was measured would mean nothing.
    pub(super) fn round(self, subject: &Subject, origin: &Origin, turn: Turn) -> anyhow::Result<Figures> {
        let seconds = turn.seconds;
        match self {
            Self::Throughput => throughput::round(subject, seconds),
            Self::Idle => idle::round(&subject.candidate, origin.address()),
            Self::Latency => {
                latency::round(subject.server.as_ref().map_or(origin.address(), Server::address), seconds)
            }
            Self::Breaker => anyhow::bail!("breakers have no servers"),
            Self::Cache(_) => cache::round(subject, origin.counting()?, seconds),
            Self::Coalesce => coalesce::round(subject, origin.counting()?, turn),
            Self::Stampede { per_second } => stampede::round(subject, origin.counting()?, per_second, turn),
        }
    }
}
