//! The process: version, config, readiness.

use banyan_config::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::{
    readiness::Verdict,
    reload::{Failure, ReloadError, ReloadStatus},
};

/// How the process stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusView {
    /// Version of the program.
    pub(crate) version: &'static str,
    /// When the process started.
    #[schema(format = DateTime)]
    pub(crate) started_at: String,
    /// `starting`, `warming` (the cache is filled first), `ready` or `draining`.
    pub(crate) readiness: &'static str,
    /// Configs applied since the start, the first one included.
    pub(crate) generation: u64,
    /// SHA-256 of the running config's text, hex.
    pub(crate) config_hash: String,
    /// When the running config was applied.
    #[schema(format = DateTime)]
    pub(crate) applied_at: String,
    /// Why the newest reload was refused; null when it was not.
    pub(crate) last_reload_error: Option<ReloadErrorView>,
    /// Since when this node is cut off from the state store; null while it is not. It serves on as it was meanwhile.
    #[schema(format = DateTime)]
    pub(crate) cut_off_since: Option<String>,
}

/// A refused reload.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReloadErrorView {
    #[schema(format = DateTime)]
    at: String,
    /// What asked for the reload: `api`, `signal` or `file`.
    trigger: String,
    message: String,
    /// Everything that is wrong with the file.
    problems: Vec<PlaceView>,
}

/// One thing that is wrong with a config.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlaceView {
    message: String,
    /// From 1; null for the file as a whole.
    line: Option<usize>,
    /// From 1, in characters; null for the file as a whole.
    column: Option<usize>,
    /// What to do about it.
    help: Option<String>,
}

/// Which config runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConfigView {
    /// The file, as it was given at the start.
    pub(crate) path: String,
    /// SHA-256 of its text when it was applied, hex.
    pub(crate) hash: String,
    /// Configs applied since the start, the first one included.
    pub(crate) generation: u64,
}

/// The process lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthView {
    #[schema(example = "ok")]
    pub(crate) status: &'static str,
}

/// The process takes traffic.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadyView {
    #[schema(example = "ready")]
    pub(crate) status: &'static str,
    /// Since when this node is cut off from the state store; absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(crate) cut_off_since: Option<String>,
}

impl StatusView {
    pub(crate) fn new(
        version: &'static str,
        started_at: std::time::SystemTime,
        verdict: Verdict,
        reload: ReloadStatus,
        cut_off_since: Option<std::time::SystemTime>,
    ) -> Self {
        Self {
            version,
            started_at: rfc3339(started_at),
            readiness: verdict.word(),
            generation: reload.generation,
            config_hash: reload.hash,
            applied_at: rfc3339(reload.applied_at),
            last_reload_error: reload.last_error.as_ref().map(ReloadErrorView::from),
            cut_off_since: cut_off_since.map(rfc3339),
        }
    }
}

impl From<&Failure> for ReloadErrorView {
    fn from(failure: &Failure) -> Self {
        Self {
            at: rfc3339(failure.at),
            trigger: failure.trigger.to_string(),
            message: failure.error.to_string(),
            problems: PlaceView::all(&failure.error),
        }
    }
}

impl PlaceView {
    /// Everything a refused reload says about the file; nothing when the file is not to blame.
    pub(crate) fn all(error: &ReloadError) -> Vec<Self> {
        match error {
            ReloadError::Config(report) => report.problems().iter().map(Self::from).collect(),
            _ => Vec::new(),
        }
    }
}

impl From<&Problem> for PlaceView {
    fn from(problem: &Problem) -> Self {
        Self {
            message: problem.message.clone(),
            line: problem.span.map(|span| span.line),
            column: problem.span.map(|span| span.column),
            help: problem.hint.clone(),
        }
    }
}
