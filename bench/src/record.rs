//! A run as it is kept: every figure of every round, and the machine it was taken on.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::machine::Machine;

/// Figures of one round, by name; the name ends in the unit.
pub(crate) type Figures = BTreeMap<String, f64>;

/// All candidates on one work, in one run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// What was measured: `pass-through`, `unit`, ...
    pub(crate) work: String,
    /// When it began, UTC, to the minute: `2026-11-21T0712`.
    pub(crate) at: String,
    /// Where.
    pub(crate) machine: Machine,
    /// Seconds each round measured each candidate; 0 where time does not matter.
    pub(crate) seconds: u64,
    /// What randomness was drawn from, where there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// What was found.
    pub(crate) candidates: Vec<Measured>,
}

/// One candidate.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Its name.
    pub(crate) name: String,
    /// How it was set up.
    pub(crate) about: String,
    /// One entry per round; the n-th rounds of all candidates were taken one after the other.
    pub(crate) rounds: Vec<Figures>,
}

impl Measured {
    /// One figure over all rounds.
    pub(crate) fn figure<'a>(&'a self, name: &'a str) -> impl Iterator<Item = f64> + 'a {
        self.rounds.iter().filter_map(|round| round.get(name).copied())
    }
}

impl Run {
    /// The time of a run that begins now.
    pub(crate) fn now() -> String {
        let now = OffsetDateTime::now_utc();
        format!("{}T{:02}{:02}", now.date(), now.hour(), now.minute())
    }

    /// Where the run is kept, from the root of the repository.
    pub(crate) fn file(&self) -> PathBuf {
        Path::new("bench/runs").join(format!("{}-{}.json", self.at, self.work))
    }

    /// Writes the run down.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn keep(&self) -> anyhow::Result<PathBuf> {
        let file = self.file();
        let path = root().join(&file);
        fs::create_dir_all(root().join("bench/runs"))?;
        fs::write(&path, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| path.display().to_string())?;
        Ok(file)
    }

    /// The newest run of a work; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn newest(work: &str) -> anyhow::Result<Option<Self>> {
        let Ok(entries) = fs::read_dir(root().join("bench/runs")) else { return Ok(None) };
        let suffix = format!("-{work}.json");
        let of_work = |path: &PathBuf| {
            // `2026-11-21T0712` has fixed length: `unit` must not find `other-unit`.
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.ends_with(&suffix) && name.len() == "2026-11-21T0712".len() + suffix.len()
        };
        // The names begin with the time, so that the last in order is the newest.
        let newest = entries.flatten().map(|entry| entry.path()).filter(of_work).max();
        let Some(path) = newest else { return Ok(None) };
        let text = fs::read_to_string(&path)?;
        serde_json::from_str(&text).map(Some).with_context(|| path.display().to_string())
    }
}

/// Root of the repository.
pub(crate) fn root() -> &'static Path {
    // The workspace's folder holds this crate's, so there is a parent.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}
