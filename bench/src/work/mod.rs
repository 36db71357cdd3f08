//! What is measured: the candidates, the method, and the columns people read.

mod breaker;
mod cache;
mod catalog;
mod coalesce;
mod idle;
mod latency;
mod method;
mod stampede;
mod throughput;

use anyhow::ensure;
use tempfile::TempDir;

use self::method::{Method, Turn};
pub(crate) use self::{
    cache::Shape,
    catalog::{
        all, breaker, caches, coalesce, idle, latency, pass_through, resilience, routes, stampedes, unit,
    },
};
use crate::{
    Options,
    machine::Machine,
    record::{Figures, Measured, Run},
    server::{Candidate, Server},
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
    /// Says whether a run reaches what it must reach; an error when it does not.
    pub(crate) bar: Option<fn(&Run) -> anyhow::Result<String>>,
    candidates: Vec<Candidate>,
    method: Method,
}

/// How a candidate is compared with a baseline, round by round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// How many times as much.
    Ratio,
    /// How much more.
    Added,
    /// What share is spared.
    Spared,
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

/// A candidate with all that a round needs; it lives through all rounds.
struct Subject {
    candidate: Candidate,
    server: Option<Server>,
    script: Script,
    /// Holds the script's files.
    _dir: TempDir,
}

impl Work {
    /// Whether servers are measured, and so whose versions matter.
    pub(crate) const fn needs_servers(&self) -> bool {
        !matches!(self.method, Method::Breaker)
    }

    /// Measures every candidate, round by round.
    ///
    /// # Errors
    /// When a server does not start or gives a wrong answer, when a request fails, or when nothing is left to measure.
    pub(crate) fn measure(&self, options: &Options) -> anyhow::Result<Run> {
        let method = self.method;
        if matches!(method, Method::Breaker) {
            return breaker::measure(options);
        }
        let wanted = |candidate: &&Candidate| {
            options.only.is_empty() || options.only.iter().any(|part| candidate.name.contains(part))
        };
        let candidates: Vec<_> = self.candidates.iter().filter(wanted).copied().collect();
        ensure!(!candidates.is_empty(), "{}: no candidate is called that", self.name);
        let (at, machine, seconds) = (Run::now(), Machine::look()?, method.seconds(options.quick));
        let origin = method.origin()?;
        let subjects = candidates.into_iter().map(|one| method.prepare(one, &origin));
        let subjects = subjects.collect::<anyhow::Result<Vec<_>>>()?;
        let named = subjects.iter().map(Subject::unmeasured).collect();
        let candidates = in_turn(self.name, options.rounds, &subjects, named, |subject, round| {
            let seed = options.seed.wrapping_add(u64::from(round) - 1);
            method.round(subject, &origin, Turn { round, seconds, seed, quick: options.quick })
        })?;
        let seed = method.is_random().then_some(options.seed);
        Ok(Run { work: self.name.to_owned(), at, machine, seconds, seed, candidates })
    }
}

/// Measures all subjects once, then all of them again, and so on: what drifts with the machine drifts for all alike.
fn in_turn<S>(
    work: &str,
    rounds: u32,
    subjects: &[S],
    mut measured: Vec<Measured>,
    measure: impl Fn(&S, u32) -> anyhow::Result<Figures>,
) -> anyhow::Result<Vec<Measured>> {
    for round in 1..=rounds {
        for (subject, measured) in subjects.iter().zip(&mut measured) {
            eprintln!("{work}: round {round} of {rounds}: {}", measured.name);
            measured.rounds.push(measure(subject, round)?);
        }
    }
    Ok(measured)
}

impl Subject {
    fn unmeasured(&self) -> Measured {
        let Candidate { name, about, .. } = self.candidate;
        Measured { name: name.to_owned(), about: about.to_owned(), rounds: Vec::new() }
    }
}
