//! What is measured: the candidates, the method, and the columns people read.

mod breaker;
mod idle;
mod latency;
mod throughput;

use anyhow::ensure;
use tempfile::TempDir;

use crate::{
    Options,
    machine::Machine,
    peers::{DIRECT, banyan, haproxy, nginx},
    record::{Figures, Measured, Run},
    server::{Candidate, Requests, Server},
    wrk::Script,
};

/// A piece of work to measure candidates on.
pub(crate) struct Work {
    /// Name on the command line, in files and in markers.
    pub(crate) name: &'static str,
    /// Heading of the first column.
    pub(crate) title: &'static str,
    /// Columns; the first is the one compared.
    pub(crate) columns: &'static [Column],
    /// Candidates the others are compared with.
    pub(crate) baselines: &'static [&'static str],
    /// How they are compared.
    pub(crate) comparison: Comparison,
    candidates: Vec<Candidate>,
    /// How servers are measured; `None` where what is measured are libraries within this process.
    method: Option<Method>,
}

/// How a candidate is compared with a baseline, round by round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// How many times as much.
    Ratio,
    /// How much more.
    Added,
}

/// A figure, as people read it.
pub(crate) struct Column {
    /// Its name in the record.
    pub(crate) figure: &'static str,
    /// What it is called in the table.
    pub(crate) heading: &'static str,
    /// Decimals shown.
    pub(crate) decimals: usize,
}

/// How a round is measured.
#[derive(Clone, Copy)]
enum Method {
    Throughput,
    Idle,
    Latency,
}

/// A candidate with all that a round needs; it lives through all rounds.
struct Subject {
    candidate: Candidate,
    server: Option<Server>,
    script: Script,
    /// Holds the script's files.
    _dir: TempDir,
}

/// Every work, in the order of the README.
pub(crate) fn all() -> Vec<Work> {
    vec![pass_through(), unit(), resilience(), routes(), idle(), latency(), breaker()]
}

/// Plain proxying.
pub(crate) fn pass_through() -> Work {
    Work {
        name: "pass-through",
        title: "1 KiB of JSON, 64 connections",
        columns: throughput::COLUMNS,
        baselines: &["nginx", "HAProxy"],
        comparison: Comparison::Ratio,
        candidates: vec![banyan::BANYAN, nginx::NGINX, nginx::NGINX_LOG, haproxy::HAPROXY, nginx::NGINX_LUA],
        method: Some(Method::Throughput),
    }
}

/// A sticky split, with all that is on when it is used.
pub(crate) fn unit() -> Work {
    let users = |candidate| Candidate { requests: Requests::Users, ..candidate };
    Work {
        name: "unit",
        title: "Sticky split of 1,000 users",
        columns: throughput::COLUMNS,
        baselines: &["Banyan", "nginx, split, log"],
        comparison: Comparison::Ratio,
        candidates: vec![
            banyan::BANYAN_UNIT,
            users(banyan::BANYAN),
            nginx::NGINX_SPLIT,
            users(nginx::NGINX),
            users(nginx::NGINX_LOG),
        ],
        method: Some(Method::Throughput),
    }
}

/// What the patterns of calling an upstream add.
pub(crate) fn resilience() -> Work {
    Work {
        name: "resilience",
        title: "1 KiB of JSON, 64 connections",
        columns: throughput::COLUMNS,
        baselines: &["Banyan, no patterns"],
        comparison: Comparison::Added,
        candidates: vec![
            banyan::BANYAN_BARE,
            banyan::BANYAN,
            banyan::BANYAN_PATTERNS,
            banyan::BANYAN_HEDGED,
            banyan::BANYAN_VALID,
        ],
        method: Some(Method::Throughput),
    }
}

/// Few routes and many.
pub(crate) fn routes() -> Work {
    Work {
        name: "routes",
        title: "All routes in turn",
        columns: throughput::COLUMNS,
        baselines: &["Banyan, 10 routes"],
        comparison: Comparison::Ratio,
        candidates: vec![banyan::BANYAN_10, banyan::BANYAN_10000],
        method: Some(Method::Throughput),
    }
}

/// Connections that have made one request and are kept open.
pub(crate) fn idle() -> Work {
    Work {
        name: "idle",
        title: "Idle keep-alive connections",
        columns: idle::COLUMNS,
        baselines: &[],
        comparison: Comparison::Ratio,
        candidates: vec![banyan::BANYAN, nginx::NGINX, haproxy::HAPROXY],
        method: Some(Method::Idle),
    }
}

/// What a proxy adds when it is not busy.
pub(crate) fn latency() -> Work {
    Work {
        name: "latency",
        title: "500 requests/s, open loop",
        columns: latency::COLUMNS,
        baselines: &["direct"],
        comparison: Comparison::Added,
        candidates: vec![DIRECT, banyan::BANYAN, nginx::NGINX, haproxy::HAPROXY],
        method: Some(Method::Latency),
    }
}

/// What circuit breakers cost the calls they let pass.
pub(crate) fn breaker() -> Work {
    Work {
        name: "breaker",
        title: "A call that passes a closed breaker",
        columns: breaker::COLUMNS,
        baselines: breaker::BASELINES,
        comparison: Comparison::Ratio,
        candidates: Vec::new(),
        method: None,
    }
}

impl Work {
    /// Whether servers are measured, and so whose versions matter.
    pub(crate) const fn needs_servers(&self) -> bool {
        self.method.is_some()
    }

    /// Measures every candidate, round by round.
    ///
    /// # Errors
    /// When a server does not start or gives a wrong answer, when a request fails, or when nothing is left to measure.
    pub(crate) fn measure(&self, options: &Options) -> anyhow::Result<Run> {
        let Some(method) = self.method else {
            return breaker::measure(options);
        };
        let wanted = |candidate: &&Candidate| {
            options.only.is_empty() || options.only.iter().any(|part| candidate.name.contains(part))
        };
        let candidates: Vec<_> = self.candidates.iter().filter(wanted).copied().collect();
        ensure!(!candidates.is_empty(), "{}: no candidate is called that", self.name);
        let (at, machine, seconds) = (Run::now(), Machine::look()?, method.seconds(options.quick));
        let origin = Server::origin()?;
        let subjects = candidates.into_iter().map(|one| method.prepare(one, &origin));
        let subjects = subjects.collect::<anyhow::Result<Vec<_>>>()?;
        let mut measured: Vec<_> = subjects.iter().map(Subject::unmeasured).collect();
        for round in 1..=options.rounds {
            for (subject, measured) in subjects.iter().zip(&mut measured) {
                eprintln!("{}: round {round} of {}: {}", self.name, options.rounds, subject.candidate.name);
                measured.rounds.push(method.round(subject, &origin, seconds)?);
            }
        }
        Ok(Run { work: self.name.to_owned(), at, machine, seconds, candidates: measured })
    }
}

impl Method {
    /// How long one candidate is measured in one round.
    fn seconds(self, quick: bool) -> u64 {
        match (self, quick) {
            (Self::Idle, _) => 0,
            (_, true) => 2,
            (Self::Throughput, false) => 8,
            (Self::Latency, false) => 10,
        }
    }

    fn prepare(self, candidate: Candidate, origin: &Server) -> anyhow::Result<Subject> {
        let dir = TempDir::new()?;
        let script = Script::write(dir.path(), candidate.requests)?;
        let server = match self {
            // Memory that was used once is not always given back, so each round has a server of its own.
            Self::Idle => None,
            Self::Throughput | Self::Latency => Server::candidate(&candidate, origin.address())?,
        };
        let subject = Subject { candidate, server, script, _dir: dir };
        if matches!(self, Self::Throughput) {
            throughput::warm_up(&subject)?;
        }
        Ok(subject)
    }

    fn round(self, subject: &Subject, origin: &Server, seconds: u64) -> anyhow::Result<Figures> {
        match self {
            Self::Throughput => throughput::round(subject, seconds),
            Self::Idle => idle::round(&subject.candidate, origin.address()),
            Self::Latency => {
                latency::round(subject.server.as_ref().map_or(origin.address(), Server::address), seconds)
            }
        }
    }
}

impl Subject {
    fn unmeasured(&self) -> Measured {
        let Candidate { name, about, .. } = self.candidate;
        Measured { name: name.to_owned(), about: about.to_owned(), rounds: Vec::new() }
    }
}
