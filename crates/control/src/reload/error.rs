//! Why a reload changed nothing.

use banyan_config::{Problem, Report};
use banyan_flags::SetFault;

use crate::flags::clash;

/// Why a reload changed nothing. Its text is one line; [`Report`] has the rest.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// The file says something wrong, or cannot be read.
    #[error("{}", summary(.0))]
    Config(Report),
    /// Its flags contradict those that were set at run time.
    #[error("the flags of the new config do not fit those that were set at run time: {}", clash(.0))]
    Flags(Vec<SetFault>),
    /// What can only be changed by starting anew.
    #[error("a restart is needed to change {}: undo the change, or restart", .0.join(", "))]
    NeedsRestart(Vec<&'static str>),
    /// The data plane refused.
    #[error("the new config could not be applied: {0}")]
    Refused(String),
    /// Reading it panicked: a defect of ours.
    #[error("reading the config failed: {0}")]
    Failed(String),
}

/// The first problem with its place, and how many more there are.
fn summary(report: &Report) -> String {
    let first = report.problems().first();
    let place = first.and_then(|problem| problem.span).map(|span| format!(":{}:{}", span.line, span.column));
    let message = first.map_or("is no valid config", |Problem { message, .. }| message);
    let more = match report.count() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    format!("{}{}: {message}{more}", report.file(), place.unwrap_or_default())
}
