//! A run as it is kept: every row of every system, latencies as histograms, and what a reader needs to judge or repeat it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::ValueEnum;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{
    scenario::{Name, Scenario},
    scrape::Alarms,
    systems::System,
    tally::{Latencies, Row},
    watch::Watched,
};
use crate::{machine::Machine, record::root};

/// Where runs are kept, from the root of the repository.
const RUNS: &str = "bench/replay/runs";

/// A histogram as pairs of microseconds and count.
pub(crate) type Pairs = Vec<(u64, u64)>;

/// All systems in one scenario, in one run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The scenario, with its times.
    pub(crate) scenario: Scenario,
    /// When it began, UTC, to the minute.
    pub(crate) at: String,
    /// Where.
    pub(crate) machine: Machine,
    /// What the dice were thrown from.
    pub(crate) seed: u64,
    /// How long a caller waits, in milliseconds.
    pub(crate) patience_ms: u64,
    /// Names of the figures in a row.
    pub(crate) columns: Vec<String>,
    /// What was found.
    pub(crate) systems: Vec<Measured>,
}

/// One system.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Its name.
    pub(crate) name: String,
    /// How it was set up.
    pub(crate) about: String,
    /// Whether its turn kept its times.
    pub(crate) watched: Watched,
    /// Alarms it raised, as far as it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alarms: Option<Alarms>,
    /// Latencies by phase.
    pub(crate) latencies: BTreeMap<String, Kept>,
    /// One row after the other, from second 0.
    pub(crate) rows: Vec<Row>,
}

/// Latencies of a phase.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Of good answers.
    pub(crate) good: Pairs,
    /// Of refusals.
    pub(crate) refused: Pairs,
}

impl Kept {
    fn of(latencies: &Latencies) -> Self {
        Self { good: pairs(&latencies.good), refused: pairs(&latencies.refused) }
    }
}

/// The recorded values of a histogram.
pub(crate) fn pairs(histogram: &Histogram<u32>) -> Pairs {
    let recorded = histogram.iter_recorded();
    recorded.map(|step| (step.value_iterated_to(), u64::from(step.count_at_value()))).collect()
}

impl Measured {
    /// Of rows with their latencies.
    ///
    /// # Errors
    /// Never: see [`Latencies::add`].
    pub(crate) fn new(
        (name, about): (&str, &str),
        alarms: Option<Alarms>,
        scenario: &Scenario,
        rows: &[(Row, Latencies)],
    ) -> anyhow::Result<Self> {
        let mut latencies = BTreeMap::new();
        for phase in &scenario.phases {
            let mut sum = Latencies::new()?;
            let row = |second: u32| usize::try_from(second / scenario.row_seconds);
            for (_, one) in rows.get(row(phase.from)?..row(phase.to)?).unwrap_or_default() {
                sum.add(one)?;
            }
            latencies.insert(phase.name.clone(), Kept::of(&sum));
        }
        let rows = rows.iter().map(|(row, _)| *row).collect();
        let watched = Watched::default();
        Ok(Self { name: name.to_owned(), about: about.to_owned(), watched, alarms, latencies, rows })
    }
}

impl Run {
    /// Why the run proves nothing about Banyan, whose turn others shared that are compared with it; empty when it does.
    /// Those that do not guard the database have a turn of their own, and whether that was disturbed is said of them.
    pub(crate) fn void(&self) -> Vec<String> {
        let name = System::Banyan.candidate().name;
        let banyan = self.systems.iter().find(|measured| measured.name == name).or(self.systems.first());
        banyan.map(|measured| measured.watched.void()).unwrap_or_default()
    }

    /// Where the run is kept, from the root of the repository. A void run has a name that is never looked for.
    pub(crate) fn file(&self) -> PathBuf {
        let void = if self.void().is_empty() { "" } else { "-void" };
        Path::new(RUNS).join(format!("{}-{}{void}.json", self.at, what(self.scenario.name)))
    }

    /// Writes the run down.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn keep(&self) -> anyhow::Result<PathBuf> {
        let path = root().join(self.file());
        fs::create_dir_all(root().join(RUNS))?;
        fs::write(&path, serde_json::to_string(self)? + "\n").with_context(|| path.display().to_string())?;
        Ok(self.file())
    }

    /// The newest run of each scenario, in the order of scenarios; runs that are void are not among them.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn newest() -> anyhow::Result<Vec<Self>> {
        let Ok(entries) = fs::read_dir(root().join(RUNS)) else { return Ok(Vec::new()) };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        // The names begin with the time.
        files.sort();
        let of = |name: Name| {
            let end = format!("-{}.json", what(name));
            files.iter().rfind(|file| file.to_string_lossy().ends_with(&end))
        };
        Name::value_variants().iter().filter_map(|name| of(*name)).map(|file| read(file)).collect()
    }
}

fn read(file: &Path) -> anyhow::Result<Run> {
    let text = fs::read_to_string(file)?;
    serde_json::from_str(&text).with_context(|| file.display().to_string())
}

/// The scenario's name as it stands in names of files.
pub(crate) fn what(name: Name) -> String {
    format!("{name:?}").to_lowercase()
}
